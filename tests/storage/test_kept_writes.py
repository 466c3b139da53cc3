"""A database that comes back without its last commits is told them again by whoever owns what they are of."""

from uuid import uuid4

import asyncpg
import pytest

from app.storage.fence import SessionFence
from app.storage.kept_writes import KeptWrites
from app.storage.shared import SharedDatabase
from app.storage.sql_store import SqlStore
from app.storage.upkeep_writes import SessionErased
from app.storage.writes import CallStarted, MessagesStored, SessionChanged, TextAccepted, TurnEnded
from tests.storage.postgres import PostgresServer
from tests.storage.talks import a_call, a_text, an_answer, at
from tests.storage.test_fence import client_of, member, opened


async def talked(store: SqlStore, shared: SharedDatabase) -> None:
    """A session with a text, its answer, and a call."""
    await opened(store, shared)
    assert await store.write(TextAccepted("s1", a_text(0)))
    assert await store.write(CallStarted("s1", a_call()))
    assert await store.write(TurnEnded("s1", "t0", "ok", [an_answer(1)]))


async def goes_on(store: SqlStore, postgres: PostgresServer, address: str) -> bool:
    """The connections break, as in a failover; returns whether the next write was taken."""
    postgres.hang_up(address)
    return bool(await store.write(MessagesStored("s1", [an_answer(2, "y más", "t0")])))


async def contents(client: "asyncpg.Connection[asyncpg.Record]") -> list[tuple[str, str]]:
    rows = await client.fetch("SELECT content, status FROM messages ORDER BY position")
    return [(row["content"], row["status"]) for row in rows]


ALL = [("hola", "ok"), ("qué tal", "ok"), ("y más", "ok")]

LOST = {
    "nothing": "SELECT 1",
    "an answer": "DELETE FROM messages WHERE position = 1",
    "the end of a turn": "UPDATE messages SET status = 'accepted' WHERE position = 0",
    "a text and its answer": "DELETE FROM messages",
    "a call": "DELETE FROM tool_calls",
    "a session": "DELETE FROM sessions",
}


@pytest.mark.parametrize("lost", LOST)
async def test_what_the_database_has_lost_is_there_again(
    postgres: PostgresServer, postgres_address: str, lost: str
):
    async with member(postgres_address) as (store, shared), client_of(postgres_address) as client:
        await talked(store, shared)
        await client.execute(LOST[lost])
        await client.close()

        assert await goes_on(store, postgres, postgres_address)

        async with client_of(postgres_address) as looking:
            assert await contents(looking) == ALL
            assert await looking.fetchval("SELECT count(*) FROM tool_calls") == 1
            assert await looking.fetchval("SELECT owner FROM sessions") == shared.me


async def test_a_claim_that_was_lost_is_made_again(postgres: PostgresServer, postgres_address: str):
    """The row says who had it before."""
    async with member(postgres_address) as (store, first):
        await talked(store, first)
        async with member(postgres_address) as (other, second):
            assert await second.claim("s1", given_up=[first.me]) == 2
            second.fence.hold("s1", 2)
            first.fence.let_go("s1", 1)
            assert await other.write(SessionChanged("s1", {"locale": "en"}))
            async with client_of(postgres_address) as client:
                await client.execute(
                    "UPDATE sessions SET owner = $1, owner_epoch = 1, locale = 'es'", first.me
                )

            assert await goes_on(other, postgres, postgres_address)

            async with client_of(postgres_address) as client:
                row = await client.fetchrow("SELECT owner, owner_epoch, locale FROM sessions")
            assert row is not None
            assert tuple(row.values()) == (second.me, 2, "en")


@pytest.mark.parametrize("epoch", [1, 2], ids=["by the same epoch", "by the next one"])
async def test_what_another_process_has_claimed_is_left_alone(
    postgres: PostgresServer, postgres_address: str, epoch: int
):
    async with member(postgres_address) as (store, shared):
        await talked(store, shared)
        async with client_of(postgres_address) as client:
            await client.execute("DELETE FROM messages")
            await client.execute("UPDATE sessions SET owner = $1, owner_epoch = $2", uuid4(), epoch)

        assert not await goes_on(store, postgres, postgres_address)

        async with client_of(postgres_address) as client:
            assert await contents(client) == []


async def test_what_was_erased_stays_so_and_an_erasure_that_was_lost_is_made_again(
    postgres: PostgresServer, postgres_address: str
):
    async with member(postgres_address) as (store, shared):
        await talked(store, shared)
        assert await store.write(SessionErased("s1", at(5)))
        async with client_of(postgres_address) as client:
            await client.execute("DELETE FROM erased_sessions")
            await client.execute(
                "INSERT INTO sessions (id, user_id, protocol, locale, token_hash, previous_token_hash,"
                " created_at, last_activity, owner, owner_epoch)"
                " VALUES ('s1', 'ana', 'v2', 'es', '', '', now(), now(), $1, 1)",
                shared.me,
            )

        assert not await goes_on(store, postgres, postgres_address)

        async with client_of(postgres_address) as client:
            assert await client.fetchval("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize(("kept_s", "are_kept"), [(60, 2), (0, 0)])
async def test_what_was_committed_long_ago_is_kept_no_longer(kept_s: float, are_kept: int):
    kept = KeptWrites(SessionFence(uuid4()), kept_s)
    kept.keep(TextAccepted("s1", a_text(0)).operation(), 1)
    kept.keep(TextAccepted("s1", a_text(1)).operation(), 1)
    kept.keep(SessionChanged("s1", {"given_title": "anybody's"}).operation(), 1)

    assert len(kept) == are_kept


class LetsGo(SessionFence):
    """A fence whose session is let go, by another thread, as soon as it was looked at."""

    def epoch_of(self, session_id: str) -> int:
        """See `SessionFence`."""
        found = super().epoch_of(session_id)
        self.let_go(session_id, found)
        return found


async def test_a_session_that_is_let_go_meanwhile_is_written_whole(postgres_address: str):
    """Its text would wait for an answer again, without the writes that follow."""
    async with member(postgres_address) as (store, shared), client_of(postgres_address) as client:
        await talked(store, shared)
        fence = LetsGo(shared.me)
        fence.hold("s1", 1)
        kept = KeptWrites(fence)
        kept.keep(TextAccepted("s1", a_text(0)).operation(), 1)
        kept.keep(TurnEnded("s1", "t0", "ok", [an_answer(1)]).operation(), 1)

        assert await shared.do(kept.write_again) == 0

        assert await contents(client) == ALL[:2]
