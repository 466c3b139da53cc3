"""The connections to the database: one that writes, a few that read.

The writer's connection stands for the ownership of the database: beside SQLite a lock file is held, in
PostgreSQL the connection itself holds an advisory lock, so that without the lock nothing can be written.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import URL, Connection, NullPool, event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from app.storage.address import existing_file, is_sqlite, sqlite_path
from app.storage.errors import AlreadyRunning, StoreUnavailable
from app.storage.migrate import migrate
from app.storage.process_lock import ProcessLock

READERS = 4
"""Reads at once; more wait for their turn."""

_CONNECT_TIMEOUT_S = 5
_COMMAND_TIMEOUT_S = 10
"""A server that does not answer within it has gone: the connection is given up for a new one."""

_BUSY_TIMEOUT_MS = 1000

_LOCK_KEY = 0x766F6963_65616774
"""The advisory lock of this application ("voiceagt"); one for each database."""

_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    # Survives kill -9; a power cut may take the last moments. FULL would cost a disk flush for each commit.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    # What is erased is overwritten, not only unlinked.
    "PRAGMA secure_delete = ON",
)


class Database:
    """One database. `connect` makes it ready; nothing is touched before.

    Args:
        url: As `database_address` gives it.
        read_timeout_s: Seconds that a read waits for a free connection.
    """

    def __init__(self, url: URL, read_timeout_s: float) -> None:
        self._url = url
        self.is_sqlite = is_sqlite(url)
        self.dialect = url.get_backend_name()
        self._lock = ProcessLock(sqlite_path(url).with_name(sqlite_path(url).name + ".lock"))
        self._is_migrated = False
        target = existing_file(url) if self.is_sqlite else url
        options: dict[str, Any] = {} if self.is_sqlite else {"connect_args": _server_options()}
        self._writing = create_async_engine(target, poolclass=NullPool, **options)
        self._reading = create_async_engine(
            target,
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=read_timeout_s,
            pool_pre_ping=True,
            **options,
        )
        if self.is_sqlite:
            _prepare_sqlite(self._writing, begin="BEGIN IMMEDIATE")
            _prepare_sqlite(self._reading, begin="BEGIN")

    async def connect(self) -> AsyncConnection:
        """The connection that writes. Takes the lock and migrates where that has not been done yet.

        Raises:
            StorageError: The database belongs to another process, or to a newer release.
            Exception: It cannot be used now; another call may have more luck.
        """
        if self.is_sqlite:
            await asyncio.to_thread(self._take_file_lock)
            await self._migrate()
            return await self._writing.connect()
        connection = await self._writing.connect()
        try:
            await _take_server_lock(connection)
            await self._migrate()
        except BaseException:
            await connection.close()
            raise
        return connection

    async def _migrate(self) -> None:
        if not self._is_migrated:
            await asyncio.to_thread(migrate, self._url)
            self._is_migrated = True

    def _take_file_lock(self) -> None:
        sqlite_path(self._url).parent.mkdir(parents=True, exist_ok=True)
        self._lock.acquire()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[AsyncConnection]:
        """A connection for one read.

        Raises:
            StoreUnavailable: The database has not been ready since the start.
        """
        if not self._is_migrated:
            raise StoreUnavailable("the database has not been ready yet")
        async with self._reading.connect() as connection:
            yield connection

    async def aclose(self) -> None:
        """Closes what is open and lets go of the lock. The writer's connection is the writer's to close."""
        await self._reading.dispose()
        await self._writing.dispose()
        self._lock.release()


def _server_options() -> dict[str, Any]:
    return {
        "timeout": _CONNECT_TIMEOUT_S,
        "command_timeout": _COMMAND_TIMEOUT_S,
        "server_settings": {"application_name": "voice-agent"},
    }


async def _take_server_lock(connection: AsyncConnection) -> None:
    # Of the session, not of the transaction: PostgreSQL keeps it until the connection is gone.
    is_ours = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY})
    await connection.commit()
    if not is_ours:
        raise AlreadyRunning("Another server uses this database: its advisory lock is held.")


def _prepare_sqlite(engine: AsyncEngine, begin: str) -> None:
    """Sets each new connection up, and has transactions begun by us instead of by the driver."""

    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine.sync_engine, "connect", set_up)
    event.listen(engine.sync_engine, "begin", start)
