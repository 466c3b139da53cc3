"""How much of Kokoro's time is promised: which answers it may speak without gaps in any of them."""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

FIRST_GUESS: Final = 0.8
"""Seconds of work for a second of sound, before anything was measured."""

_MOST: Final = 0.95
"""The work that is promised for each worker, in seconds a second. With more, answers were heard with gaps."""

_MOST_SHARED: Final = 0.75
"""As much is promised of a worker that speaks more than one answer: one of them is heard with gaps where a
user is understood meanwhile, or where both begin a clause in the same moment."""

_WEIGHT: Final = 0.2
_LINGER_S: Final = 1.0
"""How long an answer counts after its sound has been played: its next clause may be being thought of."""

_FORGET_S: Final = 30.0
"""A measure that is older says nothing about the machine's load now."""

_MAX_TALKS: Final = 2000


@dataclass(slots=True)
class _Answer:
    may_use: bool
    played_until: float
    owner: str = ""


class TtsAdmission:
    """Decides at an answer's first clause whether Kokoro speaks it, and stays with that.

    Moments are seconds on one clock.

    Args:
        workers: How many work at the same time.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._ratio = FIRST_GUESS
        self._measured_at = float("-inf")
        self._answers: OrderedDict[str, _Answer] = OrderedDict()

    def ratio(self, now: float) -> float:
        """Seconds of work for a second of sound, lately."""
        return self._ratio if now - self._measured_at < _FORGET_S else FIRST_GUESS

    def speaking(self, now: float) -> int:
        """Return how many answers Kokoro speaks."""
        return sum(
            1 for answer in self._answers.values() if answer.may_use and now < answer.played_until + _LINGER_S
        )

    def _has_one(self, owner: str, now: float) -> bool:
        return any(
            answer.owner == owner and answer.may_use and now < answer.played_until + _LINGER_S
            for answer in self._answers.values()
        )

    def begin(self, talk: str, now: float, owner: str = "") -> bool:
        """A talk's answer begins: whether it may have Kokoro.

        Whoever has it for an answer already gets it for another one only where that leaves room for others.
        """
        self._answers.pop(talk, None)
        room_for = self.speaking(now) + (2 if owner and self._has_one(owner, now) else 1)
        most = _MOST if room_for <= self._workers else _MOST_SHARED
        may_use = room_for * self.ratio(now) <= self._workers * most
        self._answers[talk] = _Answer(may_use, now, owner)
        if len(self._answers) > _MAX_TALKS:
            self._answers.popitem(last=False)
        return may_use

    def knows(self, talk: str) -> bool:
        """Return whether an answer of this talk has begun."""
        return talk in self._answers

    def may_use(self, talk: str) -> bool:
        """Return what was decided when this talk's answer began."""
        answer = self._answers.get(talk)
        return answer is not None and answer.may_use

    def give_up(self, talk: str) -> None:
        """Kokoro does not speak the rest of this answer."""
        if talk in self._answers:
            self._answers[talk].may_use = False

    def ahead_s(self, talk: str, now: float) -> float:
        """Return how much of the talk's sound is still to be played, at the least, in seconds."""
        answer = self._answers.get(talk)
        return max(0.0, answer.played_until - now) if answer else 0.0

    def add_sound(self, talk: str, seconds: float, now: float) -> None:
        """So much of the talk's sound has been made."""
        answer = self._answers.get(talk)
        if answer is not None:
            answer.played_until = max(answer.played_until, now) + seconds

    def measure(self, work_s: float, sound_s: float, now: float) -> None:
        """So much work made so much sound."""
        if sound_s <= 0:
            return
        last = self.ratio(now)
        self._ratio = last + _WEIGHT * (work_s / sound_s - last)
        self._measured_at = now
