"""The connections: set up, owned, closed."""

import asyncio

import pytest
from sqlalchemy import text

from app.storage.errors import AlreadyRunning, StoreUnavailable
from tests.storage.postgres import PostgresServer
from tests.storage.talks import database_at


async def test_nothing_is_read_before_the_database_is_ready(address: str):
    database = database_at(address)

    with pytest.raises(StoreUnavailable):
        async with database.reading():
            pass

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

    assert await connection.scalar(text(f"PRAGMA {pragma}")) == value

    await connection.close()
    await database.aclose()


async def test_read_goes_on_while_something_is_written(address: str):
    database = database_at(address)
    writing = await database.connect()
    async with writing.begin():
        await writing.execute(text("INSERT INTO users VALUES ('ana', '{}')"))

        async with asyncio.timeout(5), database.reading() as reading:
            assert await reading.scalar(text("SELECT count(*) FROM users")) == 0

    await writing.close()
    await database.aclose()


async def test_lock_goes_with_the_connection(postgres: PostgresServer, postgres_address: str):
    first, second = database_at(postgres_address), database_at(postgres_address)
    connection = await first.connect()
    postgres.hang_up(postgres_address)

    await (await second.connect()).close()

    await connection.invalidate()
    await connection.close()
    await first.aclose()
    await second.aclose()
