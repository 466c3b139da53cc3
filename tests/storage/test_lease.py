"""Who owns a PostgreSQL database: a row that is renewed, and the fence that each transaction begins with."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest
from sqlalchemy import text

from app.storage.database import Database
from app.storage.errors import AlreadyRunning, TakenOver
from app.storage.lease import DEAD_AFTER_S
from app.storage.writes import SessionOpened, TextAccepted
from tests.storage.postgres import PostgresServer
from tests.storage.talks import PATIENCE_S, Log, a_session, a_text, database_at, store_at

AGE_ALL = "UPDATE nodes SET renewed_at = renewed_at - interval '1 hour'"


@asynccontextmanager
async def client_of(address: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    client = await asyncpg.connect(address)
    try:
        yield client
    finally:
        await client.close()


async def took_over(address: str) -> Database:
    """Another server, which finds the first one dead."""
    other = database_at(address)
    while True:
        async with client_of(address) as client:
            await client.execute(AGE_ALL)
        try:
            await (await other.connect()).close()
            return other
        except AlreadyRunning:  # the first one has renewed its row in between
            continue


async def test_row_is_renewed_each_second_however_busy_the_loop_is(postgres_address: str):
    async with store_at(postgres_address), client_of(postgres_address) as client:
        before = await client.fetchval("SELECT renewed_at FROM nodes")
        until = asyncio.get_running_loop().time() + 3
        while asyncio.get_running_loop().time() < until:
            pass

        assert (await client.fetchval("SELECT renewed_at FROM nodes") - before).total_seconds() >= 1


async def test_row_goes_with_the_server(postgres_address: str):
    async with client_of(postgres_address) as client:
        async with store_at(postgres_address):
            assert await client.fetchval("SELECT count(*) FROM nodes WHERE state = 'serving'") == 1

        assert await client.fetchval("SELECT count(*) FROM nodes") == 0


@pytest.mark.parametrize("age", ["0 s", "4 s", "-1 day"], ids=["new", "old", "from a clock set back"])
async def test_dead_row_is_waited_for_six_seconds_at_most(postgres_address: str, age: str):
    async with store_at(postgres_address):
        pass
    async with client_of(postgres_address) as client:
        await client.execute(
            "INSERT INTO nodes (id, schema_from, state, renewed_at, started_at) VALUES"
            f" (gen_random_uuid(), '0003', 'serving', clock_timestamp() - interval '{age}', now())"
        )
        began = asyncio.get_running_loop().time()
        async with store_at(postgres_address) as store:
            took_s = asyncio.get_running_loop().time() - began
            assert await store.write(SessionOpened(a_session()))
            assert await client.fetchval("SELECT count(*) FROM nodes") == 1

    assert took_s < 6 + PATIENCE_S
    if age == "0 s":
        assert took_s > DEAD_AFTER_S - 1


async def test_what_was_taken_over_writes_nothing_and_says_so(postgres_address: str, log: Log):
    async with store_at(postgres_address) as store:
        assert await store.write(SessionOpened(a_session()))
        other = await took_over(postgres_address)

        receipts = [store.write(TextAccepted("s1", a_text(position))) for position in range(3)]

        assert [await receipt.wait(PATIENCE_S) for receipt in receipts] == [False] * 3
        await log.hears("storage_taken_over")
        assert len(log.named("storage_taken_over")) == 1
        assert store.health().status == "degraded"
        assert "end this server" in store.health().advice
        assert not await store.write(SessionOpened(a_session("s2"))).wait(PATIENCE_S)
    async with client_of(postgres_address) as client:
        assert await client.fetchval("SELECT count(*) FROM messages") == 0
        assert await client.fetchval("SELECT count(*) FROM nodes") == 1, "the other's row stays"
    await other.aclose()


async def test_loss_is_told_without_a_write(postgres_address: str):
    told = asyncio.Event()
    loop = asyncio.get_running_loop()
    losses: list[TakenOver] = []

    def lose(loss: TakenOver) -> None:
        losses.append(loss)
        loop.call_soon_threadsafe(told.set)

    database = database_at(postgres_address, on_lost=lose)
    await (await database.connect()).close()
    other = await took_over(postgres_address)

    async with asyncio.timeout(PATIENCE_S):
        await told.wait()

    assert len(losses) == 1
    assert losses[0].exit_status == 3
    await database.aclose()
    await other.aclose()


async def test_transaction_that_has_begun_holds_up_whoever_takes_over(postgres_address: str):
    """Two connections: a plain look at the row would let both write."""
    first = database_at(postgres_address)
    connection = await first.connect()
    await connection.run(lambda it: it.execute(text("INSERT INTO users VALUES ('ana', '{}')")))
    taking = asyncio.create_task(took_over(postgres_address))
    async with client_of(postgres_address) as client:
        waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query ~ '^DELETE'"
        async with asyncio.timeout(PATIENCE_S):
            while not await client.fetchval(waits):  # noqa: ASYNC110  # what another program sees
                await asyncio.sleep(0.02)
        assert not taking.done()

        await connection.run(lambda it: it.commit())

        other = await taking
        assert await client.fetchval("SELECT count(*) FROM users") == 1
        with pytest.raises(TakenOver):
            await connection.run(lambda it: it.execute(text("INSERT INTO users VALUES ('eva', '{}')")))
        assert await client.fetchval("SELECT count(*) FROM users") == 1
    await connection.close()
    await first.aclose()
    await other.aclose()


async def test_transaction_of_a_stopped_process_holds_nobody_up_for_long(postgres_address: str):
    first = database_at(postgres_address)
    connection = await first.connect()
    await connection.run(lambda it: it.execute(text("INSERT INTO users VALUES ('ana', '{}')")))

    async with asyncio.timeout(PATIENCE_S):  # the transaction stays open, as where its process was stopped
        other = await took_over(postgres_address)

    async with client_of(postgres_address) as client:
        assert await client.fetchval("SELECT count(*) FROM users") == 0
    await connection.close()
    await first.aclose()
    await other.aclose()


async def test_row_is_renewed_again_after_a_lost_connection(postgres: PostgresServer, postgres_address: str):
    async with store_at(postgres_address) as store:
        postgres.hang_up(postgres_address)
        async with client_of(postgres_address) as client, asyncio.timeout(PATIENCE_S):
            before = await client.fetchval("SELECT renewed_at FROM nodes")
            while await client.fetchval("SELECT renewed_at FROM nodes") == before:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await store.write(SessionOpened(a_session()))


async def test_older_release_that_holds_its_lock_is_another_server(postgres_address: str):
    async with client_of(postgres_address) as client:
        await client.execute("SELECT pg_advisory_lock(x'766F696365616774'::bigint)")
        database = database_at(postgres_address)

        with pytest.raises(AlreadyRunning):
            await database.connect()

        await database.aclose()
        assert await client.fetchval("SELECT to_regclass('nodes')") is None
