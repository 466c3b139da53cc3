"""Ends what nobody came back for, and forgets what is too old."""

import asyncio
import logging
from datetime import timedelta

from app.clock import Clock
from app.storage.errors import StoreUnavailable
from app.storage.store import Store
from app.storage.upkeep_writes import DetachedEnded

logger = logging.getLogger(__name__)

INTERVAL_S = 3600
"""How often it looks after the store, in seconds."""


async def run_retention(store: Store, clock: Clock, *, resume_window_s: float, retention_days: int) -> None:
    """Look after the store until it is cancelled.

    Sessions wait for `resume_window_s` for their clients; ended ones are kept for `retention_days`.
    The second time comes when the windows have closed of those that were connected to the server before.
    """
    pause_s = min(resume_window_s + 1, INTERVAL_S)
    while store.is_on:
        now = clock.now()
        try:
            running_time = await store.running_time()
            window = timedelta(seconds=resume_window_s)
            store.write(DetachedEnded(running_time.before(now, window)))
            await store.forget_ended(now - timedelta(days=retention_days))
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "retention"})
        except Exception:
            # What is promised to be forgotten is so an hour later: nobody else would begin this again.
            logger.exception("internal")
        await asyncio.sleep(pause_s)
        pause_s = INTERVAL_S
