"""How much memory the process holds, what of it the system gets back, and whether that leaves room."""

import ctypes
import gc
import logging
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from app.clock import Clock

logger = logging.getLogger(__name__)

_STATM = Path("/proc/self/statm")
_LOOK_AGAIN_S = 1.0
_MIB = 1024 * 1024

GIVE_BACK_EVERY_S: Final = 5.0
"""Memory is given back once in so many seconds at most: it may take a tenth of a second."""

_GIVE_BACK_AT_LEAST_EVERY_S: Final = 320.0
_HELPED: Final = 0.02
"""Giving back was worth it where so much less is held after it, as a part of what was held."""

_M_TRIM_THRESHOLD: Final = -1
_M_MMAP_THRESHOLD: Final = -3
_LARGE_BYTES: Final = _MIB


class MemoryGate:
    """Says when the process holds more than `MAX_MEMORY_MB`.

    What is free is given back before it says so. That holds up all talks for a moment, so where it does not
    help it is done half as often each time.

    Args:
        max_mb: In MiB; 0 bounds nothing.
        held_mib: Says what is held.
        give: Gives back what is free; False where it did not.
    """

    def __init__(
        self,
        max_mb: int,
        clock: Clock,
        held_mib: "Callable[[], float] | None" = None,
        give: "Callable[[], bool] | None" = None,
    ) -> None:
        self._max_mb = max_mb
        self._clock = clock
        self._held_mib = held_mib or resident_mib
        self._give = give or give_back
        self._looked_at: float | None = None
        self._is_full = False
        self._give_at = clock.monotonic()
        self._pause_s = GIVE_BACK_EVERY_S

    @property
    def is_full(self) -> bool:
        """Whether there is no room; looked at once a second at most."""
        if not self._max_mb:
            return False
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN_S:
            self._looked_at = now
            held_mb = self._held_mib()
            if held_mb > self._max_mb and now >= self._give_at:
                held_mb = self._held_after_giving(held_mb, now)
            was_full, self._is_full = self._is_full, held_mb > self._max_mb
            if self._is_full and not was_full:
                logger.warning("memory_full", extra={"held_mb": round(held_mb), "max_mb": self._max_mb})
        return self._is_full

    def _held_after_giving(self, before_mb: float, now: float) -> float:
        if not self._give():
            return before_mb
        held_mb = self._held_mib()
        has_helped = held_mb <= self._max_mb or before_mb - held_mb >= before_mb * _HELPED
        self._pause_s = GIVE_BACK_EVERY_S if has_helped else self._pause_s * 2
        self._pause_s = min(self._pause_s, _GIVE_BACK_AT_LEAST_EVERY_S)
        self._give_at = now + self._pause_s
        return held_mb


class Giver:
    """Gives memory back, now and then."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._gave_at: float | None = None

    def __call__(self) -> bool:
        """Collect what is garbage, and have the allocator give what is free back to the system.

        What large messages, exports and bursts needed would else stay with the process. The system's own
        allocator alone knows how (glibc's `malloc_trim`); with others only the garbage is collected. Not for
        hot paths. Call it from any thread.

        Returns:
            Whether that was done: not where it was done a few seconds ago.
        """
        now = self._now()
        if self._gave_at is not None and now - self._gave_at < GIVE_BACK_EVERY_S:
            return False
        self._gave_at = now
        gc.collect()
        trim()
        return True


give_back = Giver()


def trim() -> None:
    """Have the allocator give what is free back to the system, where it knows how."""
    malloc_trim = _of_libc("malloc_trim")
    if malloc_trim is not None:
        malloc_trim(0)


def keep_large_buffers_apart() -> None:
    """Have the allocator put each large buffer in a mapping of its own, which goes with the buffer.

    glibc learns from the first that is freed to keep those of its size, up to 32 MiB, among the small ones;
    where a small one then lies behind them, nothing goes back.
    """
    set_option = _of_libc("mallopt")
    if set_option is not None:
        set_option(_M_MMAP_THRESHOLD, _LARGE_BYTES)
        set_option(_M_TRIM_THRESHOLD, 2 * _LARGE_BYTES)


def _of_libc(name: str) -> Any:
    """Return a function of glibc; None on systems with another C library."""
    if sys.platform != "linux":
        return None
    try:
        return getattr(ctypes.CDLL(None), name)
    except (OSError, AttributeError):  # musl has none of these
        return None


def resident_mib() -> float:
    """What the process has in memory, in MiB; where the system does not say, the most that it ever had."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / _MIB if sys.platform == "darwin" else peak / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB
