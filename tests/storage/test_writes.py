"""Each write, applied twice, leaves what it leaves once; what came too late leaves nothing."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from sqlalchemy import Connection, Select, Table, select
from sqlalchemy.exc import IntegrityError

from app.storage.connections import WritingConnection
from app.storage.errors import RowRefused
from app.storage.models import metadata, sessions
from app.storage.operations import Write
from app.storage.upkeep_writes import DetachedEnded, ProfileStored, ServerStarted, SessionErased, UserErased
from app.storage.writes import (
    CallEnded,
    CallStarted,
    CallsTold,
    MessageMarked,
    MessagesStored,
    SessionChanged,
    SessionOpened,
    TurnEnded,
)
from tests.storage.talks import NOW, a_call, a_session, a_text, an_answer, at, database_at


class Hand:
    """Writes by hand, on the connection that writes."""

    def __init__(self, connection: WritingConnection) -> None:
        self._connection = connection

    async def apply(self, *writes: Write) -> None:
        """In one transaction."""

        def work(database: Connection) -> None:
            with database.begin():
                for write in writes:
                    write.operation().apply(database)

        await self._connection.run(work)

    async def found(self, statement: Select[Any]) -> list[tuple[Any, ...]]:
        def work(database: Connection) -> list[tuple[Any, ...]]:
            with database.begin():
                return sorted((tuple(row) for row in database.execute(statement)), key=str)

        return await self._connection.run(work)

    async def rows(self, table: Table) -> list[tuple[Any, ...]]:
        return await self.found(select(table))


@pytest_asyncio.fixture
async def hand(address: str) -> AsyncIterator[Hand]:
    database = database_at(address)
    opened = await database.connect()
    yield Hand(opened)
    await opened.close()
    await database.aclose()


LIFE = UUID(int=1)

OF_THE_SERVER = ("nodes", "lives", "spent", "crowds")
TALKS = {name: table for name, table in metadata.tables.items() if name not in OF_THE_SERVER}
"""The tables that talks are in; the others are the server's own."""


async def test_whole_talk_applied_twice_is_there_once(hand: Hand):
    talk = [
        ServerStarted(LIFE, NOW),
        SessionOpened(a_session()),
        MessagesStored("s1", [a_text(0)]),
        CallStarted("s1", a_call()),
        CallEnded("s1", "call_1", "done", at(3), '{"status":"done"}', None),
        TurnEnded("s1", "t0", "ok", [an_answer(1)]),
        CallsTold("s1", ["call_1"], at(4)),
        MessageMarked("s1", 0, "refused"),
        SessionChanged("s1", {"locale": "en", "detached_at": at(5)}),
        ProfileStored("ana", {"name": "Ana"}, "s1"),
    ]
    kept: list[dict[str, list[tuple[Any, ...]]]] = []
    for _ in range(2):
        await hand.apply(*talk)
        kept.append({name: await hand.rows(table) for name, table in TALKS.items()})

    assert kept[0] == kept[1]
    assert {name: len(found) for name, found in kept[1].items()} == {
        "users": 1, "sessions": 1, "messages": 2, "tool_calls": 1, "erased_sessions": 0,
    }  # fmt: skip


async def test_other_message_in_the_same_place_is_refused(hand: Hand):
    await hand.apply(SessionOpened(a_session()), MessagesStored("s1", [a_text(0)]))

    with pytest.raises(RowRefused):
        await hand.apply(MessagesStored("s1", [an_answer(0, turn_id="t9")]))


async def test_same_client_id_twice_is_refused(hand: Hand):
    await hand.apply(SessionOpened(a_session()), MessagesStored("s1", [a_text(0)]))

    with pytest.raises(IntegrityError):
        await hand.apply(MessagesStored("s1", [a_text(1, client_id="c0")]))


async def test_message_without_its_session_is_refused(hand: Hand):
    with pytest.raises(IntegrityError):
        await hand.apply(MessagesStored("nobody", [a_text(0)]))


async def test_erased_session_does_not_come_back(hand: Hand):
    await hand.apply(
        SessionOpened(a_session()),
        MessagesStored("s1", [a_text(0)]),
        CallStarted("s1", a_call()),
        SessionErased("s1", NOW),
    )

    with pytest.raises(RowRefused):
        await hand.apply(SessionOpened(a_session()))
    with pytest.raises(RowRefused):
        await hand.apply(ProfileStored("ana", {}, "s1"))
    left = {name: len(await hand.rows(table)) for name, table in TALKS.items()}
    assert left == {"users": 0, "sessions": 0, "messages": 0, "tool_calls": 0, "erased_sessions": 1}


async def test_erased_user_leaves_nothing_and_others_stay(hand: Hand):
    of_users = (("s1", "ana"), ("s2", "ana"), ("s3", "eva"))
    await hand.apply(*(SessionOpened(a_session(id_, user_id=user)) for id_, user in of_users))
    await hand.apply(ProfileStored("ana", {}, ""), UserErased("ana", NOW))

    assert await hand.found(select(sessions.c.id)) == [("s3",)]
    with pytest.raises(RowRefused):
        await hand.apply(SessionOpened(a_session("s2")))


async def test_started_server_finds_the_connected_ones_gone_since_now(hand: Hand):
    await hand.apply(
        SessionOpened(a_session("was connected")),
        SessionOpened(a_session("left before", detached_at=at(1))),
        SessionOpened(a_session("ended", ended_at=at(2))),
        SessionOpened(a_session("by a clock that was set back", created_at=at(60))),
        ServerStarted(LIFE, at(50)),
    )

    left = dict(await hand.found(select(sessions.c.id, sessions.c.detached_at)))
    assert left == {
        "was connected": at(50),
        "left before": at(1),
        "ended": None,
        "by a clock that was set back": at(50),
    }


async def test_session_ends_when_nobody_came_back(hand: Hand):
    await hand.apply(
        SessionOpened(a_session("long gone", detached_at=at(1))),
        SessionOpened(a_session("just gone", detached_at=at(9))),
        SessionOpened(a_session("here")),
        DetachedEnded(at(5)),
    )

    ended = dict(await hand.found(select(sessions.c.id, sessions.c.ended_at)))
    assert ended == {"long gone": at(1), "just gone": None, "here": None}


def test_writes_of_a_talk_share_their_statements_so_that_thousands_may_wait():
    """Made anew for each write, statements cost a turn a millisecond and each write that waits 35 KiB."""

    def statements(n: int) -> list[object]:
        written = [
            SessionOpened(a_session()),
            TurnEnded("s1", f"t{n}", "ok", [a_text(n), an_answer(n + 1)]),
            CallStarted("s1", a_call()),
            CallEnded("s1", "call_1", "done", at(n), '{"status":"done"}', None),
        ]
        return [step.statement for write in written for step in write.operation().steps]

    assert [id(statement) for statement in statements(0)] == [id(statement) for statement in statements(2)]
