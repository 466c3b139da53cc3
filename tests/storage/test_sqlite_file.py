"""Threads that write and read a file: one hop, whatever the work; nothing of them left behind."""

import asyncio
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from app.clock import SystemClock
from app.storage.errors import StoreUnavailable
from app.storage.sqlite_file import READERS
from app.storage.writer import Writer
from app.storage.writes import SessionOpened
from tests.storage.talks import a_session, database_at, file_at

COUNT = text("SELECT count(*) FROM users")


def storage_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("storage")]


def add(name: str, connection: Connection) -> None:
    with connection.begin():
        connection.execute(text("INSERT INTO users VALUES (:name, '{}')"), {"name": name})


async def test_batch_for_sqlite_lands_while_the_loop_is_held_up(sqlite_address: str):
    database = database_at(sqlite_address)
    writer = Writer(database.connect, SystemClock())
    await writer.start()
    assert await writer.put(SessionOpened(a_session()))
    receipts = [writer.put(SessionOpened(a_session(f"s{number}"))) for number in range(100, 150)]
    for _ in range(3):  # until the writer has handed them over
        await asyncio.sleep(0)

    rows, deadline = 1, time.monotonic() + 10
    with closing(sqlite3.connect(file_at(sqlite_address))) as reader:
        while rows < 51 and time.monotonic() < deadline:  # the loop stands still meanwhile
            rows = reader.execute("SELECT count(*) FROM sessions").fetchone()[0]

    assert rows == 51
    assert all(await asyncio.gather(*receipts))
    await writer.aclose(5)
    await database.aclose()


async def test_work_that_fails_leaves_the_connection_as_it_was(address: str):
    database = database_at(address)
    connection = await database.connect()
    await connection.run(lambda it: add("ana", it))

    with pytest.raises(DBAPIError):
        await connection.run(lambda it: add("ana", it))

    await connection.run(lambda it: add("eva", it))
    assert await connection.run(lambda it: it.scalar(COUNT)) == 2
    await connection.close()
    await database.aclose()


async def test_close_waits_for_cancelled_work_and_takes_back_what_it_did_not_commit(address: str):
    database = database_at(address)
    connection = await database.connect()
    await connection.run(lambda it: it.execute(text("INSERT INTO users VALUES ('ana', '{}')")))
    working = asyncio.create_task(
        connection.run(lambda it: it.execute(text("INSERT INTO users VALUES ('eva', '{}')")))
    )
    await asyncio.sleep(0)
    working.cancel()

    await connection.close()

    assert await database.read(lambda it: it.scalar(COUNT)) == 0
    await database.aclose()
    assert not storage_threads()


async def test_file_that_cannot_be_opened_leaves_no_thread(sqlite_address: str):
    database = database_at(sqlite_address)
    await (await database.connect()).close()
    file_at(sqlite_address).unlink()

    with pytest.raises(DBAPIError, match="unable to open"):
        await database.connect()

    await database.aclose()
    assert not storage_threads()


async def test_read_that_gets_no_turn_in_time_is_refused(sqlite_address: str):
    database = database_at(sqlite_address, timeout_s=0.05)
    await (await database.connect()).close()
    gate = threading.Event()
    busy = [asyncio.create_task(database.read(lambda _: gate.wait(10))) for _ in range(READERS)]
    late = asyncio.create_task(database.read(lambda it: it.scalar(COUNT)))
    await asyncio.sleep(0)
    await asyncio.wait({late}, timeout=0.2)

    gate.set()

    with pytest.raises(StoreUnavailable, match="at once"):
        await late
    assert all(await asyncio.gather(*busy))
    assert await database.read(lambda it: it.scalar(COUNT)) == 0
    await database.aclose()
    assert not storage_threads()


async def test_end_does_not_wait_for_a_read_that_hangs(sqlite_address: str):
    database = database_at(sqlite_address)
    await (await database.connect()).close()
    has_begun, gate = threading.Event(), threading.Event()
    hanging = asyncio.create_task(database.read(lambda _: has_begun.set() or gate.wait(10)))
    assert await asyncio.to_thread(has_begun.wait, 10)

    await database.aclose()

    assert not hanging.done()
    gate.set()
    assert await hanging
