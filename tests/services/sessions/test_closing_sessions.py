"""A session that ends is nobody's to take up until the store has all of it."""

import asyncio

from app.services.sessions.closing_sessions import ClosingSessions
from app.storage.writer import Receipt


async def test_session_that_ends_is_waited_for_until_its_last_write() -> None:
    endings, receipt = ClosingSessions(), Receipt()
    endings.begin("s")
    assert not await endings.settle("s", 0.01)
    endings.close("s", lambda: receipt)
    assert not await endings.settle("s", 0.01)
    assert "s" in endings

    waiting = asyncio.create_task(endings.settle("s", 10))
    await asyncio.sleep(0)
    receipt.settle(True)

    assert await waiting
    assert "s" not in endings


async def test_session_that_does_not_end_is_not_waited_for() -> None:
    endings = ClosingSessions()
    endings.begin("other")

    assert await endings.settle("s", 0)


async def test_session_without_a_last_write_is_over_when_it_is_closed() -> None:
    endings = ClosingSessions()
    endings.begin("s")
    endings.close("s", None)

    assert "s" not in endings


async def test_session_that_is_set_aside_does_not_end_for_good() -> None:
    endings = ClosingSessions()
    endings.begin("ended")
    endings.begin("aside", is_set_aside=True)

    assert [endings.ends_for_good(name) for name in ("ended", "aside", "other")] == [True, False, False]
    assert not await endings.settle("aside", 0.01)


async def test_last_write_that_is_refused_is_made_again_until_the_store_takes_it() -> None:
    """Else a session that has ended, or was set aside, would go on in the store as it stood there before."""
    endings, taken = ClosingSessions(), Receipt()
    answers = [Receipt.refused(), Receipt.refused(), Receipt.refused(), taken]
    endings.begin("s")
    endings.close("s", lambda: answers.pop(0))

    assert endings.ends_for_good("s"), "a line that is full is no end"
    assert not await endings.settle("s", 0.01)
    endings.write_all_again()
    assert not await endings.settle("s", 0.01), "it is in the line, and not yet written"
    taken.settle(True)

    assert await endings.settle("s", 0.01)
    assert "s" not in endings
    assert answers == []
