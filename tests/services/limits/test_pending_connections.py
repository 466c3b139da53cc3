"""Connections without a session: few, and in line."""

import asyncio
from contextlib import nullcontext

import pytest

from app.errors import ServerFull
from app.services.limits.pending_connections import MOST_OF_ONE, SILENT_S, Arrivals
from tests.support.virtual_time import virtual


async def comes(arrivals: Arrivals, address: str, stays_s: float) -> bool:
    async with arrivals.place(address) as place:
        was_free = place.is_free
        if was_free:
            await asyncio.sleep(stays_s)
        return was_free


async def is_sent_away(arrivals: Arrivals, address: str, *, is_heard: bool = False) -> bool:
    """Takes a place for a minute, silent or with something that is looked at so long."""
    async with arrivals.place(address) as place:
        try:
            async with place.stay():
                with place.hearing() if is_heard else nullcontext():
                    await asyncio.sleep(60)
        except ServerFull:
            return True
        return False


@virtual
async def test_a_line_that_moves_keeps_all_and_one_that_stands_sends_newcomers_away() -> None:
    moving, standing = Arrivals(4), Arrivals(4)

    assert all(await asyncio.gather(*(comes(moving, "", 0.5) for _ in range(100))))
    assert sum(await asyncio.gather(*(comes(standing, "", 60) for _ in range(100)))) == 4
    assert len(moving) == len(standing) == 0


@virtual
async def test_one_address_has_its_share_and_others_pass_by_its_line() -> None:
    arrivals = Arrivals(256)
    crowd = [asyncio.create_task(comes(arrivals, "203.0.113.7", 60)) for _ in range(100)]
    await asyncio.sleep(0.1)

    assert await comes(arrivals, "203.0.113.8", 0.1)
    assert sum(await asyncio.gather(*crowd)) == MOST_OF_ONE


@virtual
async def test_whoever_gives_up_waiting_takes_no_place_along() -> None:
    arrivals = Arrivals(1)
    first = asyncio.create_task(comes(arrivals, "203.0.113.7", 0.5))
    await asyncio.sleep(0.1)
    second = asyncio.create_task(comes(arrivals, "203.0.113.7", 0.5))
    await asyncio.sleep(0.1)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    assert await first
    assert await comes(arrivals, "203.0.113.7", 0.1)
    assert len(arrivals) == 0


@virtual
async def test_those_who_say_nothing_for_long_make_room_for_newcomers() -> None:
    """Eight addresses, or eight networks of one customer, can hold all places: none keeps others out."""
    arrivals = Arrivals(256)
    silent = [
        asyncio.create_task(is_sent_away(arrivals, f"2001:db8:0:{number // MOST_OF_ONE}::{number}"))
        for number in range(256)
    ]
    await asyncio.sleep(SILENT_S - 2)
    assert not await comes(arrivals, "203.0.113.7", 1)
    await asyncio.sleep(2)

    assert all(await asyncio.gather(*(comes(arrivals, f"203.0.113.{n}", 1) for n in range(100))))
    assert len(arrivals) == 156
    assert sum(await asyncio.gather(*silent)) == 100
    assert len(arrivals) == 0


@virtual
async def test_a_full_address_makes_room_of_its_own_and_never_of_those_who_are_heard() -> None:
    arrivals = Arrivals(256)
    other = asyncio.create_task(is_sent_away(arrivals, "203.0.113.8"))
    heard = [
        asyncio.create_task(is_sent_away(arrivals, "203.0.113.7", is_heard=True))
        for _ in range(MOST_OF_ONE - 1)
    ]
    await asyncio.sleep(0)
    silent = asyncio.create_task(is_sent_away(arrivals, "203.0.113.7"))
    await asyncio.sleep(SILENT_S + 1)

    newcomers = [asyncio.create_task(comes(arrivals, "203.0.113.7", 10)) for _ in range(2)]
    assert await asyncio.gather(*newcomers) == [True, False]
    assert await silent
    assert not any(await asyncio.gather(other, *heard))
