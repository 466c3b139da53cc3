"""Connections that have no session yet: few enough that strangers cannot fill the server with them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Final

from app.errors import ServerFull
from app.services.auth.addresses import counted_as

MOST_OF_ONE: Final = 32
"""Places that one address may hold at once."""

PATIENCE_S: Final = 1.0
"""A line in which nothing has moved for so long, in seconds, sends newcomers away."""

SILENT_S: Final = 5.0
"""A connection that has had its place for so long, in seconds, and says nothing, gives it to a newcomer.

Else a handful of addresses that hold all places would keep everybody out, without a word.
"""

_MAX_WAITING: Final = 4096


@dataclass(eq=False, slots=True)
class _Crowd:
    """The connections of one address: places that they hold, and places given to them so far."""

    held: int = 0
    waiting: int = 0
    given: int = 0


@dataclass(eq=False, slots=True)
class PendingSlot:
    """A place among those that have no session yet.

    Attributes:
        is_free: It was given; where not, there are too many already.
    """

    is_free: bool
    _arrivals: "Arrivals"
    _crowd: _Crowd | None
    _key: str
    _began: float = field(default_factory=lambda: asyncio.get_running_loop().time())
    _is_heard: bool = False
    _stay: asyncio.Timeout | None = None

    def give_back(self) -> None:
        """The connection has its session, or is gone; a second time does nothing."""
        if self.is_free:
            self.is_free = False
            self._arrivals.take_back(self, self._crowd, self._key)

    @asynccontextmanager
    async def stay(self) -> AsyncGenerator[None]:
        """Wait inside for what the connection has to say.

        Raises:
            ServerFull: There is no place for it, or a newcomer has got it.
        """
        if not self.is_free:
            raise ServerFull("connections without a session")
        try:
            async with asyncio.timeout(None) as self._stay:
                yield
        except TimeoutError:
            if self._stay is None or not self._stay.expired():
                raise
            raise ServerFull("connections without a session; this one was silent") from None

    @contextmanager
    def hearing(self) -> Generator[None]:
        """It has said something, which is being looked at."""
        self._is_heard = True
        try:
            yield
        finally:
            self._is_heard = False

    def leave_to_another(self, crowd: _Crowd | None) -> bool:
        """Give the place up if it does nothing for the connection.

        Args:
            crowd: Whose place is wanted; None: anybody's.
        """
        is_wanted = self.is_free and (crowd is None or crowd is self._crowd)
        if not is_wanted or self._is_heard or self._stay is None:
            return False
        now = asyncio.get_running_loop().time()
        if now - self._began < SILENT_S:
            return False
        self._stay.reschedule(now)
        self.give_back()
        return True


@dataclass(eq=False, slots=True)
class _Waiter:
    crowd: _Crowd | None
    given: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())


class Arrivals:
    """Bounds them, in all and for each address. One too many waits at the door, as long as the line moves.

    After a restart all clients come back in the same seconds: they pass one after the other. Where nothing
    moves, those who hold the places have nothing to say, and whoever comes is told to try later.

    Args:
        most: Of all addresses together.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._share = min(MOST_OF_ONE, most)
        self._held = 0
        self._given = 0
        self._places: dict[PendingSlot, None] = {}  # the oldest first
        self._crowds: dict[str, _Crowd] = {}
        self._waiting: deque[_Waiter] = deque()

    def __len__(self) -> int:
        return self._held

    @asynccontextmanager
    async def place(self, address: str) -> AsyncGenerator[PendingSlot]:
        """A place for a connection, from before it is accepted to when it has its session."""
        key = counted_as(address)
        crowd = self._crowds.setdefault(key, _Crowd()) if key else None
        place: PendingSlot | None = None
        try:
            place = PendingSlot(await self._enter(crowd), self, crowd, key)
            if place.is_free:
                self._places[place] = None
            yield place
        finally:
            if place is not None:
                place.give_back()
            self._forget(crowd, key)

    def take_back(self, place: PendingSlot | None, crowd: _Crowd | None, key: str) -> None:
        """A place is free; the first in line who may have it gets it."""
        if place is not None:
            self._places.pop(place, None)
        self._held -= 1
        if crowd is not None:
            crowd.held -= 1
        self._forget(crowd, key)
        for waiter in self._waiting:
            if not waiter.given.done() and self._has_room(waiter.crowd):
                self._give(waiter.crowd)
                waiter.given.set_result(None)
                return

    async def _enter(self, crowd: _Crowd | None) -> bool:
        if self._has_room(crowd):
            self._give(crowd)
            return True
        if len(self._waiting) >= _MAX_WAITING:
            return False
        waiter = _Waiter(crowd)
        self._waiting.append(waiter)
        if crowd is not None:
            crowd.waiting += 1
        self._make_room(crowd if self._is_crowded(crowd) else None)
        try:
            return await self._wait(waiter)
        except asyncio.CancelledError:
            if waiter.given.done():
                self.take_back(None, crowd, "")
            raise
        finally:
            self._waiting.remove(waiter)
            if crowd is not None:
                crowd.waiting -= 1

    async def _wait(self, waiter: _Waiter) -> bool:
        while True:
            crowd = waiter.crowd
            is_crowded = self._is_crowded(crowd)
            given_before = crowd.given if crowd is not None and is_crowded else self._given
            await asyncio.wait({waiter.given}, timeout=PATIENCE_S)
            if waiter.given.done():
                return True
            if given_before == (crowd.given if crowd is not None and is_crowded else self._given):
                waiter.given.cancel()
                return False

    def _make_room(self, crowd: _Crowd | None) -> None:
        """Have one go that is silent, of this crowd if one is given."""
        for place in self._places:
            if place.leave_to_another(crowd):
                return

    def _is_crowded(self, crowd: _Crowd | None) -> bool:
        return crowd is not None and crowd.held >= self._share

    def _has_room(self, crowd: _Crowd | None) -> bool:
        return self._held < self._most and not self._is_crowded(crowd)

    def _give(self, crowd: _Crowd | None) -> None:
        self._held += 1
        self._given += 1
        if crowd is not None:
            crowd.held += 1
            crowd.given += 1

    def _forget(self, crowd: _Crowd | None, key: str) -> None:
        if crowd is not None and not crowd.held and not crowd.waiting and self._crowds.get(key) is crowd:
            del self._crowds[key]
