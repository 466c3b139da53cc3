"""What can go wrong with the store, as far as somebody outside has to know.

Exception
├── StorageError        the server must not start (or go on writing) with this database
│   ├── AlreadyRunning  another process owns it
│   ├── TakenOver       another process owns it by now
│   ├── SchemaTooNew    a newer release has changed its tables
│   └── NeverWorks      the address, or what it says, can never work
├── StoreUnavailable    a read got no answer in time
├── BadCursor           a page was asked for that no page has named
└── RowRefused          a write does not fit what is stored; it is dropped, those after it are not
"""

from typing import ClassVar


class StorageError(Exception):
    """The server cannot start with this database. Its text is one line that says what to do.

    Attributes:
        exit_status: What the process ends with.
        advice: What an operator can do about it while the server runs without its database.
    """

    exit_status: ClassVar[int] = 3
    advice: ClassVar[str] = "end the other server"


class AlreadyRunning(StorageError):
    """Another process uses the database; a session has one owner."""


class TakenOver(StorageError):
    """Another process has taken the database over: this one was stopped, or cut off from it, for too long."""

    advice = "end this server: another one has taken its place"


class SchemaTooNew(StorageError):
    """The tables were made by a newer release; nothing was written."""

    advice = "install the newer release, or restore a backup"


class NeverWorks(StorageError):
    """What `DATABASE_URL` says can never work, however long it is waited for."""

    exit_status = 2
    advice = "put DATABASE_URL right"


class StoreUnavailable(Exception):
    """A read failed or took longer than `STORE_TIMEOUT_S`. Writes are not lost by it: they wait."""


class BadCursor(ValueError):
    """A cursor that no page has given out."""


class RowRefused(Exception):
    """A write has no row to stand on, or another row stands in its place."""
