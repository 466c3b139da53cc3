"""The sessions that live in this process."""

from dataclasses import dataclass

import pytest

from app.errors import ServerFull
from app.session.registry import SessionRegistry


@dataclass(frozen=True)
class Talk:
    session_id: str


def test_session_is_found_by_its_id_until_it_is_removed():
    registry: SessionRegistry[Talk] = SessionRegistry(2)
    registry.add(Talk("a"))

    assert registry.get("a") == Talk("a")
    assert registry.get("b") is None
    registry.remove("a")
    assert registry.get("a") is None


def test_one_session_too_many_is_refused_and_room_is_given_back():
    registry: SessionRegistry[Talk] = SessionRegistry(1)
    registry.add(Talk("a"))

    assert registry.is_full
    with pytest.raises(ServerFull):
        registry.add(Talk("b"))
    assert [talk.session_id for talk in registry] == ["a"]

    registry.remove("a")
    registry.add(Talk("b"))
    assert [talk.session_id for talk in registry] == ["b"]


def test_removing_twice_is_no_error():
    registry: SessionRegistry[Talk] = SessionRegistry(1)
    registry.add(Talk("a"))

    registry.remove("a")
    registry.remove("a")

    assert len(registry) == 0


def test_registry_may_change_while_somebody_walks_it():
    registry: SessionRegistry[Talk] = SessionRegistry(3)
    for name in "abc":
        registry.add(Talk(name))

    for talk in registry:
        registry.remove(talk.session_id)

    assert len(registry) == 0
