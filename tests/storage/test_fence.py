"""Several processes write to one database, and each session has one owner: by real transactions."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import Connection, text

from app.clock import SystemClock
from app.storage.errors import AlreadyRunning, SchemaTooNew
from app.storage.fence import SessionFence
from app.storage.membership import NodeReport, NodeTerms
from app.storage.ownership import Placement
from app.storage.shared import SharedDatabase
from app.storage.sql_store import SqlStore
from app.storage.writes import CallStarted, SessionChanged, SessionOpened, SessionReleased, TextAccepted
from tests.storage.talks import PATIENCE_S, a_call, a_session, a_text, at, database_at, store_at

AGE = "UPDATE nodes SET renewed_at = renewed_at - interval '1 hour' WHERE id = $1"


def terms(
    address: str = "http://10.0.0.1:9000", version: str = "1.0.0", *, is_well: bool = True
) -> NodeTerms:
    return NodeTerms(address, version, lambda: NodeReport("serving", 0, 100, is_well=is_well))


@asynccontextmanager
async def member(
    address: str, own: NodeTerms | None = None
) -> AsyncIterator[tuple[SqlStore, SharedDatabase]]:
    """One process among several."""
    database = database_at(address, 10, terms=own or terms())
    store = SqlStore(database, SystemClock(), 10)
    await store.start()
    try:
        shared = store.shared
        assert shared is not None
        yield store, shared
    finally:
        await store.aclose(5)


@asynccontextmanager
async def client_of(address: str) -> AsyncIterator["asyncpg.Connection[asyncpg.Record]"]:
    client = await asyncpg.connect(address)
    try:
        yield client
    finally:
        await client.close()


async def opened(store: SqlStore, shared: SharedDatabase, session_id: str = "s1") -> None:
    shared.fence.hold(session_id, 1)
    assert await store.write(SessionOpened(a_session(session_id)))


async def gone(address: str, shared: SharedDatabase) -> None:
    """Its row is not renewed any more, and an hour old."""
    renewing: asyncio.Task[None] | None = shared.membership._renewing  # pyright: ignore[reportPrivateUsage]
    assert renewing is not None
    renewing.get_loop().call_soon_threadsafe(renewing.cancel)
    async with client_of(address) as client:
        while not renewing.done():  # noqa: ASYNC110  # it ends on another thread's loop
            await asyncio.sleep(0.01)
        await client.execute(AGE, shared.me)


WEAK = text("SELECT id, owner_epoch FROM sessions WHERE owner = :me AND id = ANY(:ids)")


@pytest.mark.parametrize("is_fence", [True, False], ids=["the fence", "a look without a lock"])
async def test_a_claim_comes_before_a_batch_or_after_it(postgres_address: str, is_fence: bool):
    """With a plain look the claim is committed in the middle of the batch: that is what the lock is for."""
    async with member(postgres_address) as (store, first), member(postgres_address) as (_, second):
        await opened(store, first)
        has_looked, may_commit = asyncio.Event(), asyncio.Event()
        loop = asyncio.get_running_loop()

        def batch(connection: Connection) -> None:
            with connection.begin():
                if is_fence:
                    assert first.fence.lost(connection, {"s1": 1}) == frozenset()
                else:
                    assert connection.execute(WEAK, {"me": first.me, "ids": ["s1"]}).all()
                loop.call_soon_threadsafe(has_looked.set)
                asyncio_wait(may_commit, loop)

        def asyncio_wait(event: asyncio.Event, of: asyncio.AbstractEventLoop) -> None:
            # The transaction stays open meanwhile, on a connection of its own.
            from sqlalchemy.util import await_only

            async def waits() -> None:
                await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(event.wait(), of))

            await_only(waits())

        writing = asyncio.create_task(transact(first)(batch))
        await has_looked.wait()
        claiming = asyncio.create_task(second.claim("s1", given_up=[first.me]))
        done, _ = await asyncio.wait({claiming}, timeout=0.5)
        assert bool(done) is not is_fence
        may_commit.set()
        await writing

        assert await claiming == 2


def transact(shared: SharedDatabase) -> Callable[[Callable[[Connection], Any]], Any]:
    return shared._transact  # pyright: ignore[reportPrivateUsage]


async def test_what_a_stale_owner_still_has_in_line_is_dropped_and_told(postgres_address: str):
    async with member(postgres_address) as (store, first), member(postgres_address) as (other, second):
        await opened(store, first)
        await opened(store, first, "s2")
        told: list[str] = []
        first.fence.on_fenced = told.append
        await gone(postgres_address, first)
        assert await second.claim("s1") == 2
        second.fence.hold("s1", 2)

        receipts = [
            store.write(TextAccepted("s1", a_text(0))),
            store.write(CallStarted("s1", a_call())),
            store.write(TextAccepted("s2", a_text(0))),
            store.write(SessionChanged("s1", {"ended_at": at(1)})),
        ]
        stored = [await receipt for receipt in receipts]

        assert stored == [False, False, True, False]
        assert [receipt.is_fenced for receipt in receipts] == [True, True, False, True]
        assert set(told) == {"s1"}
        assert await other.write(TextAccepted("s1", a_text(0, "mine")))
        assert [row.content for row in (await other.messages("s1")).rows] == ["mine"]
        assert (await other.session("s1")).ended_at is None  # type: ignore[union-attr]


async def test_a_claim_of_a_session_that_lives_elsewhere_says_where(postgres_address: str):
    own = terms("http://10.0.0.7:9000")
    async with member(postgres_address, own) as (store, first), member(postgres_address) as (_, second):
        await opened(store, first)

        found = await second.claim("s1")

        assert found == Placement(first.me, 1, "http://10.0.0.7:9000", True)
        assert await second.claim("nobody's") is None
        await gone(postgres_address, first)
        assert await second.claim("s1") == 2


async def test_of_many_that_claim_at_once_one_has_it(postgres_address: str):
    async with member(postgres_address) as (store, first):
        await opened(store, first)
        await gone(postgres_address, first)
        async with (
            member(postgres_address) as (_, second),
            member(postgres_address) as (_, third),
        ):
            answers = await asyncio.gather(*(each.claim("s1") for each in [second, third] * 1))

        epochs = [answer for answer in answers if isinstance(answer, int)]
        assert epochs == [2]


async def test_an_epoch_that_was_given_twice_is_still_no_claim_of_the_other(postgres_address: str):
    """A standby that lacks the last commits hands the same number out again, to another owner."""
    async with member(postgres_address) as (store, first), client_of(postgres_address) as client:
        await opened(store, first)
        await client.execute("UPDATE sessions SET owner = $1 WHERE id = 's1'", uuid4())

        assert not await store.write(TextAccepted("s1", a_text(0)))


async def test_a_session_that_was_let_go_is_anyones_and_its_late_writes_are_nobodys(postgres_address: str):
    async with member(postgres_address) as (store, first), member(postgres_address) as (_, second):
        await opened(store, first)
        receipt = store.write(SessionReleased("s1", first.me, 1))
        assert await receipt
        first.fence.let_go("s1", 1)

        assert not await store.write(TextAccepted("s1", a_text(0)))
        assert await second.claim("s1") == 2
        assert await store.write(SessionChanged("s1", {"given_title": "named by anybody"}))
        assert (await store.session("s1")).title == "named by anybody"  # type: ignore[union-attr]


async def test_a_session_that_was_claimed_anew_is_written_by_the_newest_claim_alone(postgres_address: str):
    async with member(postgres_address) as (store, first):
        await opened(store, first)
        old = first.fence.epoch_of("s1")
        assert await first.claim("s1") == 2
        late = store.write(TextAccepted("s1", a_text(0, "by the old claim")))
        first.fence.hold("s1", 2)
        new = store.write(TextAccepted("s1", a_text(0, "by the new one")))

        assert (old, await late, await new) == (1, False, True)


async def test_an_opening_that_is_written_twice_does_not_take_a_session_back(postgres_address: str):
    async with member(postgres_address) as (store, first), member(postgres_address) as (_, second):
        await opened(store, first)
        assert await second.claim("s1", given_up=[first.me]) == 2

        assert not await store.write(SessionOpened(a_session(locale="en")))
        assert (await second.placement("s1")) == Placement(second.me, 2, "http://10.0.0.1:9000", True)


async def test_processes_know_each_other_while_they_are_well(postgres_address: str):
    async with (
        member(postgres_address, terms("http://a:1", "2.0.0")) as (_, first),
        member(postgres_address, terms("http://b:1")) as (_, second),
    ):
        nodes = await second.nodes()
        assert [(node.id, node.address, node.version, node.state) for node in nodes] == [
            (first.me, "http://a:1", "2.0.0", "serving"),
            (second.me, "http://b:1", "1.0.0", "serving"),
        ]
        assert first.membership.is_sure
    async with member(postgres_address) as (_, third):
        assert [node.id for node in await third.nodes()] == [third.me]


async def test_a_process_that_is_not_well_is_not_renewed(postgres_address: str):
    async with (
        member(postgres_address, terms(is_well=False)) as (_, ill),
        client_of(postgres_address) as client,
    ):
        before = await client.fetchval("SELECT renewed_at FROM nodes WHERE id = $1", ill.me)
        async with asyncio.timeout(PATIENCE_S):
            while ill.membership.is_sure:  # noqa: ASYNC110  # by the real clock: 5 s
                await asyncio.sleep(0.1)

        assert await client.fetchval("SELECT renewed_at FROM nodes WHERE id = $1", ill.me) == before


async def test_a_server_alone_and_several_do_not_share_a_database(postgres_address: str):
    async with store_at(postgres_address):
        with pytest.raises(AlreadyRunning, match="for itself"):
            async with member(postgres_address):
                pass
    async with member(postgres_address):
        with pytest.raises(AlreadyRunning, match="Another server"):
            async with store_at(postgres_address):
                pass


@pytest.mark.parametrize(
    ("version", "works_from", "is_let_in"),
    [
        ("9.0.0+9999", "0007", True),
        ("9.0.0+9999", "9999", False),
        ("9.0.0+9998", "0007", False),
    ],
    ids=["beside a newer release", "too old for it", "nobody knows"],
)
async def test_a_process_starts_beside_a_newer_release_that_lets_it(
    postgres_address: str, version: str, works_from: str, is_let_in: bool
):
    async with member(postgres_address):
        pass
    async with client_of(postgres_address) as client:
        await client.execute("UPDATE alembic_version SET version_num = '9999'")
        await client.execute(
            "INSERT INTO nodes (id, address, version, schema_from, state, renewed_at, started_at)"
            " VALUES ($1, 'http://new:1', $2, $3, 'serving', now(), now())",
            uuid4(),
            version,
            works_from,
        )
    if not is_let_in:
        with pytest.raises(SchemaTooNew):
            async with member(postgres_address):
                pass
        return
    async with member(postgres_address) as (store, shared):
        await opened(store, shared)


def test_a_fence_knows_no_session_that_it_does_not_hold():
    fence = SessionFence(UUID(int=1))
    fence.hold("s1", 3)
    fence.let_go("s1", 2)
    assert (fence.epoch_of("s1"), fence.epoch_of("s2")) == (3, -1)
    fence.let_go("s1", 3)
    assert fence.epoch_of("s1") == -1


async def test_what_others_have_claimed_is_told_and_nothing_else(postgres_address: str):
    """Nor a session that waits to be written, nor one whose claim a failover has lost."""
    async with member(postgres_address) as (store, first), client_of(postgres_address) as client:
        for session_id in ("mine", "taken", "taken by the same epoch", "let go", "claim lost"):
            await opened(store, first, session_id)
        first.fence.hold("not written yet", 1)
        first.fence.hold("claim lost", 2)
        stands: dict[str, tuple[UUID | None, int]] = {
            "taken": (uuid4(), 2),
            "taken by the same epoch": (uuid4(), 1),
            "let go": (None, 1),
            "claim lost": (uuid4(), 1),
        }
        for session_id, (owner, epoch) in stands.items():
            values = (session_id, owner, epoch)
            await client.execute("UPDATE sessions SET owner = $2, owner_epoch = $3 WHERE id = $1", *values)

        assert await first.lost() == {"taken", "taken by the same epoch", "let go"}
