"""Whether words that would stop the agent are a nod that was misheard: "Come on" for "Go on".

The nods, and what they could be mixed up with, are held against the sound itself (`forced.py`). A nod wins
only where the sound speaks for it and clearly less for every other phrase, and where the words that were read
are somewhat like it; in all other cases the reading stands, since an order that is taken for a nod costs more
than a nod that is taken for an order.

The bounds were found on made speech and on single words of people; see docs/voice.md.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.errors import Locale
from app.speech.detection.barge_in import SpeechOver, judge
from app.speech.detection.barge_in_words import OTHERS as ANSWERS
from app.speech.detection.barge_in_words import STOPS
from app.speech.engines.stt.belief import is_clear
from app.speech.engines.stt.checks import plain
from app.speech.engines.stt.contrary import Looks
from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.whisper import Reading
from app.speech.engines.stt.windows import speech_s
from app.speech.likeness import alike, sounds_of
from app.speech.pcm import Samples

_GAIN: Final = 1.5
"""How much more than silence the sound has to speak for a nod, in natural logarithms; nods that were misheard
had 1.7 to 5.7."""
_MARGIN: Final = 3.0
"""How much more than for any other phrase: with half of it a few of 469 words that are no nods would be."""
_LIKELIHOOD: Final = -13.5
"""The logarithm that the nod's own likelihood needs: below it nothing explains the sound."""
_LIKENESS: Final = 0.4
"""Of the nod to one of the readings; "Of course" has 0.48 to "I'm close", "Comprendo" 0.34 to "Golzie"."""
_MS_AT_MOST: Final = 300
_MS_PER_LETTER: Final = 120
"""How long a nod of so many letters lasts at most; drawn out beyond that, another word is longer."""
_NODS_LOOKED_AT: Final = 3
_OTHERS_LOOKED_AT: Final = 8
_LIKE_LOOKED_AT: Final = 2
"""Phrases whose first token is likeliest, and those that sound most like what was read. Each costs 14 ms of a
core; the others are asked about only where a nod may win."""

_PHRASE: Final = re.compile(r"[¿A-ZÁÉÍÓÚ][^.?]{0,40}[.?]")


def _phrases(text: str) -> tuple[str, ...]:
    return tuple(_PHRASE.findall(text))


NODS: Final[dict[Locale, tuple[str, ...]]] = {
    "es": _phrases(
        "Sí. Sí, sí. Ajá. Vale. Vale, vale. Ah, vale. Claro. Claro que sí. Sí, claro. Ok. De acuerdo. "
        "Entiendo. Ya entiendo. Entendido. Comprendo. Exacto. Eso es. Así es. Muy bien. Está bien. "
        "Perfecto. Por supuesto. Genial. Bueno. Qué bien. Sigue. Sí, sigue. Continúa. Adelante. Cierto. Es "
        "verdad. Desde luego. Estupendo. Correcto. Dale. Ya veo. Excelente. Fantástico. Sin duda."
    ),
    "en": _phrases(
        "Yeah. Yes. Yep. Right. All right. Uh-huh. Mm-hmm. Okay. Oh, okay. Sure. I see. Oh, I see. Got it. "
        "Of course. Makes sense. Exactly. Cool. Great. Nice. Good. Very good. Absolutely. Definitely. True. "
        "That's right. That's true. Fine. Perfect. Wow. Go on. Go ahead. Carry on. Keep going. Continue. "
        "Interesting. Fair enough. I understand. Understood. Sounds good. Indeed. Totally. Certainly. "
        "Amazing. Awesome. Lovely. Correct. I get it."
    ),
}
"""As the model writes them. Thanks are not among them: it hears those in anything."""

