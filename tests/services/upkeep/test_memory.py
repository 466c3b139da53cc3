"""The process's memory bounds how many sessions begin."""

import asyncio
import gc
import mmap

import pytest

from app.services.upkeep.memory import GIVE_BACK_EVERY_S, Giver, MemoryGate, resident_mib
from tests.support.virtual_time import VirtualClock, virtual


def test_what_is_held_is_what_this_process_holds() -> None:
    gc.collect()
    before = resident_mib()
    # Straight from the system: the allocator may have as much that is free.
    with mmap.mmap(-1, 64 * 1024 * 1024) as ballast:
        for page in range(0, len(ballast), mmap.PAGESIZE):
            ballast[page] = 1

        assert 10 < before < resident_mib() - 50


@virtual
async def test_above_the_limit_there_is_no_room_and_the_log_says_it_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock = VirtualClock()
    tight, wide, off = MemoryGate(1, clock), MemoryGate(10**6, clock), MemoryGate(0, clock)
    assert tight.is_full
    await asyncio.sleep(5)

    assert (tight.is_full, wide.is_full, off.is_full) == (True, False, False)
    assert [record.msg for record in caplog.records] == ["memory_full"]


def test_what_is_given_back_is_the_systems_again_and_that_is_done_now_and_then_alone() -> None:
    now = [0.0]
    gives_back = Giver(lambda: now[0])
    scraps = [b"x" * (20_000 + number % 2) for number in range(10_000)]  # small enough to lie among others
    kept = scraps[::50]
    full = resident_mib()
    del scraps
    done = [gives_back(), gives_back()]
    now[0] = GIVE_BACK_EVERY_S
    done.append(gives_back())

    assert done == [True, False, True]
    assert resident_mib() < full - 50
    assert len(kept) == 200


@virtual
async def test_giving_back_that_does_not_help_is_done_half_as_often_each_time() -> None:
    """It stops everybody for a moment; while the server is full every newcomer would ask for it."""
    clock = VirtualClock()
    given_at: list[float] = []
    began = clock.monotonic()

    def gives() -> bool:
        given_at.append(clock.monotonic() - began)
        return True

    gate = MemoryGate(100, clock, held_mib=lambda: 200.0, give=gives)
    for _ in range(700):
        assert gate.is_full
        await asyncio.sleep(1)

    assert given_at == [0, 10, 30, 70, 150, 310, 630]


@virtual
async def test_giving_back_that_helps_is_done_again_soon() -> None:
    clock = VirtualClock()
    held = [200.0]
    given_at: list[float] = []
    began = clock.monotonic()

    def gives() -> bool:
        given_at.append(clock.monotonic() - began)
        held[0] = 90.0
        return True

    gate = MemoryGate(100, clock, held_mib=lambda: held[0], give=gives)
    for _ in range(20):
        assert not gate.is_full
        await asyncio.sleep(1)
        held[0] = 200.0 if clock.monotonic() - began >= (given_at or [0])[-1] + 5 else 90.0

    assert given_at == [0, 5, 10, 15]
