"""A session that ends is nobody's to take up until the store has all of it."""

import asyncio

from app.services.endings import Endings
from app.storage.writer import Receipt


async def test_session_that_ends_is_waited_for_until_its_last_write() -> None:
    endings, receipt = Endings(), Receipt()
    endings.begin("s")
    assert not await endings.settle("s", 0.01)
    endings.close("s", receipt)
    assert not await endings.settle("s", 0.01)
    assert "s" in endings

    waiting = asyncio.create_task(endings.settle("s", 10))
    await asyncio.sleep(0)
    receipt.settle(True)

    assert await waiting
    assert "s" not in endings


async def test_session_that_does_not_end_is_not_waited_for() -> None:
    endings = Endings()
    endings.begin("other")

    assert await endings.settle("s", 0)


async def test_session_without_a_last_write_is_over_when_it_is_closed() -> None:
    endings = Endings()
    endings.begin("s")
    endings.close("s", None)

    assert "s" not in endings


async def test_session_that_is_set_aside_does_not_end_for_good() -> None:
    endings = Endings()
    endings.begin("ended")
    endings.begin("aside", is_set_aside=True)

    assert [endings.ends_for_good(name) for name in ("ended", "aside", "other")] == [True, False, False]
    assert not await endings.settle("aside", 0.01)
