"""A clock that stands still while the event loop does."""

import asyncio
from typing import Final

from app.clock import Clock

_BEAT_S: Final = 0.1
_MOST_S: Final = 0.25
"""A beat that is later than this, in seconds, is the server's fault, and no time has passed for clients."""


class PatientTime:
    """Seconds during which the loop ran.

    What clients send while the loop stands still waits in the kernel and is read all at once. Judged by the
    wall, a flood would end in the stall that it has caused, and begin anew behind it.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._patient_s = 0.0
        self._beat_at: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __call__(self) -> float:
        """The time, in seconds from an arbitrary point; the first call starts the clock."""
        if self._beat_at is None:
            self._beat_at = self._clock.monotonic()
            self._timer = asyncio.get_running_loop().call_later(_BEAT_S, self._beat)
        return self._patient_s + min(self._clock.monotonic() - self._beat_at, _MOST_S)

    def stop(self) -> None:
        """Stop the clock."""
        if self._timer is not None:
            self._timer.cancel()

    def _beat(self) -> None:
        self._patient_s = self()
        self._beat_at = self._clock.monotonic()
        self._timer = asyncio.get_running_loop().call_later(_BEAT_S, self._beat)
