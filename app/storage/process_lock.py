"""One process at a time beside a SQLite file.

The lock is SQLite's own, on an empty file beside the database: the system lets go of it when the process
ends, however it ends, so a file that is left behind locks nobody out.
"""

import sqlite3
from pathlib import Path

from app.storage.errors import AlreadyRunning


class ProcessLock:
    """Held from `acquire` until `release` or the end of the process. Both may block for a moment."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def acquire(self) -> None:
        """Take the lock; do nothing where it is held already.

        Raises:
            AlreadyRunning: Another process holds it.
            sqlite3.Error: The lock file cannot be made.
        """
        if self._connection is not None:
            return
        # Taken in one thread and let go in another, never used by two at once.
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as exc:
            connection.close()
            if exc.sqlite_errorcode == sqlite3.SQLITE_BUSY:
                raise AlreadyRunning(f"Another server uses this database: {self._path} is locked.") from None
            raise
        self._connection = connection

    def release(self) -> None:
        """Let go. The file stays: removing it could take it from under the next one."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
