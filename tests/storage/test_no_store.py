"""A server that keeps nothing says so at every turn."""

from app.storage.no_store import NoStore
from app.storage.records import Page, SessionFilter
from tests.storage.talks import NOW, a_call, a_session, a_text


async def test_no_write_is_ever_durable():
    store = NoStore()
    receipts = [
        store.session_opened(a_session()),
        store.session_changed("s1", {"locale": "en"}),
        store.text_accepted("s1", a_text(0)),
        store.messages_stored("s1", []),
        store.turn_ended("s1", "t0", "ok", []),
        store.message_marked("s1", 0, "refused"),
        store.call_started("s1", a_call()),
        store.call_ended("s1", "call_1", "done", ended_at=NOW),
        store.calls_told("s1", ["call_1"], NOW),
        store.profile_stored("ana", {}),
        store.profile_erased("ana"),
        store.session_erased("s1"),
        store.user_erased("ana"),
        store.detached_ended(NOW),
    ]

    assert [await receipt.wait(1) for receipt in receipts] == [False] * len(receipts)


async def test_nothing_is_found():
    store = NoStore()

    assert await store.session("s1") is None
    assert await store.talk("s1") is None
    assert await store.sessions(SessionFilter()) == Page(())
    assert await store.messages("s1") == Page(())
    assert await store.search("s1", "hola") == ()
    assert await store.profile("ana") is None
    assert await store.forget_ended(NOW) == 0
    assert store.health().status == "off"
    await store.aclose(1)
