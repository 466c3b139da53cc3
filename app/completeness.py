"""Whether words sound finished, by how they end: nobody stops for good after "the" or "quiero que"."""

import re
from typing import Final

from app.errors import Locale

_WORD: Final = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*|\d+", re.UNICODE)
_OPEN_ENDS: Final = (",", "…", "...", "-", "–", "—", ":", ";")


def _listed(phrases: str) -> tuple[str, ...]:
    return tuple(" ".join(phrase.split()) for phrase in phrases.split("|"))


_OPEN_WORDS: Final[dict[Locale, frozenset[str]]] = {
    "es": frozenset(
        """
        el la los las un una unos unas al del lo mi mis tu tus su sus nuestro nuestra nuestros nuestras
        cada cualquier algún ningún este esta estos estas ese esa esos esas aquel aquella cuyo cuya
        a ante bajo con contra de desde durante en entre hacia hasta mediante para por según sin sobre tras
        y e o u ni que pero sino aunque porque pues si como cuando donde mientras qué cuál
        muy más menos tan casi me te se nos le les
        es son era eran fue será sea sean está están estaba soy estoy he ha han había hay haber
        tengo tiene tenemos tenía quiero quiere quisiera quería querría queremos necesito necesita necesitamos
        prefiero prefiere puedo puede podría podrías debo debe debería deberíamos voy vas va vamos suelo
        dile dígale dijeras digas ponme búscame
        eh em este entonces bueno mmm
        """.split()
    ),
    "en": frozenset(
        """
        the a an my your his its our their this these those every each some any no another such
        of from with by at for in into onto about between among during until till since than as without
        through against toward towards per via to
        and or but nor because although though unless whether if while that which whose who whom
        very more less too quite rather really so such little
        is are was were be been being am isn't aren't wasn't i'm it's he's she's we're they're
        you're that's i'd i'll i've we've you've we'd we'll have has had do does did will would can could
        shall should may might must want wants wanted need needs like
        um uh er erm hmm well okay
        """.split()
    ),
}

_OPEN_PHRASES: Final[dict[Locale, tuple[str, ...]]] = {
    "es": _listed(
        """
        me gustaría | te gustaría | o sea | es decir | por ejemplo | me puedes | puedes | sabes si | lo
        que | para que | creo que | antes de | después de | además de | a ver | no sé | mi número | por
        qué el | una cosa | ten en cuenta | quiero decir | igual a
        """
    ),
    "en": _listed(
        """
        would like | i'd like | want to | going to | you know | i mean | for example | sort of | kind of |
        used to | such as | as well as | instead of | let me | i think | i guess | i believe | let's say |
        the one | could you | can you | would you | i was wondering | how about | what about
        """
    ),
}

_WHOLE: Final[dict[Locale, frozenset[str]]] = {
    # Said like this and no longer, they are whole, although their last word is open.
    "es": frozenset(
        _listed(
            """
        más | menos | bueno | este | esta | ese | esa | estos | estas | esos | esas | como | cuando | qué
        | cuál | por qué | para qué | y qué | de quién | ya está | así es | eso es | ahí está | aquí está
        | no es | sí es | no hay | sí hay | no puedo | no quiero | no tengo | ya voy | no este | no ese |
        no esa | vale este | sí este | no me gustaría
            """
        )
    ),
    "en": frozenset(
        _listed(
            """
        more | less | no | okay | well | very well | no more | once more | that | this | these | those |
        like this | like that | not this | not that | why not | me too | you too | i do | i don't | i am |
        i can | i will | i did | i have | yes i am | yes i do | no i don't | yes it is | is that it |
        that's it | this is it | i need this | i want this | i want that | do that | stop that | tell me
        more | and that | thank you so much
            """
        )
    ),
}

_ASKS_WITH_ITS_END: Final[dict[Locale, re.Pattern[str]]] = {
    # A question, also one within a sentence, may end in its verb ("Dime qué hora es", "what time it is"), and
    # an English one in its preposition ("What is this for?").
    "es": re.compile(
        r"\b(?:(?:qué|cuánt[oa]s?|dónde|cómo|quién|cuándo)(?: \w+){0,6}|que hora) "
        r"(?:es|son|era|eran|fue|será|está|están|hay|había|tengo|tiene|puedo|debo|debería)$"
    ),
    "en": re.compile(
        r"\b(?:who|what|where|which|how|when)(?:'s|'re)?(?: [\w']+){1,7} "
        r"(?:is|are|was|were|am|will be|can|should|for|from|about|with)$|"
        r"\b(?:who|what|where)(?:'s|'re)? (?:\w+ )?(?:it|that|this)$|"
        r"^(?:who|what|where|which)(?: [\w']+){1,5} (?:to|at)$"
    ),
}

_OPEN_BEGINNINGS: Final[dict[Locale, re.Pattern[str]]] = {
    # A clause that leans on another one, and no other one in sight.
    "es": re.compile(
        r"^(?:y |pero |pues |bueno )?"
        r"(?:(?:si|cuando|aunque|como|mientras|porque|en cuanto|antes de|después de)\b|"
        r"para (?:\w+[aei]r o )?(?!ayer\b|mujer\b|mar\b|bar\b|hogar\b)\w+[aei]r(?:l[aeo]s?|[mts]e|nos)? \w)"
    ),
    "en": re.compile(
        r"^(?:and |but |so |well )?"
        r"(?:if|although|though|because|unless|once|while|since|after|before|as soon as|"
        r"when(?= (?:i|you|he|she|it|we|they|the|my|your|his|her|our|their)\b)|"
        r"in order to|to(?= (?!the\b)\w+ (?:the|my|your|his|her|our|their|this|that|these|it|him|them)\b))\b"
    ),
}

_LEANING_WORDS: Final = 6
"""A clause that leans and goes on for longer has most likely reached its main one."""


def sounds_finished(text: str, language: Locale) -> bool:
    """Return whether a person who has said this may well have said all.

    Args:
        text: What a recogniser made of it; its full stops mean nothing, its commas and dots at the end do.
        language: Whose words they are.
    """
    spoken = text.strip().lower().replace("’", "'")
    if spoken.rstrip("?!¡¿\"'» ").endswith(_OPEN_ENDS):
        return False
    words = _WORD.findall(spoken)
    if not words:
        return False
    plain = " ".join(words)
    if plain in _WHOLE[language] or _ASKS_WITH_ITS_END[language].search(plain):
        return True
    if words[-1] in _OPEN_WORDS[language] or _ends_with(plain, _OPEN_PHRASES[language]):
        return False
    leans = _OPEN_BEGINNINGS[language].match(plain) is not None
    return not (leans and len(words) <= _LEANING_WORDS and "," not in spoken)


def _ends_with(plain: str, ends: tuple[str, ...]) -> bool:
    return f" {plain}".endswith(tuple(f" {end}" for end in ends))
