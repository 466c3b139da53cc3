"""What goes wrong with a real database, and what the store does then: real locks, kills and full disks."""

import asyncio
import os
import secrets
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import event
from sqlalchemy.pool import Pool

from app.storage.errors import StoreUnavailable
from app.storage.records import SessionFilter
from app.storage.upkeep_writes import ProfileStored, UserErased
from app.storage.writes import CallStarted, MessagesStored, SessionChanged, SessionOpened, TextAccepted
from tests.storage.postgres import PostgresServer
from tests.storage.talks import NOW, PATIENCE_S, Log, a_call, a_session, a_text, an_answer, file_at, store_at
from tests.storage.test_process_lock import HOLD

ROOT = Path(__file__).parents[2]


def file_of(address: str) -> Path:
    return file_at(address)


@contextmanager
def locked_by_another_process(file: Path) -> Iterator[None]:
    command = [sys.executable, "-c", HOLD, str(file)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline(), "it could not lock the file"
            yield
        finally:
            process.kill()


@contextmanager
def pragma_of_new_connections() -> Iterator[list[str]]:
    """Pragmas that each new connection of any pool gets: a full or read-only disk, as SQLite sees it."""
    pragmas: list[str] = []

    def apply(connection, _) -> None:
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(pragma)
        cursor.close()

    event.listen(Pool, "connect", apply)
    try:
        yield pragmas
    finally:
        event.remove(Pool, "connect", apply)


async def test_locked_database_delays_and_loses_nothing(sqlite_address: str, log: Log):
    async with store_at(sqlite_address) as store:
        await store.write(SessionOpened(a_session()))
        with locked_by_another_process(file_of(sqlite_address)):
            receipts = [store.write(TextAccepted("s1", a_text(position))) for position in range(20)]
            assert not await receipts[0].wait(0.1)
            await log.hears("storage_degraded")
            assert store.health().status == "degraded"
            assert "locked" in store.health().problem
            assert store.health().waiting == 20

        assert all(await asyncio.gather(*receipts))
        assert [message.position for message in (await store.messages("s1")).rows] == list(range(20))
        assert store.health().status == "ok"


@pytest.mark.parametrize("pragma", ["PRAGMA max_page_count = 1", "PRAGMA query_only = ON"])
async def test_full_or_read_only_disk_recovers_by_itself(sqlite_address: str, log: Log, pragma: str):
    async with store_at(sqlite_address) as store:
        assert await store.write(SessionOpened(a_session()))

    # `max_page_count` never goes below what the file has, so there is room for nothing more.
    with pragma_of_new_connections() as pragmas:
        pragmas.append(pragma)
        async with store_at(sqlite_address) as store:
            receipt = store.write(TextAccepted("s1", a_text(0, "x" * 100_000)))
            await log.hears("storage_degraded")
            assert not receipt.is_durable
            assert await store.session("s1") is not None

            pragmas.clear()

            assert await receipt.wait(PATIENCE_S)
            assert store.health().status == "ok"
            assert len(log.named("storage_degraded")) == 1


async def test_lost_connection_is_replaced_and_makes_one_row(postgres: PostgresServer, postgres_address: str):
    async with store_at(postgres_address) as store:
        await store.write(SessionOpened(a_session()))
        for position in range(5):
            postgres.hang_up(postgres_address)
            receipt = store.write(TextAccepted("s1", a_text(position)))
            assert await receipt.wait(PATIENCE_S)

        assert [message.position for message in (await store.messages("s1")).rows] == list(range(5))


async def test_server_that_stops_and_starts_is_found_again(
    postgres: PostgresServer, postgres_address: str, log: Log
):
    async with store_at(postgres_address) as store:
        await store.write(SessionOpened(a_session()))
        await asyncio.to_thread(postgres.stop)
        receipt = store.write(TextAccepted("s1", a_text(0)))
        await log.hears("storage_degraded")
        with pytest.raises(StoreUnavailable):
            await store.session("s1")

        await asyncio.to_thread(postgres.start)

        assert await receipt.wait(PATIENCE_S)
        assert len((await store.messages("s1")).rows) == 1


async def test_server_that_is_down_at_the_start_is_found_later(
    postgres: PostgresServer, postgres_address: str
):
    await asyncio.to_thread(postgres.stop)
    async with store_at(postgres_address) as store:
        assert store.health().status == "degraded"
        receipt = store.write(SessionOpened(a_session()))

        await asyncio.to_thread(postgres.start)

        assert await receipt.wait(PATIENCE_S)
        assert await store.session("s1") is not None


async def test_slow_commit_holds_up_neither_the_loop_nor_the_order(postgres_address: str):
    async with store_at(postgres_address, timeout_s=0.2) as store:
        assert await store.write(SessionOpened(a_session())).wait(PATIENCE_S)
        other = await asyncpg.connect(postgres_address)
        async with other.transaction():
            await other.execute("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE")
            receipts = [store.write(TextAccepted("s1", a_text(position))) for position in range(3)]

            assert not await receipts[0].wait(0.3)
            assert store.health().status == "degraded"
        await other.close()

        assert all(await asyncio.gather(*receipts))
        assert store.health().status == "ok"


async def test_deadlock_is_tried_again(postgres_address: str):
    async with store_at(postgres_address) as store:
        for session_id in ("s1", "s2"):
            await store.write(SessionOpened(a_session(session_id)))
        other = await asyncpg.connect(postgres_address)
        # Ours is the one that finds the deadlock, and so the one that is ended.
        await other.execute("SET deadlock_timeout = '30s'")
        async with other.transaction():
            await other.execute("UPDATE sessions SET locale = 'x' WHERE id = 's2'")
            receipts = [store.write(SessionChanged("s1", {"locale": "en"}))]
            receipts += [store.write(SessionChanged("s2", {"locale": "en"}))]
            assert not await receipts[1].wait(0.2)
            await other.execute("UPDATE sessions SET locale = 'x' WHERE id = 's1'")
        await other.close()

        assert all(await asyncio.gather(*receipts))
        page = await store.sessions(SessionFilter())
        assert [session.locale for session in page.rows] == ["en", "en"]


@pytest.mark.parametrize("damage", ["text", "empty", "first page"])
async def test_damaged_file_is_left_alone_and_the_talk_goes_on(sqlite_address: str, damage: str):
    async with store_at(sqlite_address) as store:
        await store.write(SessionOpened(a_session()))
    file = file_of(sqlite_address)
    whole = file.read_bytes()
    broken = {"text": b"Dear diary, " * 1000, "empty": b"", "first page": os.urandom(4096) + whole[4096:]}[
        damage
    ]
    file.write_bytes(broken)

    async with store_at(sqlite_address, grace_s=0.1) as store:
        receipt = store.write(SessionOpened(a_session("s2")))
        assert not await receipt.wait(0.3)
        assert store.health().status == "degraded"
        assert "no database" in store.health().advice
        with pytest.raises(StoreUnavailable):
            await store.session("s1")
    assert file.read_bytes() == broken

    file.write_bytes(whole)
    async with store_at(sqlite_address) as store:
        assert await store.session("s1") is not None


CHILD = """
import asyncio, sys
from app.clock import SystemClock
from app.storage.errors import StorageError
from app.storage.opening import open_store
from app.storage.writes import CallStarted, SessionOpened, TextAccepted, TurnEnded
from config.settings import Settings
from tests.storage.talks import a_session, a_text, an_answer, a_call

async def main():
    try:
        store = await open_store(Settings(_env_file=None, database_url=sys.argv[1]), SystemClock())
    except StorageError as exc:
        print(exc, file=sys.stderr)
        sys.exit(exc.exit_status)
    await store.write(SessionOpened(a_session()))
    await store.write(CallStarted("s1", a_call()))
    for position in range(0, 100_000, 2):
        store.write(TextAccepted("s1", a_text(position)))
        answer = an_answer(position + 1, turn_id=f"t{position}")
        if await store.write(TurnEnded("s1", answer.turn_id, "ok", [answer])):
            print(position + 1, flush=True)

asyncio.run(main())
"""


def server(address: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", CHILD, address]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT)


async def test_what_was_acknowledged_survives_a_kill(address: str):
    with server(address) as process:
        assert process.stdout is not None
        acknowledged = [int(process.stdout.readline()) for _ in range(5 + secrets.randbelow(40))]
        process.send_signal(signal.SIGKILL)
        acknowledged += [int(line) for line in process.stdout if line.endswith("\n")]

    async with store_at(address) as store:
        talk = await store.talk("s1", newest_turns=100_000)
        assert talk is not None
        positions = [message.position for message in talk.messages]
        assert positions == list(range(len(positions)))
        assert max(acknowledged) in positions
        assert [call.call_id for call in talk.running_calls] == ["call_1"]
        # Sent again after the restart: still one row.
        resent = store.write(TextAccepted("s1", a_text(0, status="ok")))
        assert await resent
        assert len((await store.messages("s1", limit=100_000)).rows) == len(positions)


def test_second_server_ends_with_one_line(address: str):
    with server(address) as first:
        assert first.stdout is not None
        first.stdout.readline()
        with server(address) as second:
            _, said = second.communicate(timeout=PATIENCE_S)
        first.kill()

    assert second.returncode == 3
    assert len(said.splitlines()) == 1
    assert said.startswith("Another server")


ODD_TEXTS = {
    "long": "ñ" * 2**20,
    "emoji": "👩‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "שלום \u202e مرحبا",
    "control": "\x01\x1b[31m\r\n\u2028",
    "quotes": "'; DROP TABLE messages; --\"%_\\",
}


@pytest.mark.parametrize("name", ODD_TEXTS)
async def test_odd_text_is_read_back_equal(address: str, name: str):
    odd = ODD_TEXTS[name]
    async with store_at(address) as store:
        store.write(SessionOpened(a_session(user_id=odd[:200])))
        store.write(CallStarted("s1", a_call(arguments=odd)))
        await store.write(TextAccepted("s1", a_text(0, odd, client_id=odd[:64])))

        talk = await store.talk("s1")
        assert talk is not None
        assert talk.messages[0].content == odd
        assert talk.turn_of_client_id == {odd[:64]: "t0"}
        assert talk.running_calls[0].arguments == odd
        assert talk.session.user_id == odd[:200]


async def test_what_no_database_keeps_is_replaced_alike_on_both(address: str):
    async with store_at(address) as store:
        store.write(SessionOpened(a_session(user_id="a\x00b")))
        store.write(ProfileStored("a\x00b", {"k\x00": "\ud83d"}))
        await store.write(MessagesStored("s1", [an_answer(0, "a\x00b\ud83dc", tool_calls=[{"id": "\x00"}])]))

        [message] = (await store.messages("s1")).rows
        assert message.content == "a\ufffdb\ufffdc"
        assert message.tool_calls == [{"id": "\ufffd"}]
        assert await store.profile("a\x00b") == {"k\ufffd": "\ufffd"}
        assert (await store.sessions(SessionFilter(user_id="a\x00b"))).rows[0].user_id == "a\ufffdb"
        assert (await store.write(UserErased("a\x00b", NOW)), await store.session("s1")) == (True, None)


async def test_times_are_kept_in_utc_to_the_microsecond(address: str):
    async with store_at(address) as store:
        await store.write(SessionOpened(a_session()))

        found = await store.session("s1")
        assert found is not None
        assert (found.created_at, found.created_at.isoformat()) == (NOW, "2025-07-20T10:30:00.123456+00:00")
