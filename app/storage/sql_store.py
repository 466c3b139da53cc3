"""The store in a database."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from sqlalchemy.exc import SQLAlchemyError

from app.clock import Clock
from app.storage import queries
from app.storage.connections import Answer, Work
from app.storage.database import Database
from app.storage.errors import StoreUnavailable
from app.storage.failures import summary_of
from app.storage.operations import Write
from app.storage.records import (
    CallRow,
    MessageRecord,
    Page,
    SessionFilter,
    SessionRecord,
    StoredTalk,
    StoreHealth,
)
from app.storage.running_time import RunningTime, Span
from app.storage.shared import SharedDatabase
from app.storage.upkeep_writes import LeftByTheDead, ServerSeen, ServerStarted, SessionsForgotten
from app.storage.writer import Receipt, Writer
from app.storage.writes import SessionOpened

_FORGOTTEN_AT_ONCE = 200
"""Old sessions erased in one transaction: talks wait behind it."""

_LATE_READS_GRACE_S = 1.0

SIGN_EVERY_S = 10.0
"""So much of a server's life is lost at most to those who count it, when the server is killed."""


class SqlStore:
    """Talks in SQLite or PostgreSQL. Promises what `Store` says.

    Args:
        timeout_s: `STORE_TIMEOUT_S`: how long a read may take, and a write before the store counts as slow.
        sign_every_s: How often it writes down that it lives, in seconds.
    """

    is_on = True

    def __init__(
        self, database: Database, clock: Clock, timeout_s: float, sign_every_s: float = SIGN_EVERY_S
    ) -> None:
        self._database = database
        self._clock = clock
        self._timeout_s = timeout_s
        self._sign_every_s = sign_every_s
        self._shared = database.shared
        fence = self._shared.fence if self._shared is not None else None
        self._writer = Writer(database.connect, clock, slow_after_s=timeout_s, fence=fence)
        self._reads: set[asyncio.Task[Any]] = set()
        self._is_closing = False
        self._life, self._began = uuid4(), clock.now()
        self._signs: asyncio.Task[None] | None = None
        self._running_time: RunningTime | None = None

    async def start(self) -> None:
        """Locks, migrates and begins to write. With a database that does not work now it starts all the same.

        Raises:
            StorageError: The database belongs to another process or to a newer release.
        """
        try:
            await self._writer.start()
        except BaseException:
            await self._database.aclose()
            raise
        self._began = self._clock.now()
        self.write(ServerStarted(self._life, self._began, is_shared=self._shared is not None))
        self._signs = asyncio.create_task(self._give_signs(), name="storage-signs")

    async def _give_signs(self) -> None:
        """Write down that this server lives, for whoever comes after it."""
        while True:
            await asyncio.sleep(self._sign_every_s)
            # One at a time: they would fill the line of a database that does not work.
            if self._shared is not None:
                self.write(LeftByTheDead(self._clock.now()))
            await self.write(ServerSeen(self._life, self._clock.now()))

    async def aclose(self, grace_s: float) -> None:
        """Store what waits, for at most `grace_s` seconds, and close."""
        if self._signs is not None:
            self._signs.cancel()
            await asyncio.wait({self._signs})
            self.write(ServerSeen(self._life, self._clock.now()))
        await self._writer.aclose(grace_s)
        self._is_closing = True
        late = set(self._reads)
        if late:
            await asyncio.wait(late, timeout=_LATE_READS_GRACE_S)
            for task in late:
                task.cancel()
            await asyncio.wait(late)
        await self._database.aclose()

    @property
    def shared(self) -> SharedDatabase | None:
        """What several processes ask of their database; None where this one has it for itself."""
        return self._shared

    @property
    def requires_notes(self) -> bool:
        """A database that is elsewhere may be taken over while we cannot reach it; a file may not."""
        return not self._database.is_sqlite

    @property
    def may_act(self) -> bool:
        """Nobody can have taken this process for gone a moment ago, and told its user of a write's end."""
        return self._shared is None or self._shared.membership.is_sure

    def health(self) -> StoreHealth:
        """Return how it stands; cheap, asks nobody."""
        problem = self._writer.problem
        return StoreHealth(
            status="degraded" if problem else "ok",
            database="sqlite" if self._database.is_sqlite else "postgresql",
            waiting=self._writer.waiting,
            problem=problem,
            advice=self._writer.advice,
        )

    def write(self, write: Write) -> Receipt:
        """See `Store`."""
        if self._shared is not None and isinstance(write, SessionOpened):
            fence = self._shared.fence
            write = replace(write, owner=fence.owner, owner_epoch=fence.epoch_of(write.session.id))
        return self._writer.put(write)

    async def forget_ended(self, before: datetime) -> int:
        """See `Store`."""
        forgotten = 0
        while ids := await self._read(
            lambda reader: queries.ended_before(reader, before, _FORGOTTEN_AT_ONCE)
        ):
            receipt = self.write(SessionsForgotten(ids, before))
            if not await receipt.wait(self._timeout_s):
                raise StoreUnavailable("old sessions could not be erased in time")
            forgotten += len(ids)
        return forgotten

    # Reads

    async def running_time(self) -> RunningTime:
        """See `Store`."""
        if self._running_time is None:
            # Its own row may not be there yet; of those before it nothing changes any more.
            self._running_time = RunningTime.of([*await self.lives(), (self._began, self._began)])
        return self._running_time

    async def lives(self) -> Sequence[Span]:
        """Return the lives of servers that are known, each from its start to its last sign of life."""
        return await self._read(queries.known_lives)

    async def session(self, session_id: str) -> SessionRecord | None:
        """See `Store`."""
        return await self._read(lambda reader: queries.session(reader, session_id))

    async def talk(
        self,
        session_id: str,
        newest_turns: int = 200,
        is_wanted: Callable[[SessionRecord], bool] | None = None,
    ) -> StoredTalk | None:
        """See `Store`."""
        return await self._read(lambda reader: queries.talk(reader, session_id, newest_turns, is_wanted))

    async def sessions(
        self, chosen: SessionFilter, limit: int = 50, cursor: str | None = None
    ) -> Page[SessionRecord]:
        """See `Store`."""
        return await self._read(lambda reader: queries.session_page(reader, chosen, limit, cursor))

    async def messages(
        self, session_id: str, limit: int = 200, cursor: str | None = None, upto: int | None = None
    ) -> Page[MessageRecord]:
        """See `Store`."""
        return await self._read(lambda reader: queries.message_page(reader, session_id, limit, cursor, upto))

    async def talk_extent(self, session_id: str) -> int:
        """See `Store`."""
        return await self._read(lambda reader: queries.talk_extent(reader, session_id))

    async def calls(self, session_id: str, call_ids: Sequence[str]) -> tuple[CallRow, ...]:
        """See `Store`."""
        return await self._read(lambda reader: queries.calls(reader, session_id, call_ids))

    async def search(self, session_id: str, query: str, limit: int = 10) -> tuple[MessageRecord, ...]:
        """See `Store`."""
        return await self._read(lambda reader: queries.found_messages(reader, session_id, query, limit))

    async def profile(self, user_id: str) -> dict[str, Any] | None:
        """See `Store`."""
        return await self._read(lambda reader: queries.profile(reader, user_id))

    async def _read(self, query: Work[Answer]) -> Answer:
        if self._is_closing:
            raise StoreUnavailable("the store is closed")
        # A read that is late is left to its end: its thread, or its server, works on anyway. Those that wait
        # for their turn are given up by the database.
        task = asyncio.create_task(self._database.read(query), name="storage-read")
        self._reads.add(task)
        task.add_done_callback(self._read_ended)
        done, _ = await asyncio.wait({task}, timeout=self._timeout_s)
        if not done:
            raise StoreUnavailable("the database did not answer in time")
        if task.cancelled():
            raise StoreUnavailable("the store was closed")
        try:
            return task.result()
        except (SQLAlchemyError, OSError) as exc:
            raise StoreUnavailable(summary_of(exc)) from exc

    def _read_ended(self, task: asyncio.Task[Any]) -> None:
        self._reads.discard(task)
        if not task.cancelled():
            task.exception()  # seen, also where nobody waits for it any more
