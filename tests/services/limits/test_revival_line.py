"""Many clients come at once whose sessions are in the database: few are brought back at once, in order."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import ServerFull
from app.services.limits.revival_line import RevivalLine


class Reviving:
    """Clients that bring their sessions back; each goes on until it is told."""

    def __init__(self, line: RevivalLine) -> None:
        self.begun: list[int] = []
        self._line = line
        self._ends: dict[int, asyncio.Event] = {}

    def comes(self, number: int) -> asyncio.Task[None]:
        self._ends[number] = asyncio.Event()
        return asyncio.create_task(self._revive(number))

    def ends(self, number: int) -> None:
        self._ends[number].set()

    async def _revive(self, number: int) -> None:
        async with self._line.turn():
            self.begun.append(number)
            await self._ends[number].wait()


async def _settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@given(at_once=st.integers(1, 5), leaving=st.sets(st.integers(0, 11)))
def test_they_begin_in_order_and_never_more_than_there_are_places(at_once: int, leaving: set[int]) -> None:
    async def storm() -> None:
        reviving = Reviving(RevivalLine(at_once))
        tasks = [reviving.comes(number) for number in range(12)]
        await _settled()
        assert reviving.begun == list(range(at_once))
        for number in leaving - set(reviving.begun):
            tasks[number].cancel()
        await _settled()
        staying = [n for n in range(12) if n < at_once or n not in leaving]
        for place, number in enumerate(staying):
            assert reviving.begun == staying[: at_once + place]
            reviving.ends(number)
            await _settled()
        assert reviving.begun == staying
        await asyncio.gather(*tasks, return_exceptions=True)

    asyncio.run(storm())


async def test_who_waits_too_long_may_come_again() -> None:
    line = RevivalLine(1, patience_s=0.01)
    async with line.turn():
        with pytest.raises(ServerFull):
            async with line.turn():
                pytest.fail("there is no second place")
    async with line.turn():
        pass


async def test_one_that_fails_leaves_its_place() -> None:
    line = RevivalLine(1, patience_s=0.01)
    with pytest.raises(LookupError):
        async with line.turn():
            raise LookupError
    async with line.turn():
        pass
