"""What can go wrong with the store, as far as somebody outside has to know.

Exception
├── StorageError        the server must not start (or go on writing) with this database
│   ├── AlreadyRunning  another process owns it
│   └── SchemaTooNew    a newer release has changed its tables
├── StoreUnavailable    a read got no answer in time
├── BadCursor           a page was asked for that no page has named
└── RowRefused          a write does not fit what is stored; it is dropped, those after it are not
"""

from typing import ClassVar


class StorageError(Exception):
    """The server cannot start with this database. Its text is one line that says what to do.

    Attributes:
        exit_status: What the process ends with.
    """

    exit_status: ClassVar[int] = 3


class AlreadyRunning(StorageError):
    """Another process uses the database; a session has one owner."""


class SchemaTooNew(StorageError):
    """The tables were made by a newer release; nothing was written."""


class StoreUnavailable(Exception):
    """A read failed or took longer than `STORE_TIMEOUT_S`. Writes are not lost by it: they wait."""


class BadCursor(ValueError):
    """A cursor that no page has given out."""


class RowRefused(Exception):
    """A write has no row to stand on, or another row stands in its place."""
