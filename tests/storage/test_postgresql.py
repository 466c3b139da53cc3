"""A server: what is done on its own event loop; reads share a few connections."""

import asyncio
import threading

import pytest
from sqlalchemy import Connection, text

from app.storage.errors import StoreUnavailable
from app.storage.postgres_address import postgres_address as address_of
from app.storage.postgresql import READERS, PostgresDatabase
from tests.storage.talks import Log, database_at


def sleeps(connection: Connection) -> None:
    connection.execute(text("SELECT pg_sleep(0.5)"))


async def test_read_that_gets_no_connection_in_time_is_refused(postgres_address: str):
    database = database_at(postgres_address, timeout_s=0.05)
    await (await database.connect()).close()
    busy = [asyncio.create_task(database.read(sleeps)) for _ in range(READERS)]
    await asyncio.sleep(0)

    with pytest.raises(StoreUnavailable, match="at once"):
        await database.read(sleeps)

    await asyncio.gather(*busy)
    assert await database.read(lambda it: it.scalar(text("SELECT 1"))) == 1
    await database.aclose()


async def test_batch_lands_while_the_loop_is_held_up(postgres_address: str):
    database = database_at(postgres_address)
    connection = await database.connect()

    def insert(it: Connection) -> None:
        for number in range(50):
            it.execute(text("INSERT INTO users VALUES (:id, '{}')"), {"id": f"u{number}"})
        it.commit()
        has_committed.set()

    has_committed = threading.Event()
    writing = asyncio.create_task(connection.run(insert))
    await asyncio.sleep(0)

    assert has_committed.wait(10)  # the loop stands still meanwhile

    await writing
    await connection.close()
    await database.aclose()
    assert not [thread for thread in threading.enumerate() if thread.name == "storage-loop"]


async def test_end_does_not_wait_for_a_read_that_hangs(postgres_address: str):
    database = database_at(postgres_address)
    await (await database.connect()).close()
    hanging = asyncio.create_task(database.read(lambda it: it.execute(text("SELECT pg_sleep(30)"))))
    await asyncio.sleep(0.1)

    async with asyncio.timeout(8):
        await database.aclose()

    with pytest.raises(asyncio.CancelledError):
        await hanging


async def test_close_comes_after_work_that_was_cancelled(postgres_address: str, log: Log):
    database = database_at(postgres_address)
    connection = await database.connect()
    for _ in range(5):
        working = asyncio.create_task(connection.run(sleeps))
        await asyncio.sleep(0.05)
        working.cancel()
        await asyncio.wait({working})

    await connection.close()

    await (await database.connect()).close()
    await database.aclose()
    assert not log.records


async def refuses(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, sqlstate: str) -> None:
    """A server that lets nobody in, as one does that starts, stops or is full."""
    await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big") - 4)
    fields = b"SFATAL\0VFATAL\0C" + sqlstate.encode() + b"\0Mnot now\0\0"
    writer.write(b"E" + (4 + len(fields)).to_bytes(4, "big") + fields)
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("sqlstate", ["57P03", "53300", "28000", "3D000"])
async def test_read_of_a_server_that_lets_nobody_in_is_refused(sqlstate: str):
    server = await asyncio.start_server(lambda r, w: refuses(r, w, sqlstate), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    address = address_of(f"ana:x@127.0.0.1:{port}/talks?sslmode=disable")
    database = PostgresDatabase(address, 2, lambda loss: None)

    with pytest.raises(StoreUnavailable, match="not now"):
        await database.read(lambda it: it.scalar(text("SELECT 1")))

    await database.aclose()
    server.close()
