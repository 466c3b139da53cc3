"""Waiting in a fair line, and so many at once of what all share behind it."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.errors import VoiceBusy
from app.speech.engines.fair_queue import FairLine, LineFull

Given = TypeVar("Given")


@dataclass(eq=False, slots=True)
class Waiter(Generic[Given]):
    """A job in a line.

    Attributes:
        owner: Whose it is.
        turn: What it is given when its turn comes.
    """

    owner: str
    turn: asyncio.Future[Given]


class WaitingLine(Generic[Given]):
    """A fair line of jobs that wait to be given something, and of those that have it.

    Args:
        places: How many may wait; of one owner half of them.
        name: What the log calls it.
        take_back: Gets what was given to one that no longer waits.
    """

    def __init__(self, places: int, name: str, take_back: Callable[[Given], None]) -> None:
        self._line: FairLine[Waiter[Given]] = FairLine(places)
        self._name = name
        self._take_back = take_back
        self.begun = self._line.begun
        self.ended = self._line.ended

    async def wait(self, owner: str, urgency: int, timeout_s: float | None) -> Given:
        """Wait for what `give` gives.

        Raises:
            VoiceBusy: There is no place, or others in a full line had fewer.
            TimeoutError: It did not come in time.
        """
        waiter = Waiter[Given](owner, asyncio.get_running_loop().create_future())
        try:
            loser = self._line.enter(waiter, owner, urgency)
        except LineFull:
            raise VoiceBusy(f"{self._name}: {len(self._line)} jobs wait") from None
        if loser is not None and not loser.turn.done():
            loser.turn.set_exception(VoiceBusy(f"{self._name}: others in a full line have fewer jobs"))
        try:
            async with asyncio.timeout(timeout_s):
                return await waiter.turn
        except BaseException:
            self._withdraw(waiter)
            raise

    def give(self, given: Given) -> bool:
        """Give this to the job that is next; False where none waits."""
        while (waiter := self._line.take()) is not None:
            if not waiter.turn.done():
                waiter.turn.set_result(given)
                return True
            self._line.ended(waiter.owner)  # given up, and not out of the line yet
        return False

    def fail(self, error: Exception) -> None:
        """Nothing more will be given."""
        for waiter in self._line.clear():
            if not waiter.turn.done():
                waiter.turn.set_exception(error)

    def _withdraw(self, waiter: Waiter[Given]) -> None:
        turn = waiter.turn
        if self._line.leave(waiter) or not turn.done() or turn.cancelled() or turn.exception() is not None:
            return
        # Its turn came in the moment in which it was given up.
        self._line.ended(waiter.owner)
        self._take_back(turn.result())


class FairSlots:
    """Bounds how many work at the same time.

    Args:
        slots: How many.
        places: How many may wait.
        timeout_s: How long one may wait, in seconds; None for no limit of its own.
        name: What the log calls it.
    """

    def __init__(self, slots: int, places: int, timeout_s: float | None, name: str) -> None:
        self._free = slots
        self._line: WaitingLine[None] = WaitingLine(places, name, self._release)
        self._timeout_s = timeout_s
        self._name = name

    @asynccontextmanager
    async def hold(self, owner: str, urgency: int = 0) -> AsyncGenerator[None]:
        """Wait for a slot, and have it as long as the context lasts.

        Raises:
            VoiceBusy: Too many wait, or it has waited too long.
        """
        if self._free:
            self._free -= 1
            self._line.begun(owner)
        else:
            try:
                await self._line.wait(owner, urgency, self._timeout_s)
            except TimeoutError:
                raise VoiceBusy(f"{self._name}: waited {self._timeout_s:g} s") from None
        try:
            yield
        finally:
            self._line.ended(owner)
            self._release(None)

    def _release(self, given: None) -> None:
        if not self._line.give(None):
            self._free += 1
