"""Gives memory that is free back to the system, where much more is held than before and once work is over."""

import asyncio
import gc
import logging
import time
from collections.abc import Callable
from typing import Final, Literal

from app.services.upkeep.memory import resident_mib, trim

logger = logging.getLogger(__name__)

LOOK_EVERY_S: Final = 10.0
GROWN_MIB: Final = 16.0
"""So much more than after the last time is worth the work, also while there is more to do."""

SOON_S: Final = 2 * LOOK_EVERY_S
"""When there is more to give back after work, in seconds: sessions that must not wait for long have ended."""

QUIET_PART: Final = 0.1
"""The server is at rest while it takes less than such a part of a core."""

WORTH_CPU_S: Final = 2.0
"""Work after which there may be something to give back, in seconds of a core."""

FEW_SESSIONS: Final = 200
"""With more, looking for garbage would hold up those who talk for over 30 ms."""

What = Literal["nothing", "trim", "collect"]


class Tidiness:
    """Says when to tidy up.

    Args:
        cpu_s: What the process has worked so far, in seconds of a core.
        held_mib: What it holds.
        window_s: Sessions whose clients have gone end after so long, in seconds; then there is more to give.
    """

    def __init__(self, now: float, cpu_s: float, held_mib: float, window_s: float) -> None:
        self._at, self._cpu_s = now, cpu_s
        self._tidied_cpu_s = cpu_s
        self._low_mib = held_mib
        self._window_s = window_s
        self._again_at: list[float] = []
        self._is_quiet = False

    def look(self, now: float, cpu_s: float, held_mib: float, sessions: int) -> What:
        """Return what is to be done now."""
        self._is_quiet = is_quiet = cpu_s - self._cpu_s < QUIET_PART * (now - self._at)
        self._at, self._cpu_s = now, cpu_s
        has_worked = cpu_s - self._tidied_cpu_s >= WORTH_CPU_S
        is_time_again = bool(self._again_at) and now >= self._again_at[0]
        self._low_mib = min(self._low_mib, held_mib)
        if is_quiet and (has_worked or is_time_again):
            return "collect" if sessions <= FEW_SESSIONS else "trim"
        return "trim" if held_mib >= self._low_mib + GROWN_MIB else "nothing"

    def tidied(self, now: float, cpu_s: float, held_mib: float) -> None:
        """It was done, and this is what it has come to."""
        self._at, self._cpu_s = now, cpu_s
        self._low_mib = held_mib
        if not self._is_quiet:
            return
        has_worked = cpu_s - self._tidied_cpu_s >= WORTH_CPU_S
        if has_worked:
            self._again_at = [now + SOON_S, now + self._window_s + LOOK_EVERY_S]
        else:
            self._again_at = [at for at in self._again_at if at > now]
        self._tidied_cpu_s = cpu_s


async def keep_small(count_sessions: Callable[[], int], window_s: float) -> None:
    """Look at what is held, for as long as the task lives."""
    tidiness = Tidiness(time.monotonic(), time.process_time(), resident_mib(), window_s)
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        try:
            await _look(tidiness, count_sessions())
        except Exception:
            # No thread to be had, for one: nobody else would begin this again.
            logger.exception("internal")


async def _look(tidiness: Tidiness, sessions: int) -> None:
    what = tidiness.look(time.monotonic(), time.process_time(), resident_mib(), sessions)
    if what == "nothing":
        return
    if what == "collect":
        gc.collect()
    # The allocator works without the interpreter: talks go on meanwhile.
    await asyncio.to_thread(trim)
    tidiness.tidied(time.monotonic(), time.process_time(), resident_mib())
