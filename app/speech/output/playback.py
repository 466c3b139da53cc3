"""Where a turn's sound has got to: how much was sent, and how much of it the user has heard.

All places are milliseconds of the turn's sound; all moments are seconds on the loop's clock.
"""

from bisect import bisect_right
from typing import Final

from app.speech.base import WordEnd

STANDS_STILL_S: Final = 10.0
"""A client that says for so long that it is in the same place is not believed any more, in seconds."""


class Playback:
    """Follows one turn's sound.

    What was heard is what the client reported last, and the time since, but never more than was sent. A
    client that never reports is taken to play in real time from the first frame on; so is one whose player
    stands still, until it plays on, or no turn of it would ever end.

    Attributes:
        sent_ms: How much has been sent.
    """

    def __init__(self) -> None:
        self.sent_ms = 0.0
        self._base_ms = 0.0
        self._base_at = 0.0
        self._is_paused = False
        self._is_settled = False
        self._furthest_ms = -1.0
        self._got_there_at = 0.0
        self._ends_ms: list[float] = []
        self._chars: list[int] = []

    # The words

    def add_word(self, word: WordEnd) -> None:
        """A word of the turn ends; `chars` counts the turn's text. Words come in order."""
        self._ends_ms.append(max(word.ms, self._ends_ms[-1] if self._ends_ms else 0.0))
        self._chars.append(word.chars)

    def chars_at(self, ms: float) -> int:
        """Characters of the turn's text that had been spoken whole by then: the cut is at a word."""
        words = bisect_right(self._ends_ms, ms)
        return self._chars[words - 1] if words else 0

    # The time

    def played_ms(self, now: float) -> float:
        """Return how much the user has heard, by all that is known."""
        since_ms = 0.0 if self._is_paused else (now - self._base_at) * 1000
        return min(self.sent_ms, self._base_ms + since_ms)

    def send_up_to(self, ms: float, now: float) -> None:
        """So much has been sent."""
        self._settle(now)
        self.sent_ms = ms

    def report(self, played_ms: float, now: float) -> None:
        """The client says how much it has played, counted from the start of the turn's sound."""
        if self._stands_still(played_ms, now):
            return
        self._base_ms = min(played_ms, self.sent_ms)
        self._base_at = now
        if self._is_settled:
            self._is_paused = True

    def _stands_still(self, played_ms: float, now: float) -> bool:
        """Whether the client says what it has said before, for too long; it may, where it is to be quiet."""
        is_news = played_ms > self._furthest_ms or played_ms >= self.sent_ms
        if is_news or self._is_settled or self._is_paused:
            self._furthest_ms, self._got_there_at = played_ms, now
        return now - self._got_there_at > STANDS_STILL_S

    def expect_pause(self) -> None:
        """The client was asked to be quiet: its next report says where it stopped."""
        self._is_settled = True

    def pause(self, now: float) -> None:
        """Nothing is played from now on."""
        self._settle(now)
        self._is_paused = True

    @property
    def has_stopped(self) -> bool:
        """Whether it is known where the client stopped."""
        return self._is_paused

    def go_on(self, now: float) -> None:
        """It is played again, from where it stopped."""
        self._settle(now)
        self._is_paused = self._is_settled = False

    def rewind(self, ms: float, now: float) -> None:
        """What was sent beyond `ms` counts as not sent."""
        self.sent_ms = self._base_ms = ms
        self._base_at = now
        self._furthest_ms = -1.0

    def _settle(self, now: float) -> None:
        self._base_ms = self.played_ms(now)
        self._base_at = now
