"""The store in a database."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
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
from app.storage.operations import Operation
from app.storage.records import (
    NO_ENDS,
    CallRow,
    CallStatus,
    Ending,
    MessageRecord,
    MessageStatus,
    Outcome,
    Page,
    SessionChange,
    SessionFilter,
    SessionRecord,
    StoredTalk,
    StoreHealth,
)
from app.storage.running_time import RunningTime, Span
from app.storage.writer import Receipt, Writer
from app.storage.writes import Writes

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
        self._writes = Writes(database.dialect)
        self._writer = Writer(database.connect, clock, slow_after_s=timeout_s)
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
        self._writer.put(self._writes.server_started(self._life, self._began))
        self._signs = asyncio.create_task(self._give_signs(), name="storage-signs")

    async def _give_signs(self) -> None:
        """Writes down that this server lives, for whoever comes after it."""
        while True:
            await asyncio.sleep(self._sign_every_s)
            # One at a time: they would fill the line of a database that does not work.
            await self._writer.put(self._writes.server_seen(self._life, self._clock.now()))

    async def aclose(self, grace_s: float) -> None:
        """Stores what waits, for at most `grace_s` seconds, and closes."""
        if self._signs is not None:
            self._signs.cancel()
            await asyncio.wait({self._signs})
            self._writer.put(self._writes.server_seen(self._life, self._clock.now()))
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
    def requires_notes(self) -> bool:
        """A database that is elsewhere may be taken over while we cannot reach it; a file may not."""
        return not self._database.is_sqlite

    def health(self) -> StoreHealth:
        """How it stands; cheap, asks nobody."""
        problem = self._writer.problem
        return StoreHealth(
            status="degraded" if problem else "ok",
            database="sqlite" if self._database.is_sqlite else "postgresql",
            waiting=self._writer.waiting,
            problem=problem,
            advice=self._writer.advice,
        )

    # Writes

    def session_opened(self, session: SessionRecord) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.session_opened(session))

    def session_changed(self, session_id: str, change: SessionChange) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.session_changed(session_id, change))

    def text_accepted(
        self, session_id: str, message: MessageRecord, joins: str = "", ends: Mapping[str, Ending] = NO_ENDS
    ) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.text_accepted(session_id, message, joins, ends))

    def messages_stored(self, session_id: str, messages: Sequence[MessageRecord]) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.messages_stored(session_id, messages))

    def turn_ended(
        self,
        session_id: str,
        turn_id: str,
        ending: Ending,
        messages: Sequence[MessageRecord],
        *,
        told: Sequence[str] = (),
        told_at: datetime | None = None,
        drops_before: int | None = None,
    ) -> Receipt:
        """See `Store`."""
        ended = self._writes.turn_ended(session_id, turn_id, ending, messages, drops_before=drops_before)
        return self._writer.put(self._telling(ended, told, told_at))

    def turn_cut(
        self,
        session_id: str,
        turn_id: str,
        messages: Sequence[MessageRecord],
        *,
        told: Sequence[str] = (),
        told_at: datetime | None = None,
        drops_before: int | None = None,
    ) -> Receipt:
        """See `Store`."""
        stored = self._writes.turn_cut(session_id, turn_id, messages, drops_before=drops_before)
        return self._writer.put(self._telling(stored, told, told_at))

    def _telling(self, operation: Operation, told: Sequence[str], told_at: datetime | None) -> Operation:
        if not told:
            return operation
        telling = self._writes.calls_told(operation.session_id, told, told_at or self._clock.now())
        return operation.followed_by(telling)

    def message_marked(self, session_id: str, position: int, status: MessageStatus) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.message_marked(session_id, position, status))

    def call_started(self, session_id: str, call: CallRow) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.call_started(session_id, call))

    def call_began(self, session_id: str, call_id: str) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.call_began(session_id, call_id))

    def call_ended(
        self,
        session_id: str,
        call_id: str,
        status: CallStatus,
        *,
        ended_at: datetime,
        result: str | None = None,
        reason: str | None = None,
        outcome: Outcome | None = None,
    ) -> Receipt:
        """See `Store`."""
        return self._writer.put(
            self._writes.call_ended(session_id, call_id, status, ended_at, result, reason, outcome)
        )

    def calls_told(self, session_id: str, call_ids: Sequence[str], told_at: datetime) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.calls_told(session_id, call_ids, told_at))

    def profile_stored(self, user_id: str, profile: dict[str, Any], session_id: str = "") -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.profile_stored(user_id, profile, session_id))

    def profile_erased(self, user_id: str) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.profile_erased(user_id))

    def session_erased(self, session_id: str) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.session_erased(session_id, self._clock.now()))

    def user_erased(self, user_id: str) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.user_erased(user_id, self._clock.now()))

    def detached_ended(self, detached_before: datetime) -> Receipt:
        """See `Store`."""
        return self._writer.put(self._writes.detached_ended(detached_before))

    async def forget_ended(self, before: datetime) -> int:
        """See `Store`."""
        forgotten = 0
        while ids := await self._read(
            lambda reader: queries.ended_before(reader, before, _FORGOTTEN_AT_ONCE)
        ):
            receipt = self._writer.put(self._writes.sessions_forgotten(ids, before))
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
        """The lives of servers that are known, each from its start to its last sign of life."""
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
