"""A server that keeps nothing says so at every turn."""

from app.storage.no_store import NoStore
from app.storage.records import Page, SessionFilter
from app.storage.upkeep_writes import DetachedEnded, ProfileErased, ProfileStored, SessionErased, UserErased
from app.storage.writes import (
    CallEnded,
    CallStarted,
    CallsTold,
    MessageMarked,
    MessagesStored,
    SessionChanged,
    SessionOpened,
    TextAccepted,
    TurnEnded,
)
from tests.storage.talks import NOW, a_call, a_session, a_text


async def test_no_write_is_ever_durable():
    store = NoStore()
    receipts = [
        store.write(SessionOpened(a_session())),
        store.write(SessionChanged("s1", {"locale": "en"})),
        store.write(TextAccepted("s1", a_text(0))),
        store.write(MessagesStored("s1", [])),
        store.write(TurnEnded("s1", "t0", "ok", [])),
        store.write(MessageMarked("s1", 0, "refused")),
        store.write(CallStarted("s1", a_call())),
        store.write(CallEnded("s1", "call_1", "done", ended_at=NOW)),
        store.write(CallsTold("s1", ["call_1"], NOW)),
        store.write(ProfileStored("ana", {})),
        store.write(ProfileErased("ana")),
        store.write(SessionErased("s1", NOW)),
        store.write(UserErased("ana", NOW)),
        store.write(DetachedEnded(NOW)),
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