OTHERS: Final[dict[Locale, tuple[str, ...]]] = {
    "es": _phrases(
        "Para. Para ya. Pare. Espera. Espere. Espérate. Alto. Basta. Ya basta. Ya está. Cállate. Calla. "
        "Silencio. Stop. Un momento. Un segundo. Momento. No. No, no. Perdona. Oye. Oiga. Escucha. Déjalo. "
        "Déjame. Olvídalo. Cancela. Corta. Suficiente. Deja de hablar. Pausa. Pero. Otra cosa. Mejor. ¿Qué? "
        "¿Cómo? Repite. Otra vez. Más despacio. Siguiente. Aguarda. Ya no. Eso no. Que no. Claro que no. No "
        "vale. No es así. Ya lo sé. Incorrecto. Hola. Nada. Mal. Gracias."
    ),
    "en": _phrases(
        "Stop. Stop it. Stop talking. Wait. Hold on. Hang on. Hold it. Quiet. Be quiet. Shut up. Enough. "
        "That's enough. No. No, no. Nope. Never mind. Cancel. Cancel that. Pause. One moment. One second. "
        "Just a second. Excuse me. Sorry. Pardon. Actually. Listen. Hey. But. Silence. Forget it. What? "
        "How? Repeat. Again. Slow down. Louder. Next. Skip. Instead. Come on. Go back. Go away. Of course "
        "not. Not right. Not good. Incorrect. I don't see. Get out. Call. Cold. Bye. Hello. You. Thank you."
    ),
}
"""What stops the agent, what sounds like a nod and is none, and what the model hears in anything."""


def misheard_nod(reading: Reading, looks: Looks, window: Samples) -> Reading:
    """The nod in place of the reading, as doubtful, where the sound is one; else the reading.

    Args:
        reading: What is believed of short speech over the agent's voice.
        looks: The model, with all its readings.
        window: The sound.
    """
    speech_ms = speech_s(window) * 1000
    language = reading.language
    if not _may_be_misheard(reading, speech_ms):
        return reading
    heard = [words for one in looks.readings if one.language == language and (words := plain(one.text))]
    nods = looks.explained(window, _phrases_like(heard, NODS[language], language, _NODS_LOOKED_AT))
    if not nods or not _is_likely(nods[0], heard, language, speech_ms):
        return reading
    others = looks.explained(window, _phrases_like(heard, OTHERS[language], language, _OTHERS_LOOKED_AT))
    if nods[0].gain < others[0].gain + _MARGIN:
        return reading
    return replace(reading, text=nods[0].phrase, is_doubtful=True)


def _phrases_like(heard: Sequence[str], known: tuple[str, ...], language: Locale, most: int) -> Phrases:
    """A list, of which those are looked at in any case that sound most like what was heard."""
    near = sorted(known, key=lambda phrase: -_likeness(phrase, heard, language))[:_LIKE_LOOKED_AT]
    return Phrases(language, known, most, tuple(near))


def _likeness(phrase: str, heard: Sequence[str], language: Locale) -> float:
    sounds = sounds_of(plain(phrase), language)
    return max((alike(sounds_of(one, language), sounds) for one in heard), default=0.0)


def _may_be_misheard(reading: Reading, speech_ms: float) -> bool:
    """Whether the words would stop the agent, and are none that is known for sure."""
    words = plain(reading.text)
    if not words or (is_clear(reading) and words in STOPS["both"]):
        return False
    if any(word.isdigit() or word in ANSWERS[reading.language] for word in words.split()):
        return False
    return judge(SpeechOver(speech_ms, reading.text, reading.language, is_final=True)) == "interruption"


def _is_likely(nod: Explained, heard: Sequence[str], language: Locale, speech_ms: float) -> bool:
    """Whether the sound speaks for a nod, for long enough, and what was heard does not speak against it."""
    letters = len(plain(nod.phrase).replace(" ", ""))
    is_explained = nod.gain >= _GAIN and nod.likelihood >= _LIKELIHOOD
    is_alike = _likeness(nod.phrase, heard, language) >= _LIKENESS
    return is_explained and is_alike and speech_ms <= _MS_AT_MOST + _MS_PER_LETTER * letters
