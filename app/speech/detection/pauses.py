"""How much silence ends a turn: it follows the words, the sound, and the pauses that this user makes."""

from collections import deque
from dataclasses import dataclass
from statistics import quantiles
from typing import Final

LEAST_CLEAR_MS: Final = 350
"""No shorter silence ends a turn, whatever the user's pace; short answers to a question take less."""

MOST_MS: Final = 1200
"""So much silence, and words end that nothing speaks for."""

CLEAR_AT: Final = 0.9
"""As finished as sound is: above lie 71 % of 414 whole sentences of two women."""

USUAL_PAUSE_MS: Final = 350
"""A user's longest pause in one utterance, as long as nothing is known of them: of 87 pauses that two women
made in read sentences 88 % are no longer."""

MARGIN_MS: Final = 100
"""More than that of silence, and it is none of the user's usual pauses."""

SHORT_ANSWER_WORDS: Final = 3
"""So many words may be all of an answer to a question."""

SHORT_ANSWER_SAVES_MS: Final = 150
"""What they take less. `LEAST_CLEAR_MS` without it is 200: below, a stop within a word would count."""
_REMEMBERED: Final = 20
_ASSUMED: Final = 8


@dataclass(frozen=True, slots=True)
class PauseContext:
    """What is known of an utterance at a silence.

    Attributes:
        acoustic: How finished it sounds, 0 to 1.
        may_be_all: Whether its words may be all.
        words: How many they are.
        answers_question: Whether the agent has just asked something.
        paused_ms: The longest pause that its user has made in it and gone on after.
    """

    acoustic: float
    may_be_all: bool
    words: int = 0
    answers_question: bool = False
    paused_ms: float = 0.0


class Pace:
    """The pauses of one user, in one talk.

    Of each utterance the longest pause counts, 0 where it had none; of those the nine in ten that are
    shorter. As long as the talk is new, some usual ones stand among them.
    """

    def __init__(self) -> None:
        self._longest: deque[float] = deque([float(USUAL_PAUSE_MS)] * _ASSUMED, maxlen=_REMEMBERED)
        self._usual_ms = float(USUAL_PAUSE_MS)

    @property
    def usual_ms(self) -> float:
        """No longer is nine in ten of the user's utterances' longest pause."""
        return self._usual_ms

    def add(self, longest_pause_ms: float) -> None:
        """An utterance is over."""
        self._longest.append(longest_pause_ms)
        self._usual_ms = quantiles(self._longest, n=10, method="inclusive")[-1]


def silence_ms(ending: PauseContext, pace: Pace) -> float:
    """Return the silence that ends the turn, in milliseconds.

    Words that cannot be all take the longest. Else it is the less, the more finished they sound, down to a
    little more than the user's usual pauses, and than those that they have made on the way.
    """
    if not ending.may_be_all:
        return MOST_MS
    clear = max(max(pace.usual_ms, ending.paused_ms) + MARGIN_MS, LEAST_CLEAR_MS)
    if ending.answers_question and ending.words <= SHORT_ANSWER_WORDS:
        clear -= SHORT_ANSWER_SAVES_MS
    clear = min(clear, MOST_MS)
    return MOST_MS - (MOST_MS - clear) * min(ending.acoustic / CLEAR_AT, 1.0)
