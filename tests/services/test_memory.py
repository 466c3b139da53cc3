"""The process's memory bounds how many sessions begin."""

import asyncio

import pytest

from app.services.memory import MemoryGate, resident_mib
from tests.support.virtual_time import VirtualClock, virtual


def test_what_is_held_is_what_this_process_holds() -> None:
    before = resident_mib()
    ballast = bytearray(64 * 1024 * 1024)
    ballast[::4096] = b"x" * len(ballast[::4096])

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
