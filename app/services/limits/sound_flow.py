"""How much sound one client sends, in seconds: however it is cut into frames, and whoever held it up."""

from collections.abc import Callable
from typing import Final, Literal

from app.clock import Clock
from app.services.limits.rates import SoundRate
from app.speech.base import BYTES_PER_SAMPLE

UNHEARD_BURST_S: Final = 30.0
"""Sound that may come at once beyond what is heard, in seconds: so long a network may have been gone."""

UNAGREED_RATE_HZ: Final = 48_000
"""Samples a second of sound that was not agreed on: the most that anybody records with."""

UNHEARD_FRAME_S: Final = 0.1
"""A frame that is not heard counts as this at most, in seconds: however long it is, it costs little."""

TELL_EVERY_S: Final = 1.0

Verdict = Literal["heard", "unheard", "flood"]


class SoundFlow:
    """Judges the frames of one connection.

    Args:
        time: A clock that stands still while the server does. What waited for us meanwhile is no flood.
    """

    def __init__(self, clock: Clock, time: Callable[[], float]) -> None:
        self._clock = clock
        self._time = time
        now = time()
        self._late_s = clock.monotonic() - now
        self._heard = SoundRate(now)
        self._unheard = SoundRate(now, UNHEARD_BURST_S)
        self._told_at = now - TELL_EVERY_S

    def judge(self, pcm_bytes: int, rate_hz: int | None) -> Verdict:
        """Count a frame of so many bytes. Where no rate was agreed on (None), none is heard.

        Returns:
            `unheard` for a frame that comes too early, `flood` for one with which the client is to be let go.
        """
        now = self._time()
        late_s = self._clock.monotonic() - now
        stood_still_s, self._late_s = late_s - self._late_s, late_s
        seconds = pcm_bytes / (BYTES_PER_SAMPLE * (rate_hz or UNAGREED_RATE_HZ))
        unheard_s = min(seconds, UNHEARD_FRAME_S)
        if not self._heard.is_flood(seconds if rate_hz is not None else unheard_s, now, stood_still_s):
            return "heard" if rate_hz is not None else "unheard"
        if rate_hz is None or self._unheard.is_flood(unheard_s, now):
            return "flood"
        return "unheard"

    def is_to_be_told(self) -> bool:
        """Return whether an error is due for a frame that was not: one a second says it all."""
        now = self._time()
        if now - self._told_at < TELL_EVERY_S:
            return False
        self._told_at = now
        return True
