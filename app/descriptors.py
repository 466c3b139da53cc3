"""Says in the log when the process has no file descriptors left.

The event loop says nothing of it: it closes the connections that it cannot take and goes on, so that those
who are connected notice nothing, and those who come are turned away without a word.
"""

import asyncio
import errno
import logging
import os
import resource

from app.clock import Clock

logger = logging.getLogger(__name__)

LOOK_EVERY_S = 1.0
ERROR_EVERY_S = 60.0


async def watch_descriptors(clock: Clock, interval_s: float = LOOK_EVERY_S) -> None:
    """Look until it is cancelled; one ERROR a minute at most."""
    reported_at: float | None = None
    was_short = False
    while True:
        is_short = _has_none_left()
        now = clock.monotonic()
        if is_short and (reported_at is None or now - reported_at >= ERROR_EVERY_S):
            limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
            logger.error("no_descriptors", extra={"limit": limit, "do": "raise `ulimit -n`"})
            reported_at = now
        if was_short and not is_short:
            logger.info("descriptors_free")
        was_short = is_short
        await asyncio.sleep(interval_s)


def _has_none_left() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError as exc:
        return exc.errno in (errno.EMFILE, errno.ENFILE)
    return False
