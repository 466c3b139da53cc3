"""PostgreSQL: each statement is a trip to a server, and its answer is waited for on an event loop of our own.

The talks' loop may be busy, and a batch of writes has hundreds of statements: it would be behind for ever.

The connection that writes holds an advisory lock, so that without the lock nothing can be written.
"""

import asyncio
import logging
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from sqlalchemy import URL, NullPool, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.storage.connections import Answer, Migrate, Work
from app.storage.errors import AlreadyRunning, StoreUnavailable

READERS = 4
"""Reads at once; more wait for their turn."""

_CONNECT_TIMEOUT_S = 5
_COMMAND_TIMEOUT_S = 10
"""A server that does not answer within it has gone: the connection is given up for a new one."""

_CLOSE_TIMEOUT_S = 5

_LOCK_KEY = 0x766F6963_65616774
"""The advisory lock of this application ("voiceagt"); one for each database."""

_OPTIONS: dict[str, Any] = {
    "timeout": _CONNECT_TIMEOUT_S,
    "command_timeout": _COMMAND_TIMEOUT_S,
    "server_settings": {"application_name": "voice-agent"},
}


Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class PostgresDatabase:
    """One database of a server; see `Driver`. Nothing is touched before `connect`.

    Args:
        url: As `database_address` gives it.
        read_timeout_s: Seconds that a read waits for a free connection.
    """

    def __init__(self, url: URL, read_timeout_s: float) -> None:
        self._loop = _OwnLoop()
        self._writing = create_async_engine(url, poolclass=NullPool, connect_args=_OPTIONS)
        self._reading = create_async_engine(
            url,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=read_timeout_s,
            pool_pre_ping=True,
            connect_args=_OPTIONS,
        )

    async def connect(self, migrate: Migrate) -> "ServerConnection":
        """See `Driver`."""
        connection = await self._loop.run(_connected(self._writing))
        try:
            await self._loop.run(_take_lock(connection))
            await migrate()
        except BaseException:
            await self._loop.run(connection.close())
            raise
        return ServerConnection(connection, self._loop)

    async def read(self, work: Work[Answer]) -> Answer:
        """See `Driver`."""
        try:
            return await self._loop.run(self._read(work))
        except PoolTimeoutError:
            raise StoreUnavailable("too much is read at once") from None

    async def _read(self, work: Work[Answer]) -> Answer:
        async with self._reading.connect() as connection:
            return await connection.run_sync(work)

    async def aclose(self) -> None:
        """See `Driver`. The writer's connection is the writer's to close; with it goes the lock."""
        try:
            await self._loop.run(self._dispose())
        except TimeoutError:
            logger.debug("storage_disconnect_failed", extra={"cause": "the server does not answer"})
        finally:
            self._loop.end()

    async def _dispose(self) -> None:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            await _others_ended()
            await self._reading.dispose()
            await self._writing.dispose()


class ServerConnection:
    """The connection that writes; see `WritingConnection`."""

    def __init__(self, connection: AsyncConnection, loop: "_OwnLoop") -> None:
        self._connection = connection
        self._loop = loop
        self._is_used = asyncio.Lock()  # cancelled work lets go of the connection a little later

    async def run(self, work: Work[Answer]) -> Answer:
        """See `WritingConnection`."""
        return await self._loop.run(self._run(work))

    async def _run(self, work: Work[Answer]) -> Answer:
        async with self._is_used:
            return await self._connection.run_sync(work)

    async def close(self) -> None:
        """See `WritingConnection`."""
        await self._loop.run(self._close())

    async def _close(self) -> None:
        async with self._is_used:
            try:
                await self._connection.invalidate()
            finally:
                await self._connection.close()


class _OwnLoop:
    """An event loop in a thread, from its first work to `end`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """What `work` returns or raises; whoever is cancelled cancels it too."""
        if self._loop is None:
            loop = type(asyncio.get_running_loop())()  # of the same make, so uvloop's where it is used
            self._thread = threading.Thread(target=loop.run_forever, name="storage-loop", daemon=True)
            self._thread.start()
            self._loop = loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def end(self) -> None:
        """The thread has gone when it returns; nothing may be running."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None


async def _others_ended() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()


async def _take_lock(connection: AsyncConnection) -> None:
    # Of the session, not of the transaction: PostgreSQL keeps it until the connection is gone.
    is_ours = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY})
    await connection.commit()
    if not is_ours:
        raise AlreadyRunning("Another server uses this database: its advisory lock is held.")
