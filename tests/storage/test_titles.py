"""Titles that users give, and the search among their talks: the same on both databases."""

import pytest

from app.storage.records import SessionFilter
from app.storage.sql_store import SqlStore
from app.storage.writes import MessagesStored, SessionChanged, SessionOpened
from tests.storage.talks import NOW, a_session, a_text, an_answer, at


async def with_talks(store: SqlStore) -> None:
    texts = {
        "s1": ("¿Cuánto cuesta el Árbol?", "Diez euros."),
        "s2": ("hola", "Un perro_100% fiel"),
        "s3": ("árbol y perro", "vale"),
    }
    for number, (session_id, (text, answer)) in enumerate(texts.items()):
        store.write(SessionOpened(a_session(session_id, created_at=at(number))))
        store.write(MessagesStored(session_id, [a_text(0, text), an_answer(1, answer)]))
    store.write(SessionOpened(a_session("other", user_id="luis", created_at=at(9))))
    await store.write(MessagesStored("other", [a_text(0, "árbol")])).wait(5)


async def found(store: SqlStore, query: str) -> list[str]:
    page = await store.sessions(SessionFilter("all", "ana", query=query))
    return [record.id for record in page.rows]


@pytest.mark.parametrize(
    ("query", "ids"),
    [
        ("arbol", ["s3", "s1"]),
        ("ÁRBOL perro", ["s3"]),
        ("perro", ["s3", "s2"]),
        ("100%", ["s2"]),
        ("perro_1", ["s2"]),
        ("%", ["s2"]),
        ("diez", ["s1"]),
        ("nada", []),
        (" ", ["s3", "s2", "s1"]),
        ("\0", []),
    ],
)
async def test_talks_are_found_by_all_words_of_a_query(store: SqlStore, query: str, ids: list[str]) -> None:
    await with_talks(store)

    assert await found(store, query) == ids


async def test_given_title_stands_for_the_first_text_and_is_found(store: SqlStore) -> None:
    await with_talks(store)
    await store.write(SessionChanged("s2", {"given_title": "Ñandú 50%"})).wait(5)
    named = await store.session("s2")
    by_title, by_both = await found(store, "nandu"), await found(store, "nandú perro")
    # Taken up again, a session knows nothing of its title, and leaves it.
    await store.write(SessionOpened(a_session("s2", last_activity=NOW))).wait(5)
    resumed = await store.session("s2")
    await store.write(SessionChanged("s2", {"given_title": None})).wait(5)
    unnamed = await store.session("s2")

    assert named is not None and resumed is not None and unnamed is not None
    assert (named.title, resumed.title, unnamed.title) == ("Ñandú 50%", "Ñandú 50%", "hola")
    assert by_title == by_both == ["s2"]
    assert await found(store, "nandu") == []


async def test_search_goes_on_by_its_cursor(store: SqlStore) -> None:
    await with_talks(store)
    first = await store.sessions(SessionFilter("all", "ana", query="arbol"), 1)
    second = await store.sessions(SessionFilter("all", "ana", query="arbol"), 1, first.next_cursor)

    assert [one.id for one in (*first.rows, *second.rows)] == ["s3", "s1"]
    assert second.next_cursor is None
