"""Which failures are worth waiting for, and which are the write's own."""

import errno
import sqlite3

import asyncpg
import pytest
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from app.storage.errors import AlreadyRunning, RowRefused
from app.storage.failures import advice_for, cause_of, is_hopeless, summary_of


class FromServer(Exception):
    def __init__(self, sqlstate: str) -> None:
        super().__init__("it failed")
        self.sqlstate = sqlstate


@pytest.mark.parametrize("sqlstate", ["40001", "40P01", "57P01", "53300", "53100", "08006", "42501", "42P01"])
def test_state_of_the_server_is_waited_for(sqlstate: str):
    assert not is_hopeless(DBAPIError("insert", {}, FromServer(sqlstate)))


@pytest.mark.parametrize("sqlstate", ["22001", "22021", "23505", "23503"])
def test_row_that_does_not_fit_is_hopeless(sqlstate: str):
    assert is_hopeless(DBAPIError("insert", {}, FromServer(sqlstate)))


@pytest.mark.parametrize(
    "exc",
    [
        OperationalError("insert", {}, sqlite3.OperationalError("database is locked")),
        ConnectionRefusedError(),
        TimeoutError(),
        AlreadyRunning("another"),
    ],
)
def test_lock_or_lost_connection_is_waited_for(exc: Exception):
    assert not is_hopeless(exc)


@pytest.mark.parametrize(
    "exc",
    [
        IntegrityError("insert", {}, sqlite3.IntegrityError("UNIQUE")),
        DataError("insert", {}, sqlite3.DataError("too big")),
        DBAPIError("insert", {}, asyncpg.DataError("expected str")),
        RowRefused("text_accepted"),
        TypeError("a bug"),
    ],
)
def test_what_cannot_be_mended_by_waiting_is_hopeless(exc: Exception):
    assert is_hopeless(exc)


def test_summary_shows_neither_statement_nor_values():
    exc = OperationalError("INSERT secret", {"a": "secret"}, sqlite3.OperationalError("disk I/O\nerror"))

    assert summary_of(exc) == "OperationalError: disk I/O error"
    assert isinstance(cause_of(exc), sqlite3.OperationalError)


def test_advice_fits_the_problem():
    assert "no database" in advice_for(sqlite3.DatabaseError("file is empty"))
    assert "server" in advice_for(ConnectionRefusedError())
    assert advice_for(AlreadyRunning("x")) == "end the other server"
    assert "read-only" in advice_for(PermissionError(errno.EACCES, "no", "/a/b"))
    assert "read-only" in advice_for(DBAPIError("insert", {}, FromServer("25006")))
    assert "GRANT" in advice_for(DBAPIError("insert", {}, FromServer("42501")))
    with pytest.raises(sqlite3.OperationalError) as caught:
        sqlite3.connect("/nowhere/at/all.db").execute("SELECT 1")
    assert "cannot be opened" in advice_for(caught.value)
