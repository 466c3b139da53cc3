"""The store as a whole: order, restart, erasure, retention, slow reads."""

import asyncio
import secrets

import pytest
from sqlalchemy import text

from app.storage.errors import StoreUnavailable
from app.storage.sql_store import SqlStore
from app.storage.upkeep_writes import ProfileStored, UserErased
from app.storage.writes import MessagesStored, SessionChanged, SessionOpened, TextAccepted, TurnEnded
from tests.storage.talks import NOW, Log, a_session, a_text, an_answer, at, file_at, store_at


async def test_receipt_is_true_once_it_is_stored(store: SqlStore):
    store.write(SessionOpened(a_session()))
    receipt = store.write(TextAccepted("s1", a_text(0)))

    assert not receipt.is_durable
    assert await receipt.wait(10)
    assert receipt.is_durable
    assert [message.content for message in (await store.messages("s1")).rows] == ["hola"]


async def test_next_server_finds_the_talk(address: str):
    async with store_at(address) as first:
        first.write(SessionOpened(a_session()))
        first.write(TextAccepted("s1", a_text(0)))
        first.write(TurnEnded("s1", "t0", "ok", [an_answer(1)]))

    async with store_at(address) as second:
        await second.write(ProfileStored("ana", {}))  # writes go in their order: the start's own is done
        talk = await second.talk("s1")

        assert talk is not None
        assert [message.content for message in talk.messages] == ["hola", "qué tal"]
        assert talk.session.detached_at is not None


async def test_corrected_answer_replaces_the_first(store: SqlStore):
    store.write(SessionOpened(a_session()))
    store.write(TurnEnded("s1", "t0", "ok", [an_answer(0, "uno dos tres")]))
    await store.write(MessagesStored("s1", [an_answer(0, "uno dos", status="interrupted")]))

    [message] = (await store.messages("s1")).rows
    assert (message.content, message.status) == ("uno dos", "interrupted")
    assert await store.search("s1", "tres") == ()


def files_of(address: str) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in file_at(address).parent.iterdir()}


async def test_erased_user_is_nowhere_in_the_files(sqlite_address: str):
    secret = secrets.token_hex(16)
    async with store_at(sqlite_address) as store:
        store.write(SessionOpened(a_session()))
        await store.write(TextAccepted("s1", a_text(0, f"{secret} " * 5000)))
        assert any(secret.encode() in content for content in files_of(sqlite_address).values())

        await store.write(UserErased("ana", NOW))
        # The log is emptied right after the erasure's transaction; the next write stands behind it.
        await store.write(SessionOpened(a_session("s2", user_id="eva")))

        assert not [name for name, held in files_of(sqlite_address).items() if secret.encode() in held]


async def test_late_write_does_not_bring_an_erased_talk_back(store: SqlStore, log: Log):
    await store.write(SessionOpened(a_session()))
    erased = store.write(UserErased("ana", NOW))
    late = [
        store.write(TextAccepted("s1", a_text(0))),
        store.write(SessionChanged("s1", {"locale": "en"})),
        store.write(SessionOpened(a_session())),
        store.write(ProfileStored("ana", {"name": "Ana"}, "s1")),
    ]

    assert await erased.wait(10)
    assert [await receipt.wait(10) for receipt in late] == [False] * 4
    assert await store.session("s1") is None
    assert await store.profile("ana") is None
    assert len(log.named("storage_after_erasure")) == 4
    assert not log.named("storage_dropped")
    assert store.health().status == "ok"


async def test_old_talks_leave_and_others_stay(store: SqlStore):
    for number in range(450):
        store.write(SessionOpened(a_session(f"old{number}", ended_at=at(number))))
    store.write(SessionOpened(a_session("active")))
    await store.write(SessionOpened(a_session("fresh", ended_at=at(9000))))

    assert await store.forget_ended(at(1000)) == 450

    assert await store.session("old0") is None
    assert await store.session("fresh") is not None
    assert await store.session("active") is not None


async def test_read_that_takes_too_long_is_given_up_and_the_next_one_works(postgres_address: str):
    async with store_at(postgres_address, timeout_s=0.3) as store, store_at_second(postgres_address) as other:
        assert await store.write(SessionOpened(a_session())).wait(10)
        async with other.begin():
            await other.execute(text("LOCK TABLE messages IN ACCESS EXCLUSIVE MODE"))
            with pytest.raises(StoreUnavailable):
                await store.messages("s1")

        async with asyncio.timeout(10):
            assert (await store.messages("s1")).rows == ()


def store_at_second(address: str):
    """A connection of somebody else."""
    from contextlib import asynccontextmanager

    from sqlalchemy.ext.asyncio import create_async_engine

    @asynccontextmanager
    async def opened():
        engine = create_async_engine(address.replace("postgresql://", "postgresql+asyncpg://"))
        async with engine.connect() as connection:
            yield connection
        await engine.dispose()

    return opened()


async def test_two_hundred_at_once_wait_for_their_turn(store: SqlStore):
    await store.write(SessionOpened(a_session()))
    receipts = [store.write(TextAccepted("s1", a_text(position))) for position in range(200)]
    reads = [store.session("s1") for _ in range(200)]

    assert all(await asyncio.gather(*receipts))
    assert all(await asyncio.gather(*reads))
    assert [message.position for message in (await store.messages("s1")).rows] == list(range(200))


async def test_closed_store_is_not_read(address: str):
    async with store_at(address) as store:
        store.write(SessionOpened(a_session()))

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.messages("s1")
