"""A profile is read once, shared by all sessions of its user, and never older than what was said last."""

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.clock import SystemClock
from app.services.sessions.profiles import Profiles, SessionProfile, UserProfile
from app.session.profile import Profile, ProfileUnknown
from app.storage.no_store import NoStore
from app.storage.opening import open_store
from tests.storage.talks import NOW
from tests.support.context import settings_with
from tests.support.held_store import HeldStore, profiles_over

TIMEOUT_S = 5


def session_of(profiles: Profiles, user_id: str = "ana", **options: Any) -> SessionProfile:
    session = profiles.for_session(user_id, "s1", **options)
    assert session is not None
    return session


async def test_a_nobody_has_none_and_neither_has_anybody_where_nothing_is_kept():
    async with profiles_over(HeldStore()) as profiles:
        assert profiles.for_session("anonymous", "s1") is None
    assert Profiles(NoStore(), 1).for_session("ana", "s1") is None


async def test_all_sessions_of_a_user_share_one_that_is_read_once():
    store = HeldStore({"name": "Ana"})
    async with profiles_over(store) as profiles:
        one, other = session_of(profiles), session_of(profiles)
        store.may_answer.set()
        await one.settle()
        await other.settle()

        assert one.current == other.current == Profile(name="Ana")
        assert store.reads == 1


async def test_a_slow_database_holds_up_one_turn_alone_and_only_for_a_moment():
    store = HeldStore({"name": "Ana"})
    async with profiles_over(store) as profiles:
        session = session_of(profiles)
        async with asyncio.timeout(TIMEOUT_S):
            await session.settle()
        assert session.current.is_empty
        settling = asyncio.create_task(session.settle())
        await asyncio.sleep(0)

        assert settling.done(), "the second turn waits for nothing"


async def test_a_dead_database_is_asked_again_by_the_next_turn():
    store = HeldStore({"name": "Ana"})
    store.is_dead = True
    store.may_answer.set()
    async with profiles_over(store) as profiles:
        known: list[Profile] = []
        session = session_of(profiles, on_known=known.append)
        await session.settle()
        with pytest.raises(ProfileUnknown):
            await session.change(lambda profile: profile.with_note("x"))
        store.is_dead = False
        await session.change(lambda profile: profile.with_note("x"))

        assert known == [Profile(name="Ana")]
        assert store.writes == [Profile(name="Ana", notes=["x"]).model_dump()]


async def test_who_asks_is_told_once_as_soon_as_it_is_known():
    store = HeldStore({"language": "en"})
    async with profiles_over(store) as profiles:
        known: list[Profile] = []
        session = session_of(profiles, on_known=known.append)
        assert known == []
        store.may_answer.set()
        await session.settle()
        await session.change(lambda profile: profile.with_note("x"))
        await session.settle()
        session_of(profiles, on_known=known.append)

        assert [profile.language for profile in known] == ["en", "en"]


async def test_two_sessions_that_remember_at_the_same_time_both_do():
    store = HeldStore({"notes": ["before"]})
    async with profiles_over(store) as profiles:
        sessions = [session_of(profiles) for _ in range(10)]
        changes = [
            asyncio.create_task(session.change(lambda profile, n=n: profile.with_note(f"note {n}")))
            for n, session in enumerate(sessions)
        ]
        store.may_answer.set()
        await asyncio.gather(*changes)

        assert sessions[0].current.notes == ["before", *(f"note {n}" for n in range(10))]
        assert store.writes[-1] == sessions[3].current.model_dump()


async def test_what_is_not_written_yet_is_not_read_back_as_it_was_before():
    store = HeldStore()
    store.may_answer.set()
    async with profiles_over(store) as profiles:
        is_stored = await session_of(profiles).change(lambda profile: profile.with_note("new"))
        gc.collect()
        later = session_of(profiles)
        await later.settle()

        assert not is_stored
        assert later.current.notes == ["new"]
        store.receipts[-1].settle(True)
        del later
        profiles.of("luis")
        gc.collect()
        store.stored = {"notes": ["from the store"]}
        assert (await profiles.of("ana").known()).notes == ["from the store"]


async def test_what_changes_nothing_is_not_written():
    store = HeldStore({"notes": ["x"]})
    store.may_answer.set()
    async with profiles_over(store) as profiles:
        assert await session_of(profiles).change(lambda profile: profile.with_note("x"))

    assert store.writes == []


@pytest.mark.parametrize("erase", [UserProfile.erase, lambda profile: profile.erase_with_user(NOW)])
async def test_what_is_erased_while_it_is_read_stays_erased(erase: Callable[[UserProfile], Any]):
    store = HeldStore({"name": "Ana"})
    async with profiles_over(store) as profiles:
        session = session_of(profiles)
        await asyncio.sleep(0)
        erase(profiles.of("ana"))
        store.may_answer.set()
        await session.settle()
        await profiles.of("ana").read()

        assert session.current.is_empty
        assert store.writes == [None]


async def test_a_profile_survives_the_server(tmp_path: Path):
    settings = settings_with(database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db")
    for expected in ([], ["likes tea"]):
        store = await open_store(settings, SystemClock())
        profiles = Profiles(store, TIMEOUT_S)
        session = session_of(profiles)
        await session.settle()
        assert session.current.notes == expected
        assert await session.change(lambda profile: profile.with_note("likes tea"))
        await profiles.aclose()
        await store.aclose(TIMEOUT_S)
