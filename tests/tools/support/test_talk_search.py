"""A search finds what was said in this talk, with a store and without."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from app.protocol.events import Spoken
from app.session.history import History
from app.session.outbox import Outbox
from app.session.voice_session import VoiceSession
from app.storage.errors import StoreUnavailable
from app.storage.no_store import NoStore
from app.storage.records import MessageRecord, StoreHealth
from app.tools.base import SearchHit, SearchHits
from app.tools.support.talk_search import MAX_SCANNED_CHARS, SessionSearch
from tests.support.talk import NoTransport
from tests.support.virtual_time import EPOCH


def at(minutes: int) -> Any:
    return EPOCH + timedelta(minutes=minutes)


def a_session() -> VoiceSession:
    return VoiceSession("s1", NoTransport(), "ana", History("s", 10**6), Outbox(10, 10**6), EPOCH, EPOCH)


def said(session: VoiceSession, *texts: str) -> VoiceSession:
    for number, text in enumerate(texts):
        role: Any = "assistant" if number % 2 else "user"
        session.transcript.add(Spoken(role, text, f"t{number}", at(number)))
    return session


@dataclass
class Shelf(NoStore):
    """A store that finds just this."""

    records: Sequence[MessageRecord] = ()
    status: Any = "ok"
    is_gone: bool = False
    asked: list[tuple[str, str, int]] = field(default_factory=list)
    is_on = True

    def health(self) -> StoreHealth:
        return StoreHealth(self.status, "sqlite")

    async def search(self, session_id: str, query: str, limit: int = 10) -> tuple[MessageRecord, ...]:
        self.asked.append((session_id, query, limit))
        if self.is_gone:
            raise StoreUnavailable("gone")
        return tuple(self.records)


def record(position: int, content: str, turn_id: str = "t0", role: Any = "user") -> MessageRecord:
    return MessageRecord(position, turn_id, role, content, at(position))


def contents(remarks: SearchHits) -> list[str]:
    return [remark.content for remark in remarks.found]


async def test_store_is_asked_for_this_session_and_the_turn_that_asks_is_left_out():
    store = Shelf([record(9, "¿qué dije del tren?", "now"), record(4, "el tren", role="assistant")])

    remarks = await SessionSearch(a_session(), store, "now").search("tren", 2)

    assert remarks == SearchHits([SearchHit("assistant", "el tren", at(4))], is_all=True)
    assert [(session_id, query) for session_id, query, _ in store.asked] == [("s1", "tren")]


async def test_no_more_is_given_than_was_asked_for():
    store = Shelf([record(number, f"tren {number}") for number in range(5)])

    assert len((await SessionSearch(a_session(), store, "now").search("tren", 2)).found) == 2


async def test_without_a_store_memory_is_searched_and_that_is_said():
    session = said(a_session(), "Un ÁRBOL alto", "nada", "alto", "¿qué dije del árbol alto?")

    remarks = await SessionSearch(session, NoStore(), "t3").search("arbol ALTO", 5)

    assert remarks == SearchHits(
        [SearchHit("user", "Un ÁRBOL alto", at(0)), SearchHit("user", "alto", at(2))], is_all=False
    )


async def test_newest_of_equally_good_ones_comes_first():
    session = said(a_session(), "tren uno", "tren dos", "tren tres")

    assert contents(await SessionSearch(session, NoStore(), "now").search("tren", 2)) == [
        "tren tres", "tren dos",
    ]  # fmt: skip


async def test_what_was_refused_does_not_come_up():
    session = said(a_session(), "tren bueno", "nada", "tren veneno")
    session.transcript.refuse("t2")

    assert contents(await SessionSearch(session, NoStore(), "now").search("tren", 5)) == ["tren bueno"]


async def test_history_is_searched_where_the_transcript_no_longer_reaches():
    session = said(a_session(), "tren nuevo")
    session.conversation_history.begin_turn("old")
    for text in ("tren viejo", "tren nuevo"):
        session.conversation_history.add_user(text)

    remarks = await SessionSearch(session, NoStore(), "now").search("tren", 5)

    assert list(remarks.found) == [
        SearchHit("user", "tren nuevo", at(0)),
        SearchHit("user", "tren viejo", None),
    ]


async def test_store_that_does_not_answer_leaves_what_is_in_memory():
    session = said(a_session(), "el tren")

    remarks = await SessionSearch(session, Shelf(is_gone=True), "now").search("tren", 5)

    assert (contents(remarks), remarks.is_all) == (["el tren"], False)


async def test_words_that_wait_to_be_written_are_found_too():
    session = said(a_session(), "tren guardado", "tren en espera")
    store = Shelf([record(0, "tren guardado")], status="degraded")

    remarks = await SessionSearch(session, store, "now").search("tren", 5)

    assert (contents(remarks), remarks.is_all) == (["tren guardado", "tren en espera"], True)


@pytest.mark.parametrize("query", ["", "  ", "nunca"])
async def test_nothing_is_found_where_there_is_nothing(query: str):
    session = said(a_session(), "el tren")

    assert contents(await SessionSearch(session, NoStore(), "now").search(query, 5)) == []


async def test_search_in_memory_is_bounded():
    session = said(a_session(), "tren viejo", "x" * MAX_SCANNED_CHARS, "tren")

    assert contents(await SessionSearch(session, NoStore(), "now").search("tren", 5)) == ["tren"]
