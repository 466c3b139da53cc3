"""PostgreSQL: work waits for each statement's answer without holding up the loop.

The connection that writes holds an advisory lock, so that without the lock nothing can be written.
"""

from typing import Any

from sqlalchemy import URL, NullPool, text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from app.storage.connections import Answer, Migrate, Work
from app.storage.errors import AlreadyRunning

READERS = 4
"""Reads at once; more wait for their turn."""

_CONNECT_TIMEOUT_S = 5
_COMMAND_TIMEOUT_S = 10
"""A server that does not answer within it has gone: the connection is given up for a new one."""

_LOCK_KEY = 0x766F6963_65616774
"""The advisory lock of this application ("voiceagt"); one for each database."""

_OPTIONS: dict[str, Any] = {
    "timeout": _CONNECT_TIMEOUT_S,
    "command_timeout": _COMMAND_TIMEOUT_S,
    "server_settings": {"application_name": "voice-agent"},
}


class PostgresDatabase:
    """One database of a server; see `Driver`. Nothing is touched before `connect`.

    Args:
        url: As `database_address` gives it.
        read_timeout_s: Seconds that a read waits for a free connection.
    """

    def __init__(self, url: URL, read_timeout_s: float) -> None:
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
        connection = await self._writing.connect()
        try:
            await _take_lock(connection)
            await migrate()
        except BaseException:
            await connection.close()
            raise
        return ServerConnection(connection)

    async def read(self, work: Work[Answer]) -> Answer:
        """See `Driver`."""
        async with self._reading.connect() as connection:
            return await connection.run_sync(work)

    async def aclose(self) -> None:
        """See `Driver`. The writer's connection is the writer's to close; with it goes the lock."""
        await self._reading.dispose()
        await self._writing.dispose()


class ServerConnection:
    """The connection that writes; see `WritingConnection`."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def run(self, work: Work[Answer]) -> Answer:
        """See `WritingConnection`."""
        return await self._connection.run_sync(work)

    async def close(self) -> None:
        """See `WritingConnection`."""
        await self._connection.invalidate()
        await self._connection.close()


async def _take_lock(connection: AsyncConnection) -> None:
    # Of the session, not of the transaction: PostgreSQL keeps it until the connection is gone.
    is_ours = await connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK_KEY})
    await connection.commit()
    if not is_ours:
        raise AlreadyRunning("Another server uses this database: its advisory lock is held.")
