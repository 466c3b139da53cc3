"""A signal wakes all who wait, each time that it is set."""

import asyncio

from app.session.signal import Signal


async def test_whoever_waits_goes_on_when_it_is_set():
    signal = Signal()
    waiting = [asyncio.create_task(signal.wait()) for _ in range(2)]
    await asyncio.sleep(0)
    assert not signal.is_set()

    signal.set()
    signal.set()

    async with asyncio.timeout(10):
        await asyncio.gather(*waiting)
    assert signal.is_set()


async def test_nobody_waits_for_what_has_happened():
    signal = Signal()
    signal.set()

    async with asyncio.timeout(10):
        await signal.wait()
    assert signal.happening.done()


async def test_one_who_gives_up_stops_no_other():
    signal = Signal()
    hasty, patient = asyncio.create_task(signal.wait()), asyncio.create_task(signal.wait())
    await asyncio.sleep(0)

    hasty.cancel()
    await asyncio.wait({hasty})
    signal.set()

    async with asyncio.timeout(10):
        await patient


async def test_what_is_cleared_may_happen_again():
    signal = Signal()
    first = signal.happening
    signal.set()
    signal.clear()
    second = signal.happening

    assert first.done()
    assert (signal.is_set(), second.done()) == (False, False)
    signal.set()
    assert second.done()


async def test_to_clear_what_has_not_happened_leaves_those_who_wait():
    signal = Signal()
    before = signal.happening

    signal.clear()
    signal.set()

    assert before.done()


async def test_it_is_waited_for_beside_others():
    first, second = Signal(), Signal()
    second.set()

    async with asyncio.timeout(10):
        done, _ = await asyncio.wait({first.happening, second.happening}, return_when=asyncio.FIRST_COMPLETED)

    assert done == {second.happening}
