"""Several readings of the same sound beside each other: whether they agree, and whether one contradicts."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from app.speech.detection.barge_in import SpeechOver, judge
from app.speech.engines.stt.belief import evidence, is_clear
from app.speech.engines.stt.checks import is_interjection, plain, without_asides
from app.speech.engines.stt.credits import without_credits
from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.loops import without_repeats
from app.speech.engines.stt.whisper import Asked, Reading, Whisper
from app.speech.pcm import Samples

_CONTRARY_EVIDENCE: Final = 0.15
"""Evidence from which on a reading that is no nod speaks against one that is: readings of nods that were lost
reached 0.05, those of orders began at 0.29."""
_NEARLY: Final = 0.7
"""Share of the nod's evidence that it needs: those of orders had 0.83 and more, "the highs" for "nice" 0.47.
"""
_AGREED_EVIDENCE: Final = 0.33
"""Of each of two readings that agree. "One, two, three" for coughs had 0.39 and, read again, 0.05."""
_AGREED_WORDS: Final = 2
"""Words, all of them others, that two readings have to have in common: sounds are read the same twice as one
word, such as "Okay", or as one again and again."""


class Looks:
    """A model that keeps what it has read of one window.

    Args:
        whisper: The model.

    Attributes:
        readings: All so far, in order.
    """

    def __init__(self, whisper: Whisper) -> None:
        self.readings: list[Reading] = []
        self._whisper = whisper

    def read(self, samples: Samples, asked: Asked, *, full: bool = False) -> Reading:
        """As `Whisper.read`."""
        reading = self._whisper.read(samples, asked, full=full)
        self.readings.append(reading)
        return reading

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        """As `Whisper.explained`."""
        return self._whisper.explained(samples, phrases)


def likeliest(readings: Sequence[Reading]) -> Reading | None:
    """Of readings that are all not believed the surest one with words, as a doubtful one."""
    spoken = [replace(one, text=without_credits(without_asides(one.text))) for one in readings]
    worded = [one for one in spoken if plain(one.text) and not is_interjection(one.text)]
    best = max(worded, key=evidence, default=None)
    return best and replace(best, text=without_repeats(best.text), is_doubtful=True)


def is_agreed(reading: Reading, readings: Sequence[Reading]) -> bool:
    """Return whether two of the readings are these very words, and enough of them not to be chance."""
    words = plain(reading.text)
    same = [
        one
        for one in readings
        if plain(one.text) == words and one.language == reading.language and evidence(one) >= _AGREED_EVIDENCE
    ]
    return len({*words.split()}) >= _AGREED_WORDS and len(same) > 1


def contradicted(reading: Reading, readings: Sequence[Reading], speech_ms: float) -> Reading:
    """The reading, unless it is an unsure nod and another one of the sound is none: then that, as doubtful.

    A nod that is taken for more costs the agent a word; an order that is taken for a nod, the user's trust.
    """
    if is_clear(reading) or not _is_nod(reading, speech_ms):
        return reading
    needed = max(_CONTRARY_EVIDENCE, _NEARLY * evidence(reading))
    others = [
        one
        for one in readings
        if evidence(one) >= needed and not is_interjection(one.text) and not _is_nod(one, speech_ms)
    ]
    best = max(others, key=evidence, default=None)
    return replace(best, is_doubtful=True) if best else reading


def _is_nod(reading: Reading, speech_ms: float) -> bool:
    heard = SpeechOver(speech_ms, reading.text, reading.language, is_final=True)
    return bool(plain(reading.text)) and judge(heard) == "assent"
