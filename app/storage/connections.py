"""What both databases offer: work is handed over whole, as a function of SQLAlchemy's own connection.

Waiting for each statement on the event loop costs a turn of the loop each time, several with SQLite, whose
statements take microseconds: a busy loop would hold up what is written and read by the second.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

from sqlalchemy import Connection

Answer = TypeVar("Answer")
Work = Callable[[Connection], Answer]


class WritingConnection(Protocol):
    """The connection that writes; it stands for the ownership of the database."""

    async def run(self, work: Work[Answer]) -> Answer:
        """Return what `work` returns or raises. Begin, commit and rollback are its own."""
        ...

    async def close(self) -> None:
        """Never back into use: it may be in the middle of something."""
        ...


class Driver(Protocol):
    """One kind of database: `sqlite_file.py` or `postgresql.py`."""

    @property
    def is_ready(self) -> bool:
        """Whether the database was ours once, and of this release's shape: before, nothing is read."""
        ...

    async def connect(self) -> WritingConnection:
        """Return the connection that writes, once the database is ours and of this release's shape.

        Raises:
            StorageError: The database belongs to another process, or to a newer release, or can never work.
            Exception: It cannot be used now; another call may have more luck.
        """
        ...

    async def read(self, work: Work[Answer]) -> Answer:
        """Return what `work` finds, on one of a few connections.

        Raises:
            StoreUnavailable: None came free in time.
        """
        ...

    async def aclose(self) -> None:
        """Close what reads, and let go of the database."""
        ...
