"""Windows count the time in which there was a server."""

import asyncio
from datetime import timedelta

import pytest

from app.clock import SystemClock
from app.storage.running_time import RunningTime, Span
from app.storage.sql_store import SqlStore
from tests.storage.talks import PATIENCE_S, at, database_at, store_at


def life(started: float, seen: float) -> Span:
    return at(started), at(seen)


@pytest.mark.parametrize(
    ("lives", "since", "now", "counted_s"),
    [
        ([], 0, 100, 100),
        ([life(0, 10)], 5, 30, 25),
        ([life(0, 10), life(50, 60)], 5, 60, 15),
        ([life(0, 10), life(50, 60)], 30, 60, 10),
        ([life(50, 60), life(0, 10)], 5, 60, 15),
        ([life(0, 10), life(50, 60), life(1000, 1001), life(2000, 2000)], 5, 2010, 26),
        ([life(0, 10), life(5, 8), life(9, 20)], 0, 30, 30),
        ([life(20, 3), life(40, 40)], 0, 50, 30),
        ([life(0, 10), life(50, 60)], 70, 60, 0),
    ],
    ids=[
        "nothing is known", "no pause", "a pause", "within a pause", "in any order", "pauses",
        "at once, as where a clock was set back", "set back within a life", "later than now",
    ],
)  # fmt: skip
def test_time_without_a_server_does_not_count(
    lives: list[Span], since: float, now: float, counted_s: float
) -> None:
    assert RunningTime.of(lives).between(at(since), at(now)).total_seconds() == counted_s


@pytest.mark.parametrize("window_s", [0, 1, 5, 11, 12, 13, 26, 400])
@pytest.mark.parametrize("now", [2000, 2004, 2500])
def test_moment_before_a_window_is_where_it_begins(window_s: float, now: float) -> None:
    time = RunningTime.of([life(0, 10), life(50, 60), life(1000, 1001), life(2000, 2000)])
    window = timedelta(seconds=window_s)

    before = time.before(at(now), window)

    assert time.between(before, at(now)) == window
    assert time.between(before - timedelta(seconds=1), at(now)) > window


async def test_next_server_knows_the_last_sign_of_life(address: str) -> None:
    clock = SystemClock()
    async with store_at(address) as first:
        began = clock.now()
        assert (await first.running_time()).pauses == ()
    async with store_at(address) as second:
        [(ended, starts)] = (await second.running_time()).pauses
    assert began <= ended < starts <= clock.now()


async def test_server_gives_signs_while_it_lives(address: str) -> None:
    """Its last one is all that a kill leaves."""
    store = SqlStore(database_at(address), SystemClock(), 2, sign_every_s=0.01)
    await store.start()
    async with asyncio.timeout(PATIENCE_S):
        while await seen_for(store) < timedelta(seconds=0.1):  # noqa: ASYNC110  # a database gives no event
            await asyncio.sleep(0.01)
    await store.aclose(2)


async def seen_for(store: SqlStore) -> timedelta:
    return max((seen - started for started, seen in await store.lives()), default=timedelta())
