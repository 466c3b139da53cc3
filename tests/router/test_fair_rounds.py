"""Whose turn it is: who has little passes by who has much."""

import asyncio
from typing import Any

import pytest

from app.router.fair_rounds import ROUND, Turns


class Line:
    """Connections in line, and in which order they had their turns.

    Args:
        turns_in_all: After so many the test goes on.
    """

    def __init__(self, turns_in_all: int) -> None:
        self.turns = Turns(asyncio.get_running_loop())
        self.had: list[str] = []
        self._all = turns_in_all
        self._is_over = asyncio.Event()

    def note(self, name: str) -> None:
        self.had.append(name)
        if len(self.had) == self._all:
            self._is_over.set()

    async def passes(self) -> None:
        async with asyncio.timeout(10):
            await self._is_over.wait()


class Taker:
    """One of them; its work comes in so many pieces."""

    def __init__(self, line: Line, name: str, units: int, pieces: int = 1) -> None:
        self._line, self._name, self._units, self._left = line, name, units, pieces
        self.joins()

    def joins(self) -> None:
        self._line.turns.join(self, is_large=self._units > ROUND)

    def take_turn(self) -> int:
        self._line.note(self._name)
        self._left -= 1
        if self._left:
            self.joins()
        return self._units


async def test_small_ones_do_not_wait_while_large_ones_rest() -> None:
    line = Line(9)
    for name in ("A", "B", "C"):
        Taker(line, name, 20 * ROUND, pieces=2)
    await asyncio.sleep(0)
    Taker(line, "small", 1, pieces=3)
    await line.passes()

    assert [name for name in line.had if name != "small"] == ["A", "B", "C", "A", "B", "C"]
    # Between two large ones there are 76 ms; all of the small ones fit there, and have three times that.
    assert line.had[: line.had.index("A", 1)].count("small") == 3


async def test_small_ones_take_turns() -> None:
    line = Line(4)
    Taker(line, "much", ROUND // 2, pieces=3)
    Taker(line, "little", 1)

    assert not line.turns.may_go()  # nobody passes by the line
    await line.passes()
    assert line.had == ["much", "little", "much", "much"]
    assert line.turns.may_go()


class Broken(Taker):
    """One whose turn is a bug."""

    def take_turn(self) -> int:
        super().take_turn()
        raise ZeroDivisionError


@pytest.mark.parametrize("units", [1, 2 * ROUND])
async def test_one_that_breaks_holds_up_nobody_behind_it(units: int) -> None:
    line = Line(3)
    broken: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: broken.append(context))
    Broken(line, "broken", units)
    Taker(line, "second", units, pieces=2)
    await line.passes()

    assert line.had == ["broken", "second", "second"]
    assert len(broken) == 1
