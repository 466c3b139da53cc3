"""What a transcript's text gives away: that the recogniser went round in circles, or heard words in noise."""

import re
from itertools import pairwise
from typing import Final

from app.letters import bare

_LONGEST_PHRASE: Final = 8
"""Words of the longest phrase whose repeats are looked for."""

_SHORTEST_SENTENCE: Final = 3
"""Words; shorter ones are said twice for emphasis."""

_SENTENCE_ENDS: Final = re.compile(r"[.?!¿¡]+")

_STAMMER: Final = re.compile(r"(?<!\w)\w+(?:-\w+){4,}")
"""“na-na-na-na-na” is one word to the eye."""

_FREE_REPEATS: Final = 3
"""As often people say a word in a row: "no, no, no"."""

_ASIDES: Final = re.compile(r"\[[^\[\]]*\]|\([^()]*\)|♪[^♪]*♪?|\*[^*]*\*")
"""What subtitles write of sounds that are no words: [Música], (applause)."""

_CREDITS: Final = re.compile(
    r"subt[ií]tulos? (realizados?|por|hechos|creados)|amara\.? ?org|subtitles? by|captions? by|transcribed by"
    r"|gracias por ver( el| este)? (v[ií]deo|programa)|thanks? (you )?(so much )?for watching"
    r"|suscr[ií]bete( al canal)?\W*$|like and subscribe|nos vemos en el pr[oó]ximo v[ií]deo"
    r"|see you in the next video"
)
"""What the subtitles that the model has learnt from hold and nobody says to an agent."""

_LIKELY_NOISE: Final = frozenset(
    "gracias|muchas gracias|thank you|thank you very much|thanks|you|bye|bye bye|adios|amen|oh|hmm|mm|uh|ah"
    "|so|the end|fin|i m sorry|okay|ok|hey|yeah|go|let s go|que|pues|musica|aplausos|music".split("|")
)
"""Common words that the model also writes where there is only noise: they need its confidence."""

_SURE: Final = 0.5
_SURE_OF_REPEATS: Final = 0.65
"""The same for one word said again and again: coughs come out as "no, no, no" and "go, go, go"."""

_INTERJECTION: Final = re.compile(r"h*m+|h+u+m*|[aeou]+h+|a+|e+|o+|u+|u+h*m+|e+r+m*|a+y+|u+y+|o+y+")
"""A sound of a throat, as it is written: ah, eh, err, hmm, oh, uh. "Mm-hmm" and "uh-huh" mean something."""

_MEANT: Final = frozenset({"mm hmm", "mm hm", "uh huh", "hm hm", "mhm"})


def plain(text: str) -> str:
    """The words alone: lower case, without accents and marks."""
    return " ".join(re.findall(r"\w+", bare(text)))


def has_loop(text: str) -> bool:
    """Whether something is repeated as people do not: the recogniser has lost its way."""
    return without_repeats(text) != " ".join(text.split())


def without_repeats(text: str) -> str:
    """The text with phrases that are said over and over said once; a word may stand three times."""
    words = _STAMMER.sub(lambda spelt: spelt[0].replace("-", " "), text).split()
    keys = [plain(word) or word for word in words]
    kept: list[str] = []
    at = 0
    while at < len(words):
        length, times = _repeat_at(keys, at)
        if times > 1:
            kept += words[at : at + length]
            at += length * times
        else:
            kept.append(words[at])
            at += 1
    return " ".join(kept)


def says_again(text: str) -> bool:
    """Whether a whole sentence stands twice in a row: people do that now and then, lost recognisers often."""
    sentences = [words for part in _SENTENCE_ENDS.split(text) if (words := plain(part))]
    return any(one == other and len(one.split()) >= _SHORTEST_SENTENCE for one, other in pairwise(sentences))


def without_asides(text: str) -> str:
    """The text without what it says of sounds that are no words."""
    return " ".join(_ASIDES.sub(" ", text).split())


def is_made_up(text: str, confidence: float) -> bool:
    """Whether the text is what a recogniser writes where nobody spoke.

    Args:
        text: What it wrote.
        confidence: How sure it was, 0 to 1.
    """
    words = plain(text)
    if not words or _CREDITS.search(text.lower()):
        return True
    each = words.split()
    if len(each) > 1 and len(set(each)) == 1 and confidence < _SURE_OF_REPEATS:
        return True
    return words in _LIKELY_NOISE and confidence < _SURE


def is_interjection(text: str) -> bool:
    """Whether there is nothing in the text but sounds that ask for no answer."""
    words = plain(text)
    return words not in _MEANT and all(_INTERJECTION.fullmatch(word) for word in words.split())


def is_out_of_prompt(text: str, prompt: str) -> bool:
    """Whether each sentence stands in the words that were only given as likely ones.

    A model that hears nothing it knows repeats those; so may a user, but then it is sure of them.
    """
    sentences = [words for part in _SENTENCE_ENDS.split(text) if (words := plain(part))]
    given = f" {plain(prompt)} "
    return bool(sentences) and all(f" {words} " in given for words in sentences)


def _repeat_at(keys: list[str], at: int) -> tuple[int, int]:
    """The length of the phrase that begins here, and how often in a row it stands; (1, 1) for no repeat."""
    for length in range(1, _LONGEST_PHRASE + 1):
        phrase = keys[at : at + length]
        times = 1
        while keys[at + times * length : at + (times + 1) * length] == phrase and len(phrase) == length:
            times += 1
        # One word may be said three times, a short phrase twice ("sí, sí, claro", "no sé, no sé").
        allowed = _FREE_REPEATS if length == 1 else 2
        if times > allowed:
            return length, times
    return 1, 1
