"""What a database's exception means: wait and try again, or give this one write up."""

import errno
from typing import Any

from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, ProgrammingError

from app.storage.errors import StorageError

_HOPELESS_CLASSES = ("22", "23")
"""SQLSTATE classes of PostgreSQL that lie in the row itself: data exception, integrity violation."""

_SQLITE_ADVICE = {
    5: "another program holds the file: end it",
    6: "another program holds the file: end it",
    8: "the file or its folder is read-only: give the server's user the right to write",
    10: "reading or writing failed: look at the disk",
    11: "the file is damaged: stop the server and put a backup in its place (docs/storage.md)",
    13: "the disk is full: make room",
    14: "the file cannot be opened: look at its folder and its rights",
    26: "the file is no database: stop the server and put a backup in its place (docs/storage.md)",
}


_AS_SQLITE_SAYS = {errno.EACCES: 8, errno.EPERM: 8, errno.EROFS: 8, errno.ENOSPC: 13, errno.EIO: 10}

_POSTGRESQL_ADVICE = {
    "25006": "the server is read-only: a replica, or its disk is full",
    "42501": "give the server's user the right to write: GRANT",
    "53100": "the database server's disk is full: make room",
    "53300": "the database server or its pooler has no connection to spare",
}


def is_hopeless(exc: BaseException) -> bool:
    """Return whether trying this write again cannot help, however well the database is.

    A bug of ours counts too: nothing that waits behind it may be held up for ever. All that concerns the
    connection, the disk, locks, rights and missing tables is worth another try.
    """
    if isinstance(exc, OSError | StorageError):  # TimeoutError is an OSError
        return False
    if not isinstance(exc, DBAPIError):
        return True
    if sqlstate := sqlstate_of(exc):
        return sqlstate.startswith(_HOPELESS_CLASSES)
    if isinstance(exc, IntegrityError | DataError | ProgrammingError):
        return True
    # asyncpg finds out by itself that a value does not fit; it says so as an interface error.
    return "DataError" in {kind.__name__ for kind in type(cause_of(exc)).__mro__}


def cause_of(exc: BaseException) -> BaseException:
    """Return the driver's own exception behind SQLAlchemy's."""
    original: Any = getattr(exc, "orig", None)
    if original is None:
        return exc
    return original.__cause__ or original


def sqlstate_of(exc: BaseException) -> str:
    """PostgreSQL's code of a failure; empty where it is none of its own."""
    return str(getattr(cause_of(exc), "sqlstate", None) or getattr(exc, "sqlstate", None) or "")


def summary_of(exc: BaseException) -> str:
    """One line about a failure for a log: its kind and the driver's words, without statement and values."""
    cause = cause_of(exc)
    text = " ".join(str(cause).split())[:200]
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def advice_for(exc: BaseException) -> str:
    """Return what an operator can do about it."""
    code = getattr(cause_of(exc), "sqlite_errorcode", None)
    if isinstance(code, int):
        return _SQLITE_ADVICE.get(code & 0xFF, "look at the database file and its disk")
    if isinstance(exc, OSError) and exc.filename is not None:
        return _SQLITE_ADVICE[_AS_SQLITE_SAYS.get(exc.errno or 0, 14)]
    if "file is empty" in str(exc):
        return _SQLITE_ADVICE[26]
    if isinstance(exc, StorageError):
        return exc.advice
    sqlstate = sqlstate_of(exc)
    if sqlstate in _POSTGRESQL_ADVICE:
        return _POSTGRESQL_ADVICE[sqlstate]
    return "look whether the database server runs, has room, and lets this server in"
