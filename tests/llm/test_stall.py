import asyncio

from app.llm.stall import StallClock


def clock_with(limit_s: float) -> tuple[StallClock, asyncio.Event]:
    fired = asyncio.Event()
    return StallClock(limit_s, fired.set, asyncio.get_running_loop().time()), fired


async def test_wait_over_the_limit_fires_once():
    clock, fired = clock_with(0.05)

    await asyncio.wait_for(fired.wait(), 5)

    assert clock.has_fired


async def test_progress_begins_the_wait_anew():
    clock, fired = clock_with(0.1)
    loop = asyncio.get_running_loop()
    began = loop.time()
    loop.call_at(began + 0.08, clock.begin_wait)

    await asyncio.wait_for(fired.wait(), 5)

    assert loop.time() - began >= 0.17


async def test_time_in_which_nobody_waits_does_not_count():
    clock, fired = clock_with(0.05)
    clock.end_wait()
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.2, later.set)

    await later.wait()
    assert not fired.is_set()

    clock.begin_wait()
    await asyncio.wait_for(fired.wait(), 5)


async def test_shorter_limit_holds_for_the_wait_that_is_under_way():
    clock, fired = clock_with(60)

    clock.begin_wait()
    clock.set_limit(0.05)

    await asyncio.wait_for(fired.wait(), 5)


async def test_stopped_clock_never_fires():
    clock, fired = clock_with(0.02)
    clock.stop()
    later = asyncio.Event()
    asyncio.get_running_loop().call_later(0.1, later.set)

    await later.wait()

    assert not fired.is_set()
