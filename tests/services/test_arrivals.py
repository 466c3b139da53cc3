"""Connections without a session: few, and in line."""

import asyncio

import pytest

from app.services.arrivals import MOST_OF_ONE, Arrivals
from tests.support.virtual_time import virtual


async def comes(arrivals: Arrivals, address: str, stays_s: float) -> bool:
    async with arrivals.place(address) as place:
        was_free = place.is_free
        if was_free:
            await asyncio.sleep(stays_s)
        return was_free


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
