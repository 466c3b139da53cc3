"""The one task that writes: order, retries, bounds, and what it says."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.clock import SystemClock
from app.storage.connections import WritingConnection
from app.storage.database import Database
from app.storage.errors import AlreadyRunning
from app.storage.upkeep_writes import SessionErased
from app.storage.writer import Receipt, Writer
from app.storage.writes import MessagesStored, SessionChanged, SessionOpened
from tests.storage.talks import NOW, Log, a_session, a_text, an_answer, database_at, store_at


class Door:
    """Lets the writer to its database, or not."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.is_open = True
        self.connects = 0

    async def connect(self) -> WritingConnection:
        self.connects += 1
        if not self.is_open:
            raise ConnectionRefusedError("nobody there")
        return await self._database.connect()


@asynccontextmanager
async def writer_at(
    address: str, *, is_open: bool = True, **options: float
) -> AsyncIterator[tuple[Writer, Door]]:
    database = database_at(address)
    door = Door(database)
    door.is_open = is_open
    writer = Writer(door.connect, SystemClock(), **options)  # type: ignore[arg-type]
    await writer.start()
    try:
        yield writer, door
    finally:
        await writer.aclose(0.2)
        await database.aclose()


async def test_writes_wait_for_the_database_and_land_in_order(address: str, log: Log):
    async with writer_at(address, is_open=False) as (writer, door):
        receipts = [writer.put(SessionOpened(a_session()))]
        receipts += [writer.put(MessagesStored("s1", [a_text(n)])) for n in range(10)]
        await log.hears("storage_degraded")
        assert not await receipts[0].wait(0)
        assert writer.waiting == 11
        assert "nobody there" in writer.problem
        assert writer.advice

        door.is_open = True

        assert all(await asyncio.gather(*receipts))
        await log.hears("storage_recovered")
        assert (writer.waiting, writer.problem, writer.advice) == (0, "", "")


async def test_one_error_a_minute_is_enough(address: str, log: Log):
    async with writer_at(address, is_open=False) as (writer, door):
        receipt = writer.put(SessionOpened(a_session()))
        await receipt.wait(1)

        assert door.connects > 3
        assert len(log.named("storage_degraded")) == 1


async def test_write_that_can_never_succeed_holds_up_no_other(address: str, log: Log):
    async with writer_at(address) as (writer, _):
        before = writer.put(SessionOpened(a_session()))
        poison = writer.put(MessagesStored("nobody", [a_text(0)]))
        wrong_type = writer.put(SessionChanged("s1", {"summary_upto": "no number"}))  # type: ignore[typeddict-item]
        after = writer.put(MessagesStored("s1", [a_text(0)]))

        assert await after
        assert await before
        assert not await poison
        assert writer.problem == ""
        dropped = [record.__dict__["operation"] for record in log.named("storage_dropped")]
        # SQLite takes a text for a number; PostgreSQL does not.
        assert dropped == ["messages_stored"] + ["session_changed"] * (not await wrong_type)


async def test_full_line_keeps_the_oldest_and_takes_erasures(address: str, log: Log):
    async with writer_at(address, is_open=False, max_waiting=3) as (writer, door):
        kept = [writer.put(SessionOpened(a_session(f"s{number}"))) for number in range(3)]
        refused = writer.put(SessionOpened(a_session("s3")))
        erased = writer.put(SessionErased("s0", NOW))

        assert refused.is_durable is False
        assert await refused is False
        door.is_open = True
        assert all(await asyncio.gather(*kept, erased))


async def test_full_line_takes_the_last_writes_of_sessions(address: str, log: Log):
    async with writer_at(address, is_open=False, max_waiting=3) as (writer, door):
        kept = [writer.put(SessionOpened(a_session(f"s{number}"))) for number in range(3)]
        change = writer.put(SessionChanged("s0", {"detached_at": NOW}))
        ended = writer.put(SessionChanged("s1", {"ended_at": NOW, "last_activity": NOW}))
        aside = writer.put(SessionChanged("s2", {"protocol": "voice-agent.v2"}))
        more = [writer.put(SessionChanged("s1", {"ended_at": NOW})) for _ in range(3)]

        assert (change.is_refused, ended.is_refused, aside.is_refused) == (True, False, False)
        assert [receipt.is_refused for receipt in more] == [False, True, True], "they are bounded too"
        door.is_open = True
        assert all(await asyncio.gather(*kept, ended, aside, more[0]))


async def test_line_is_bounded_by_what_it_weighs(address: str):
    async with writer_at(address, is_open=False, max_waiting_chars=1000) as (writer, _):
        writer.put(MessagesStored("s1", [an_answer(0, "x" * 1000)]))

        assert await writer.put(MessagesStored("s1", [an_answer(1)])) is False


async def test_end_stores_what_waits(address: str):
    async with writer_at(address) as (writer, _):
        receipts = [writer.put(SessionOpened(a_session(f"s{number}"))) for number in range(1200)]

        await writer.aclose(10)

        assert all([await receipt for receipt in receipts])
        assert await writer.put(SessionOpened(a_session("too late"))) is False


async def test_end_without_a_database_says_what_is_lost(address: str, log: Log):
    async with writer_at(address, is_open=False) as (writer, _):
        receipt = writer.put(SessionOpened(a_session()))

        await writer.aclose(0.3)

        assert await receipt is False
        assert log.named("storage_unwritten")[0].__dict__["waiting"] == 1


async def test_other_owner_stops_the_start(address: str):
    async with store_at(address):
        database = database_at(address)
        writer = Writer(database.connect, SystemClock())

        with pytest.raises(AlreadyRunning):
            await writer.start()

        await database.aclose()


async def test_receipt_waits_no_longer_than_asked():
    receipt = Receipt()

    assert await receipt.wait(0.01) is False
    receipt.settle(True)
    receipt.settle(False)
    assert await receipt.wait(0.01) is True
    assert await receipt is True


async def test_one_who_stops_waiting_leaves_the_receipt_to_others():
    receipt = Receipt()
    impatient = asyncio.ensure_future(receipt.wait(60))
    patient = asyncio.ensure_future(receipt.wait(60))
    await asyncio.sleep(0)

    impatient.cancel()
    receipt.settle(True)

    assert await patient
    with pytest.raises(asyncio.CancelledError):
        await impatient
