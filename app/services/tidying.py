"""Gives memory that is free back to the system, where much more is held than before."""

import asyncio
from typing import Final

from app.services.memory import resident_mib, trim

LOOK_EVERY_S: Final = 10.0
GROWN_MIB: Final = 16.0
"""So much more than after the last time is worth the work."""


async def keep_small() -> None:
    """Look at what is held, for as long as the task lives."""
    low_mib = resident_mib()
    while True:
        await asyncio.sleep(LOOK_EVERY_S)
        if resident_mib() < low_mib + GROWN_MIB:
            low_mib = min(low_mib, resident_mib())
            continue
        # The allocator works without the interpreter: talks go on meanwhile.
        await asyncio.to_thread(trim)
        low_mib = resident_mib()
