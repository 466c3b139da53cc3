"""How much memory the process holds, and whether that leaves room for another session."""

import logging
import os
import resource
import sys
from pathlib import Path

from app.clock import Clock

logger = logging.getLogger(__name__)

_STATM = Path("/proc/self/statm")
_LOOK_AGAIN_S = 1.0
_MIB = 1024 * 1024


class MemoryGate:
    """Says when the process holds more than `MAX_MEMORY_MB`.

    Args:
        max_mb: In MiB; 0 bounds nothing.
    """

    def __init__(self, max_mb: int, clock: Clock) -> None:
        self._max_mb = max_mb
        self._clock = clock
        self._looked_at: float | None = None
        self._is_full = False

    @property
    def is_full(self) -> bool:
        """Whether there is no room; looked at once a second at most."""
        if not self._max_mb:
            return False
        now = self._clock.monotonic()
        if self._looked_at is None or now - self._looked_at >= _LOOK_AGAIN_S:
            self._looked_at = now
            held_mb = resident_mib()
            was_full, self._is_full = self._is_full, held_mb > self._max_mb
            if self._is_full and not was_full:
                logger.warning("memory_full", extra={"held_mb": round(held_mb), "max_mb": self._max_mb})
        return self._is_full


def resident_mib() -> float:
    """What the process has in memory, in MiB; where the system does not say, the most that it ever had."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / _MIB if sys.platform == "darwin" else peak / 1024
    return pages * os.sysconf("SC_PAGE_SIZE") / _MIB
