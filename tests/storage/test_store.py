"""Both stores promise the same."""

import inspect
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import update

from app.storage.models import sessions
from app.storage.no_store import NoStore
from app.storage.operations import Operation, WriteStep
from app.storage.sql_store import SqlStore
from app.storage.store import Store
from app.storage.writes import SessionOpened
from tests.storage.talks import a_session, store_at

PROMISES = [name for name in vars(Store) if not name.startswith("_")]


@pytest.mark.parametrize("kind", [SqlStore, NoStore])
@pytest.mark.parametrize("name", PROMISES)
def test_store_has_what_is_promised(kind: type[Any], name: str):
    promised, kept = getattr(Store, name), getattr(kind, name)

    if callable(promised):
        assert inspect.signature(kept) == inspect.signature(promised)
        assert inspect.iscoroutinefunction(kept) == inspect.iscoroutinefunction(promised)


def test_stores_are_stores_for_the_type_checker_too():
    off: Store = NoStore()

    assert not off.is_on
    assert SqlStore.is_on


@dataclass(frozen=True)
class Farewell:
    """A kind of write that no module of the store has heard of."""

    session_id: str

    def operation(self) -> Operation:
        change = update(sessions).where(sessions.c.id == self.session_id).values(locale="bye")
        return Operation("farewell", self.session_id, (WriteStep(change.returning(sessions.c.id), True),))


async def test_new_kind_of_write_needs_nothing_of_the_stores(address: str):
    async with store_at(address) as store:
        store.write(SessionOpened(a_session()))

        assert await store.write(Farewell("s1"))
        assert not await store.write(Farewell("nobody"))
        stored = await store.session("s1")

    assert stored is not None
    assert stored.locale == "bye"
    assert NoStore().write(Farewell("s1")).is_refused
