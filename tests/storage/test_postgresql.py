"""A server: its lock stands and falls with the connection that writes; reads share a few connections."""

import asyncio

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.storage.postgresql import READERS
from tests.storage.postgres import PostgresServer
from tests.storage.talks import database_at


def sleeps(connection: Connection) -> None:
    connection.execute(text("SELECT pg_sleep(0.5)"))


async def test_lock_goes_with_the_connection(postgres: PostgresServer, postgres_address: str):
    first, second = database_at(postgres_address), database_at(postgres_address)
    connection = await first.connect()
    postgres.hang_up(postgres_address)

    await (await second.connect()).close()

    await connection.close()
    await first.aclose()
    await second.aclose()


async def test_read_that_gets_no_connection_in_time_is_refused(postgres_address: str):
    database = database_at(postgres_address, timeout_s=0.05)
    await (await database.connect()).close()
    busy = [asyncio.create_task(database.read(sleeps)) for _ in range(READERS)]
    await asyncio.sleep(0)

    with pytest.raises(PoolTimeoutError):
        await database.read(sleeps)

    await asyncio.gather(*busy)
    assert await database.read(lambda it: it.scalar(text("SELECT 1"))) == 1
    await database.aclose()
