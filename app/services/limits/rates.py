"""How fast a client may talk, and how many sessions there may be."""

from collections.abc import Sequence
from typing import Final

from app.clock import Clock
from app.services.auth.addresses import Networks, PerAddressLimit
from app.services.limits.revival_line import RevivalLine
from app.services.upkeep.memory import MemoryGate
from app.session.budget import Budgets
from config.limit_settings import LimitSettings

FLOOD_SECONDS: Final = 10
"""A client that is over its rate in each of this many seconds in a row is let go."""

BURST_WINDOW_S: Final = 1.0

SOUND_PACE: Final = 2.0
"""Sound may come so many times faster than it was said, in the long run."""

SOUND_BURST_S: Final = 10.0
"""Sound that may come at once, in seconds."""

MIN_SOUND_S: Final = 0.0025
"""What the smallest frame of sound counts as, in seconds: a browser's own pieces are 2.7 ms long."""

ANONYMOUS_PART: Final = 2
"""One address whose users no token names has one of so many parts of all sessions at most."""

_STALL_S: Final = 0.01
"""Less is no stall, in seconds."""

PRESESSION_BYTES: Final = 64 * 1024
"""Of a message, before there is a session, from a client whose handshake brought no accepted token."""


class Burst:
    """Notices more than so many of something in any one second.

    Args:
        most: That many are still good.
    """

    __slots__ = ("_latest", "_most")

    def __init__(self, most: int) -> None:
        self._most = most
        self._latest: list[float] = []

    def is_over(self, now: float) -> bool:
        """Count one that came at `now` (seconds); True where it is one too many."""
        latest = self._latest
        if latest and now - latest[-1] >= BURST_WINDOW_S:
            latest.clear()  # most clients are slow, and keep nothing here
        if len(latest) >= self._most and now - latest[-self._most] < BURST_WINDOW_S:
            return True
        latest.append(now)
        if len(latest) > 2 * self._most:
            del latest[: -self._most]
        return False


class RateLimiter:
    """Notices a client that sends faster than it may.

    There are two bounds: so many messages in any one second, and another number in each of ten seconds in a
    row. Messages that a client sends by the clock count for the first alone.

    Args:
        max_per_s: Messages that may come in each second.
        now: The start, in seconds on the clock that `is_flood` is given. It should be one that stands still
            while the server itself does: what has waited for us has not been sent slowly.
        max_burst: Messages that may come in any one second; None bounds nothing.
    """

    def __init__(self, max_per_s: int, now: float, max_burst: int | None = None) -> None:
        self._max_per_s = max_per_s
        self._burst = Burst(max_burst) if max_burst is not None else None
        self._start = now
        self._second = 0
        self._count = 0
        self._seconds_over = 0

    def is_flood(self, now: float, *, by_the_clock: bool = False) -> bool:
        """Count a message that came at `now` (seconds); True where it is one too many."""
        if self._burst is not None and self._burst.is_over(now):
            return True
        return not by_the_clock and self._is_steady_flood(now)

    def _is_steady_flood(self, now: float) -> bool:
        second = int(now - self._start)
        if second != self._second:
            was_over = self._count > self._max_per_s and second == self._second + 1
            self._seconds_over = self._seconds_over + 1 if was_over else 0
            self._second, self._count = second, 0
        self._count += 1
        return self._seconds_over >= FLOOD_SECONDS - 1 and self._count > self._max_per_s


class SoundRate:
    """Notices a client that sends sound faster than anybody speaks.

    Args:
        now: The start, in seconds on the clock that `is_flood` is given.
        burst_s: Sound that may come at once, in seconds.
    """

    def __init__(self, now: float, burst_s: float = SOUND_BURST_S) -> None:
        self._burst_s = burst_s
        self._room_s = burst_s
        self._at = now
        self._owed_s = 0.0
        self._owed_until = now

    def is_flood(self, seconds: float, now: float, stood_still_s: float = 0.0) -> bool:
        """Count a frame of so many seconds that came at `now`; True where it is too much, and not counted.

        While the server and its clock have stood still (`stood_still_s`, since the last frame), as much sound
        has waited, and may come at once beside the rest.
        """
        room_s = min(self._burst_s, self._room_s + (now - self._at) * SOUND_PACE)
        self._at = now
        if stood_still_s > _STALL_S:
            self._owed_s += stood_still_s
            self._owed_until = now + self._burst_s
        elif now > self._owed_until:
            self._owed_s = 0.0
        counted_s = max(seconds, MIN_SOUND_S)
        is_flood = counted_s > room_s + self._owed_s
        self._room_s = room_s if is_flood else max(0.0, room_s - counted_s)
        if not is_flood:
            self._owed_s -= max(0.0, counted_s - room_s)
        return is_flood


class SessionLimits:
    """What bounds the sessions of the process, as the settings say.

    Args:
        proxies: The networks whose word about a client's address is believed.

    Attributes:
        crowds: How many sessions each address has.
        memory: Whether there is memory for another one.
        budgets: What their users may use up in an hour.
        revivals: Who may bring a session back from the database.
    """

    def __init__(self, settings: LimitSettings, proxies: Sequence[str], clock: Clock) -> None:
        share = max(1, settings.max_sessions // ANONYMOUS_PART)
        self.crowds = PerAddressLimit(settings.max_sessions_per_ip, Networks(proxies), share)
        self.memory = MemoryGate(settings.max_memory_mb, clock)
        self.budgets = Budgets.of(settings, clock.monotonic)
        self.revivals = RevivalLine()
