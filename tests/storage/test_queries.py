"""Reads: pages, search, and what a restarted server needs."""

import asyncio
from base64 import urlsafe_b64encode

import pytest

from app.services.sessions.profiles import Profiles
from app.storage.errors import BadCursor
from app.storage.records import TITLE_CHARS, SessionFilter
from app.storage.sql_store import SqlStore
from app.storage.upkeep_writes import ProfileErased, ProfileStored
from app.storage.writes import (
    CallEnded,
    CallStarted,
    CallsTold,
    MessagesStored,
    SessionOpened,
    TextAccepted,
    TurnEnded,
)
from tests.storage.talks import a_call, a_session, a_text, an_answer, at

ODD = "%_;--'\"\\"


def forged(text: str) -> str:
    return urlsafe_b64encode(text.encode()).decode().rstrip("=")


async def test_talk_has_all_that_a_restart_needs(store: SqlStore):
    store.write(
        SessionOpened(a_session(token_hash=b"\x00new", previous_token_hash=b"old\xff", summary="hablamos"))
    )
    store.write(TextAccepted("s1", a_text(0)))
    store.write(TextAccepted("s1", a_text(1, "y otra")))
    store.write(CallStarted("s1", a_call("told")))
    store.write(CallStarted("s1", a_call("untold")))
    store.write(CallStarted("s1", a_call("running")))
    store.write(CallEnded("s1", "told", "done", ended_at=at(2), result='{"status":"done"}'))
    store.write(CallEnded("s1", "untold", "cancelled", ended_at=at(3), result="null", reason="user"))
    store.write(CallsTold("s1", ["told"], at(4)))
    await store.write(TurnEnded("s1", "t0", "interrupted", [an_answer(2, status="interrupted")]))

    talk = await store.talk("s1")

    assert talk is not None
    assert talk.session == a_session(
        token_hash=b"\x00new", previous_token_hash=b"old\xff", summary="hablamos",
        last_activity=at(2), message_count=3, title="hola",
    )  # fmt: skip
    assert [(each.position, each.status) for each in talk.messages] == [
        (0, "interrupted"), (2, "interrupted"), (1, "accepted"),
    ]  # fmt: skip
    assert talk.next_position == 3
    assert talk.running_calls == (a_call("running"),)
    assert talk.untold_calls == (
        a_call("untold", status="cancelled", ended_at=at(3), result="null", reason="user"),
    )
    assert talk.unanswered == (a_text(1, "y otra"),)
    assert talk.turn_of_client_id == {"c0": "t0", "c1": "t1"}


async def test_messages_come_back_as_they_went_in(store: SqlStore):
    calls = [{"id": "call_1", "type": "function", "function": {"name": "calculate", "arguments": "{}"}}]
    said = [
        a_text(0, turn_id="t0", status="ok"),
        an_answer(1, content=None, tool_calls=calls),
        an_answer(2, "4", role="tool", tool_call_id="call_1"),
        an_answer(3, ""),
    ]
    store.write(SessionOpened(a_session()))
    await store.write(MessagesStored("s1", said))

    assert list((await store.messages("s1")).rows) == said


async def test_unknown_session_is_none(store: SqlStore):
    assert await store.session("nobody\x00") is None
    assert await store.talk("nobody") is None
    assert (await store.messages("nobody")).rows == ()


@pytest.mark.parametrize(("summary_upto", "first"), [(20, 17), (18, 17), (10, 10), (None, 0)])
async def test_newest_turns_are_loaded_and_those_that_no_summary_stands_for(
    store: SqlStore, summary_upto: int | None, first: int
):
    store.write(SessionOpened(a_session(summary_upto=summary_upto)))
    await store.write(MessagesStored("s1", [a_text(position) for position in range(20)]))

    talk = await store.talk("s1", newest_turns=3)

    assert talk is not None
    assert [message.position for message in talk.messages] == list(range(first, 20))
    assert len(talk.turn_of_client_id) == 20


async def test_what_is_loaded_of_a_very_long_talk_is_bounded(store: SqlStore):
    store.write(SessionOpened(a_session()))
    await store.write(MessagesStored("s1", [a_text(position) for position in range(1_100)]))

    talk = await store.talk("s1")

    assert talk is not None
    assert [message.position for message in talk.messages] == list(range(600, 1_100))
    assert list(talk.turn_of_client_id) == [f"c{position}" for position in range(100, 1_100)]


