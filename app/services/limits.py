"""How fast a client may talk, and how many sessions there may be."""

from app.clock import Clock
from app.services.addresses import Crowds, Networks
from app.services.memory import MemoryGate
from app.session.budget import Budgets
from config.settings import Settings

FLOOD_SECONDS = 10
"""A client that is over its rate in each of this many seconds in a row is let go."""


class FloodWatch:
    """Notices a client that keeps sending faster than it may; a short burst is no flood.

    Args:
        max_per_s: Messages that may come in one second.
        now: The start, in seconds on the clock that `is_flood` is given.
    """

    def __init__(self, max_per_s: int, now: float) -> None:
        self._max_per_s = max_per_s
        self._start = now
        self._second = 0
        self._count = 0
        self._seconds_over = 0

    def is_flood(self, now: float) -> bool:
        """Counts a message that came at `now` (seconds); True where it is one too many."""
        second = int(now - self._start)
        if second != self._second:
            was_over = self._count > self._max_per_s and second == self._second + 1
            self._seconds_over = self._seconds_over + 1 if was_over else 0
            self._second, self._count = second, 0
        self._count += 1
        return self._seconds_over >= FLOOD_SECONDS - 1 and self._count > self._max_per_s


class SessionLimits:
    """What bounds the sessions of the process, as the settings say.

    Attributes:
        crowds: How many sessions each address has.
        memory: Whether there is memory for another one.
        budgets: What their users may use up in an hour.
    """

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.crowds = Crowds(settings.max_sessions_per_ip, Networks(settings.trusted_proxies))
        self.memory = MemoryGate(settings.max_memory_mb, clock)
        self.budgets = Budgets.of(settings, clock.monotonic)
