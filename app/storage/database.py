"""The database that the settings name: owned by this process, and of this release's shape."""

import logging
from collections.abc import Callable

from app.storage.address import Address
from app.storage.connections import Answer, Driver, Work, WritingConnection
from app.storage.errors import StoreUnavailable, TakenOver
from app.storage.membership import NodeTerms
from app.storage.postgresql import PostgresDatabase
from app.storage.shared import SharedDatabase
from app.storage.sqlite_address import SqliteAddress
from app.storage.sqlite_file import SqliteFile

logger = logging.getLogger(__name__)


class Database:
    """One database. `connect` makes it ready; nothing is touched before.

    Args:
        address: As `database_address` gives it.
        read_timeout_s: Seconds that a read waits for its turn.
        on_lost: Told, in a thread of the database's, that another process has taken it over.
        terms: With these it is one of several processes; a file is never shared.

    Attributes:
        shared: What it asks of the other processes; None where it is alone.
    """

    def __init__(
        self,
        address: Address,
        read_timeout_s: float,
        on_lost: Callable[[TakenOver], None] | None = None,
        terms: NodeTerms | None = None,
    ) -> None:
        self.is_sqlite = isinstance(address, SqliteAddress)
        self.dialect = "sqlite" if self.is_sqlite else "postgresql"
        self.shared: SharedDatabase | None = None
        self._driver: Driver
        if isinstance(address, SqliteAddress):
            self._driver = SqliteFile(address, read_timeout_s)
        else:
            self._driver = server = PostgresDatabase(address, read_timeout_s, on_lost or _log, terms)
            self.shared = server.shared

    async def connect(self) -> WritingConnection:
        """The connection that writes. Takes the database and migrates it where that has not been done yet.

        Raises:
            StorageError: The database belongs to another process, or to a newer release, or can never work.
            Exception: It cannot be used now; another call may have more luck.
        """
        return await self._driver.connect()

    async def read(self, work: Work[Answer]) -> Answer:
        """Return what `work` finds.

        Raises:
            StoreUnavailable: The database has not been ready since the start, or its readers are all busy.
            Exception: Whatever the driver says of a database that cannot be used now.
        """
        if not self._driver.is_ready:
            raise StoreUnavailable("the database has not been ready yet")
        return await self._driver.read(work)

    async def aclose(self) -> None:
        """Close what is open and lets go of the database. The writer closes its connection itself."""
        await self._driver.aclose()


def _log(loss: TakenOver) -> None:
    logger.error("storage_taken_over", extra={"cause": str(loss)})