async def test_pages_join_to_the_whole_list(store: SqlStore):
    for number in range(7):
        # Pairs of the same moment: the id decides between them.
        await store.write(SessionOpened(a_session(f"s{number}", created_at=at(number // 2))))

    seen: list[str] = []
    cursor = None
    while True:
        page = await store.sessions(SessionFilter(), limit=3, cursor=cursor)
        seen += [session.id for session in page.rows]
        cursor = page.next_cursor
        if cursor is None:
            break

    assert seen == ["s6", "s5", "s4", "s3", "s2", "s1", "s0"]


async def test_list_is_filtered(store: SqlStore):
    store.write(SessionOpened(a_session("s1")))
    store.write(SessionOpened(a_session("s2", ended_at=at(1))))
    await store.write(SessionOpened(a_session("s3", user_id=ODD)))

    async def ids(chosen: SessionFilter) -> set[str]:
        return {session.id for session in (await store.sessions(chosen)).rows}

    assert await ids(SessionFilter("active")) == {"s1", "s3"}
    assert await ids(SessionFilter("ended")) == {"s2"}
    assert await ids(SessionFilter(user_id="ana")) == {"s1", "s2"}
    assert await ids(SessionFilter(user_id=ODD)) == {"s3"}
    assert await ids(SessionFilter(user_id="%")) == set()


async def test_talk_is_named_by_the_beginning_of_its_first_text(store: SqlStore):
    for number in range(3):
        store.write(SessionOpened(a_session(f"s{number}")))
    greeting = an_answer(0, "buenas")
    await store.write(MessagesStored("s1", [greeting, a_text(1, "ñ" * 200), a_text(2, "otra cosa")]))
    await store.write(MessagesStored("s2", [greeting]))

    titles = {session.id: session.title for session in (await store.sessions(SessionFilter())).rows}
    spoken = await store.sessions(SessionFilter(is_spoken=True))

    assert titles == {"s0": "", "s1": "ñ" * TITLE_CHARS, "s2": ""}
    assert [session.id for session in spoken.rows] == ["s1"]
    one = await store.session("s1")
    assert one is not None and one.title == titles["s1"]


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "ñ", "W10", "WyJhIiwgImIiXQ", "WyIyMDI1LTAxLTAxIiwgInMiXQ", "A" * 5),
        forged('["0001-01-01T00:00:00+23:59","s"]'),
        forged('["9999-12-31T23:59:59-23:59","s"]'),
        forged("[" * 9000),
    ],
)
async def test_cursor_that_is_not_ours_is_refused(store: SqlStore, cursor: str):
    with pytest.raises(BadCursor):
        await store.sessions(SessionFilter(), cursor=cursor)
    with pytest.raises(BadCursor):
        await store.messages("s1", cursor=cursor)


async def test_messages_are_paged(store: SqlStore):
    store.write(SessionOpened(a_session()))
    await store.write(MessagesStored("s1", [a_text(position) for position in range(5)]))

    first = await store.messages("s1", limit=3)
    second = await store.messages("s1", limit=3, cursor=first.next_cursor)

    assert [message.position for message in (*first.rows, *second.rows)] == [0, 1, 2, 3, 4]
    assert second.next_cursor is None


async def test_search_finds_words_whatever_their_case_and_accents(store: SqlStore):
    store.write(SessionOpened(a_session()))
    store.write(SessionOpened(a_session("s2")))
    store.write(TextAccepted("s2", a_text(0, "el árbol de otra sesión")))
    await store.write(
        MessagesStored(
            "s1",
            [
                a_text(0, "Un ÁRBOL alto"),
                an_answer(1, "Nada"),
                a_text(2, "alto"),
                an_answer(3, "árbol", role="tool"),
            ],
        )
    )

    found = await store.search("s1", "arbol ALTO")

    assert [message.position for message in found] == [0, 2]
    assert [message.position for message in await store.search("s1", "arbol alto", limit=1)] == [0]


@pytest.mark.parametrize("sign", list(ODD))
async def test_search_takes_every_sign_literally(store: SqlStore, sign: str):
    store.write(SessionOpened(a_session()))
    await store.write(MessagesStored("s1", [a_text(0, "abc"), a_text(1, f"a{sign}c")]))

    assert [message.position for message in await store.search("s1", f"a{sign}c")] == [1]
    assert await store.search("s1", " ") == ()


async def test_search_leaves_out_what_was_refused_and_what_came_again_in_other_words(store: SqlStore):
    store.write(SessionOpened(a_session()))
    store.write(TextAccepted("s1", a_text(0, "el tren malo")))
    store.write(TurnEnded("s1", "t0", "refused", []))
    store.write(TextAccepted("s1", a_text(1, "el tren")))
    store.write(TurnEnded("s1", "t1", "joined", []))
    await store.write(TextAccepted("s1", a_text(2, "el tren bueno")))

    assert [message.position for message in await store.search("s1", "tren")] == [2]


async def test_profile_is_kept_replaced_and_erased(store: SqlStore):
    assert await store.profile("ana") is None

    await store.write(ProfileStored("ana", {"name": "Ana"}))
    await store.write(ProfileStored("ana", {"name": "Ana", "notes": ["le gusta el té"]}))
    assert await store.profile("ana") == {"name": "Ana", "notes": ["le gusta el té"]}

    await store.write(ProfileErased("ana"))
    assert await store.profile("ana") is None


async def test_sessions_of_one_user_write_one_profile_and_erasure_leaves_none(store: SqlStore):
    profiles = Profiles(store, timeout_s=20)
    for session_id in ("s1", "s2"):
        await store.write(SessionOpened(a_session(session_id)))
    sessions = [profiles.for_session("ana", session_id) for session_id in ("s1", "s2")]
    await asyncio.gather(
        *(
            session.change(lambda profile, note=f"nota {n}": profile.with_note(note))
            for n, session in enumerate(sessions)
            if session is not None
        )
    )
    stored = await store.profile("ana")

    await profiles.of("ana").erase_with_user(at(9))
    late = store.write(ProfileStored("ana", {"name": "Ana"}, "s1"))

    assert stored is not None and sorted(stored["notes"]) == ["nota 0", "nota 1"]
    assert not await late.wait(20)
    assert await store.profile("ana") is None
    await profiles.aclose()
