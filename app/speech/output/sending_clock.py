"""The clock by which sound is sent: the client's, without the unrest of its reports.

A report says where the client is, but comes late by what the network and this process took. Frames that were
sent by reports alone would be as uneven as those are.
"""

from typing import Final

from app.speech.output.playback import Playback

_FOLLOWS: Final = 0.05
"""How much of what a client differs from the clock the clock takes over, each time it is asked."""

_FOLLOWS_FIRST: Final = 0.7
"""As much while nobody has said yet when the client began to play, so that it shows in no frame later."""

_SETTLES_S: Final = 0.2
"""For so long after the clock was set, in seconds."""

_MOST_MS: Final = 150.0
"""A client that differs by more is somewhere else: the clock is set anew."""


class SendingClock:
    """How far one client is in the sound of a turn."""

    def __init__(self) -> None:
        self._ahead_ms: float | None = None
        """What has been played, more than the loop's clock says."""
        self._settled_at = 0.0

    def played_ms(self, playback: Playback, now: float) -> float:
        """Return how much has been played at a moment on the loop's clock, in seconds."""
        played_ms = playback.played_ms(now)
        if played_ms >= playback.sent_ms:  # it waits for sound
            self._ahead_ms = None
            return played_ms
        ahead_ms = played_ms - now * 1000
        if self._ahead_ms is None or abs(ahead_ms - self._ahead_ms) > _MOST_MS:
            self._ahead_ms, self._settled_at = ahead_ms, now + _SETTLES_S
        else:
            follows = _FOLLOWS if now >= self._settled_at else _FOLLOWS_FIRST
            self._ahead_ms += (ahead_ms - self._ahead_ms) * follows
        return min(now * 1000 + self._ahead_ms, playback.sent_ms)

    def stop(self) -> None:
        """The sound stands still, or goes on at another place."""
        self._ahead_ms = None
