"""What nobody came back for ends, and what is too old is forgotten."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

from app.clock import SystemClock
from app.services.sessions.retention import run_retention
from app.storage.no_store import NoStore
from app.storage.sql_store import SqlStore
from app.storage.writes import SessionOpened, TextAccepted
from tests.storage.talks import PATIENCE_S, a_session, a_text, store_at
from tests.support.virtual_time import VirtualClock, virtual

WINDOW_S, DAYS = 120, 30


async def test_old_talks_leave_and_abandoned_ones_end(tmp_path: Path) -> None:
    clock = SystemClock()
    now = clock.now()
    days = timedelta(days=1)
    async with store_at(f"sqlite:///{tmp_path}/talks.db") as store:
        for name, ended, left in (
            ("old", now - 31 * days, now - 31 * days),
            ("recent", now - 29 * days, now - 29 * days),
            ("abandoned", None, now - timedelta(seconds=121)),
            ("waited for", None, now - timedelta(seconds=60)),
        ):
            record = a_session(name, created_at=left, detached_at=left, ended_at=ended)
            store.write(SessionOpened(record))
            await store.write(TextAccepted(name, a_text(0, client_id=None)))
        keeping = asyncio.create_task(
            run_retention(store, clock, resume_window_s=WINDOW_S, retention_days=DAYS)
        )
        await is_gone(store, "old")
        ended_at = {
            name: found.ended_at
            for name in ("recent", "abandoned", "waited for")
            if (found := await store.session(name)) is not None
        }
        keeping.cancel()
        await asyncio.wait({keeping})

    assert ended_at == {
        "recent": now - 29 * days,
        "abandoned": now - timedelta(seconds=121),
        "waited for": None,
    }


async def is_gone(store: SqlStore, session_id: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while await store.session(session_id) is not None:  # noqa: ASYNC110  # a database gives no event
            await asyncio.sleep(0.01)


async def test_without_a_store_there_is_nothing_to_do() -> None:
    await asyncio.wait_for(
        run_retention(NoStore(), SystemClock(), resume_window_s=WINDOW_S, retention_days=DAYS), 1
    )


class Broken(NoStore):
    """A store over which something breaks, once."""

    is_on = True

    def __init__(self) -> None:
        self.asked = 0

    async def forget_ended(self, before: datetime) -> int:
        self.asked += 1
        if self.asked == 1:
            raise ZeroDivisionError
        return 0


@virtual
async def test_what_breaks_once_is_done_the_next_time() -> None:
    store = Broken()
    keeping = asyncio.create_task(
        run_retention(store, VirtualClock(), resume_window_s=WINDOW_S, retention_days=DAYS)
    )
    await asyncio.sleep(3 * 3600)
    keeping.cancel()
    await asyncio.wait({keeping})

    assert store.asked > 1
