"""Both stores promise the same."""

import inspect
from typing import Any

import pytest

from app.storage.no_store import NoStore
from app.storage.sql_store import SqlStore
from app.storage.store import Store

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
