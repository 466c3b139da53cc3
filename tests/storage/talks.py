"""Rows of a talk, a store over a database, and a log that can be waited for."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from app.clock import SystemClock
from app.storage.address import database_address
from app.storage.database import Database
from app.storage.errors import TakenOver
from app.storage.membership import NodeTerms
from app.storage.records import CallRow, MessageRecord, SessionRecord
from app.storage.sql_store import SqlStore
from app.storage.sqlite_address import SqliteAddress

NOW = datetime(2025, 7, 20, 10, 30, 0, 123456, tzinfo=UTC)
PATIENCE_S = 20


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def a_session(session_id: str = "s1", **values: Any) -> SessionRecord:
    session = SessionRecord(
        id=session_id, user_id="ana", protocol="v2", locale="es", created_at=NOW, last_activity=NOW
    )
    return replace(session, **values)


def a_text(position: int, content: str = "hola", turn_id: str | None = None, **values: Any) -> MessageRecord:
    message = MessageRecord(
        position, turn_id or f"t{position}", "user", content, at(position), "accepted", f"c{position}"
    )
    return replace(message, **values)


def an_answer(position: int, content: str = "qué tal", turn_id: str = "t0", **values: Any) -> MessageRecord:
    return replace(MessageRecord(position, turn_id, "assistant", content, at(position)), **values)


def a_call(call_id: str = "call_1", **values: Any) -> CallRow:
    return replace(CallRow(call_id, "t0", "make_http_request", '{"url":"x"}', "write", NOW), **values)


def database_at(
    address: str,
    timeout_s: float = 2,
    on_lost: Callable[[TakenOver], None] | None = None,
    terms: NodeTerms | None = None,
) -> Database:
    where = database_address(address)
    assert where is not None
    return Database(where, timeout_s, on_lost, terms)


def file_at(address: str) -> Path:
    where = database_address(address)
    assert isinstance(where, SqliteAddress)
    return where.path


@asynccontextmanager
async def store_at(address: str, *, timeout_s: float = 10, grace_s: float = 5) -> AsyncIterator[SqlStore]:
    store = SqlStore(database_at(address, timeout_s), SystemClock(), timeout_s)
    await store.start()
    try:
        yield store
    finally:
        await store.aclose(grace_s)


class Log(logging.Handler):
    """Hears the events of the storage, each with the moment to wait for."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._changed = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        self._changed.set()

    def named(self, event: str) -> list[logging.LogRecord]:
        return [record for record in self.records if record.msg == event]

    async def hears(self, event: str) -> logging.LogRecord:
        async with asyncio.timeout(PATIENCE_S):
            while not self.named(event):
                self._changed.clear()
                await self._changed.wait()
        return self.named(event)[0]


@contextmanager
def listening() -> Iterator[Log]:
    log = Log()
    logger = logging.getLogger("app.storage")
    level = logger.level
    logger.addHandler(log)
    logger.setLevel(logging.DEBUG)
    try:
        yield log
    finally:
        logger.setLevel(level)
        logger.removeHandler(log)
