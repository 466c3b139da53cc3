"""The connections: set up, owned, closed."""

import asyncio
import sqlite3
import threading
from contextlib import closing

import asyncpg
import pytest
from sqlalchemy import Connection, text

from app.storage.errors import AlreadyRunning, StoreUnavailable
from tests.storage.talks import database_at


def count_users(connection: Connection) -> int:
    return connection.scalar(text("SELECT count(*) FROM users")) or 0


async def test_nothing_is_read_before_the_database_is_ready(address: str):
    database = database_at(address)

    with pytest.raises(StoreUnavailable):
        await database.read(lambda it: it.scalar(text("SELECT 1")))

    await database.aclose()


async def test_only_one_has_the_writers_connection(address: str):
    first, second = database_at(address), database_at(address)
    connection = await first.connect()

    with pytest.raises(AlreadyRunning):
        await second.connect()

    await connection.close()
    await first.aclose()
    await (await second.connect()).close()
    await second.aclose()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [("journal_mode", "wal"), ("synchronous", 1), ("foreign_keys", 1), ("secure_delete", 1)],
)
async def test_sqlite_is_set_up(sqlite_address: str, pragma: str, value: object):
    database = database_at(sqlite_address)
    connection = await database.connect()

    assert await connection.run(lambda it: it.scalar(text(f"PRAGMA {pragma}"))) == value

    await connection.close()
    await database.aclose()


def add_user(address: str, name: str) -> None:
    """By a connection that has nothing to do with ours, from a thread of its own."""

    async def add() -> None:
        connection = await asyncpg.connect(address)
        await connection.execute("INSERT INTO users VALUES ($1, '{}')", name)
        await connection.close()

    def work() -> None:
        if address.startswith("sqlite"):
            with closing(sqlite3.connect(address.removeprefix("sqlite:///"))) as file, file:
                file.execute("INSERT INTO users VALUES (?, '{}')", (name,))
        else:
            asyncio.run(add())

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()


async def test_read_of_several_statements_is_of_one_moment(address: str):
    database = database_at(address)
    writing = await database.connect()

    def counts_twice(connection: Connection) -> tuple[int, int]:
        before = count_users(connection)
        add_user(address, "ana")
        return before, count_users(connection)

    assert await database.read(counts_twice) == (0, 0)
    assert await database.read(count_users) == 1

    await writing.close()
    await database.aclose()


async def test_read_goes_on_while_something_is_written(address: str):
    database = database_at(address)
    writing = await database.connect()
    await writing.run(lambda it: it.execute(text("INSERT INTO users VALUES ('ana', '{}')")))

    async with asyncio.timeout(5):
        assert await database.read(count_users) == 0

    await writing.run(Connection.commit)
    assert await database.read(count_users) == 1
    await writing.close()
    await database.aclose()
