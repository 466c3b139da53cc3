"""Connections that have no session yet: few enough that strangers cannot fill the server with them."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from app.services.addresses import counted_as

MOST_OF_ONE: Final = 32
"""Places that one address may hold at once."""

PATIENCE_S: Final = 1.0
"""A line in which nothing has moved for so long, in seconds, sends newcomers away."""

_MAX_WAITING: Final = 4096


@dataclass(eq=False, slots=True)
class _Crowd:
    """The connections of one address: places that they hold, and places given to them so far."""

    held: int = 0
    waiting: int = 0
    given: int = 0


@dataclass(eq=False, slots=True)
class Place:
    """A place among those that have no session yet.

    Attributes:
        is_free: It was given; where not, there are too many already.
    """

    is_free: bool
    _arrivals: "Arrivals"
    _crowd: _Crowd | None
    _key: str

    def give_back(self) -> None:
        """The connection has its session, or is gone; a second time does nothing."""
        if self.is_free:
            self.is_free = False
            self._arrivals.take_back(self._crowd, self._key)


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
        self._crowds: dict[str, _Crowd] = {}
        self._waiting: deque[_Waiter] = deque()

    def __len__(self) -> int:
        return self._held

    @asynccontextmanager
    async def place(self, address: str) -> AsyncGenerator[Place]:
        """A place for a connection, from before it is accepted to when it has its session."""
        key = counted_as(address)
        crowd = self._crowds.setdefault(key, _Crowd()) if key else None
        place: Place | None = None
        try:
            place = Place(await self._enter(crowd), self, crowd, key)
            yield place
        finally:
            if place is not None:
                place.give_back()
            self._forget(crowd, key)

    def take_back(self, crowd: _Crowd | None, key: str) -> None:
        """A place is free; the first in line who may have it gets it."""
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
        try:
            return await self._wait(waiter)
        except asyncio.CancelledError:
            if waiter.given.done():
                self.take_back(crowd, "")
            raise
        finally:
            self._waiting.remove(waiter)
            if crowd is not None:
                crowd.waiting -= 1

    async def _wait(self, waiter: _Waiter) -> bool:
        while True:
            crowd = waiter.crowd
            is_crowded = crowd is not None and crowd.held >= self._share
            given_before = crowd.given if crowd is not None and is_crowded else self._given
            await asyncio.wait({waiter.given}, timeout=PATIENCE_S)
            if waiter.given.done():
                return True
            if given_before == (crowd.given if crowd is not None and is_crowded else self._given):
                waiter.given.cancel()
                return False

    def _has_room(self, crowd: _Crowd | None) -> bool:
        return self._held < self._most and (crowd is None or crowd.held < self._share)

    def _give(self, crowd: _Crowd | None) -> None:
        self._held += 1
        self._given += 1
        if crowd is not None:
            crowd.held += 1
            crowd.given += 1

    def _forget(self, crowd: _Crowd | None, key: str) -> None:
        if crowd is not None and not crowd.held and not crowd.waiting and self._crowds.get(key) is crowd:
            del self._crowds[key]
