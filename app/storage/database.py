"""The database that the settings name: owned by this process, and of this release's shape."""

import asyncio

from sqlalchemy import URL

from app.storage.address import is_sqlite
from app.storage.connections import Answer, Driver, Work, WritingConnection
from app.storage.errors import StoreUnavailable
from app.storage.migrate import migrate
from app.storage.postgresql import PostgresDatabase
from app.storage.sqlite_file import SqliteFile


class Database:
    """One database. `connect` makes it ready; nothing is touched before.

    Args:
        url: As `database_address` gives it.
        read_timeout_s: Seconds that a read waits for its turn.
    """

    def __init__(self, url: URL, read_timeout_s: float) -> None:
        self._url = url
        self.is_sqlite = is_sqlite(url)
        self.dialect = url.get_backend_name()
        kind = SqliteFile if self.is_sqlite else PostgresDatabase
        self._driver: Driver = kind(url, read_timeout_s)
        self._is_migrated = False

    async def connect(self) -> WritingConnection:
        """The connection that writes. Takes the lock and migrates where that has not been done yet.

        Raises:
            StorageError: The database belongs to another process, or to a newer release.
            Exception: It cannot be used now; another call may have more luck.
        """
        return await self._driver.connect(self._migrate)

    async def _migrate(self) -> None:
        if not self._is_migrated:
            await asyncio.to_thread(migrate, self._url)
            self._is_migrated = True

    async def read(self, work: Work[Answer]) -> Answer:
        """What `work` finds.

        Raises:
            StoreUnavailable: The database has not been ready since the start, or its readers are all busy.
            Exception: Whatever the driver says of a database that cannot be used now.
        """
        if not self._is_migrated:
            raise StoreUnavailable("the database has not been ready yet")
        return await self._driver.read(work)

    async def aclose(self) -> None:
        """Closes what is open and lets go of the lock. The writer's connection is the writer's to close."""
        await self._driver.aclose()
