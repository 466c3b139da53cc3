"""Several processes change a user's profile at the same time, and no change is lost."""

import asyncio

import pytest

from app.services.sessions.profiles import Profiles
from app.session.profile import Profile, ProfileUnknown
from app.storage.shared import SharedDatabase
from app.storage.sql_store import SqlStore
from app.storage.upkeep_writes import SessionErased
from tests.storage.talks import at
from tests.storage.test_fence import member, opened


def profiles_of(process: tuple[SqlStore, SharedDatabase]) -> Profiles:
    store, shared = process
    profiles = Profiles(store, 10)
    profiles.shared = shared
    return profiles


async def test_of_changes_that_are_made_at_once_none_is_lost(postgres_address: str):
    async with member(postgres_address) as one, member(postgres_address) as other:
        both = [profiles_of(one), profiles_of(other)]

        async def remembers(number: int) -> None:
            profile = both[number % 2].of("ana")
            receipt = await profile.change(lambda kept: kept.with_note(f"note {number}"))
            assert receipt is not None and receipt.is_durable

        await asyncio.gather(*(remembers(number) for number in range(20)))

        for profiles in both:
            kept = await profiles.of("ana").known()
            assert sorted(kept.notes) == sorted(f"note {number}" for number in range(20))


async def test_what_another_process_has_changed_is_seen_when_it_is_asked_for(postgres_address: str):
    async with member(postgres_address) as one, member(postgres_address) as other:
        mine, theirs = profiles_of(one).of("ana"), profiles_of(other).of("ana")
        assert await mine.known() == Profile()

        await theirs.change(lambda kept: kept.model_copy(update={"name": "Ana"}))

        assert (await mine.known()).name == "Ana"
        assert await mine.change(lambda kept: kept) is None


async def test_a_change_that_is_refused_changes_nothing(postgres_address: str):
    def refuse(kept: Profile) -> Profile:
        raise LookupError(kept.name)

    async with member(postgres_address) as process:
        profile = profiles_of(process).of("ana")
        await profile.change(lambda kept: kept.model_copy(update={"name": "Ana"}))

        with pytest.raises(LookupError, match="Ana"):
            await profile.change(refuse)
        assert (await profile.known()).name == "Ana"


async def test_nothing_of_an_erased_session_is_kept(postgres_address: str):
    async with member(postgres_address) as process:
        store, shared = process
        await opened(store, shared)
        assert await store.write(SessionErased("s1", at(0)))

        assert await profiles_of(process).of("ana").change(lambda kept: kept.with_note("late"), "s1") is None
        assert await store.profile("ana") is None


async def test_without_the_database_a_change_says_so(postgres_address: str):
    async with member(postgres_address) as process:
        profile = profiles_of(process).of("ana")
    with pytest.raises(ProfileUnknown):
        await profile.change(lambda kept: kept.with_note("lost"))
