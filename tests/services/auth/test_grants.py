"""The right to hear, and the moment in which it ends."""

import asyncio
from dataclasses import dataclass, field

from app.errors import Unauthorized
from app.services.auth.grants import LONGEST_SLEEP_S, AccessGrant
from tests.support.virtual_time import virtual


@dataclass
class Desk:
    """A lease by a wall clock that a test may set."""

    good_until: float | None
    ahead_s: float = 0.0
    ended_at: list[float] = field(default_factory=list)

    def now(self) -> float:
        return asyncio.get_running_loop().time() + self.ahead_s

    def left_s(self) -> float | None:
        return None if self.good_until is None else self.good_until - self.now()

    def check(self) -> None:
        if self.good_until is not None and self.now() >= self.good_until:
            raise Unauthorized

    def begins(self) -> AccessGrant:
        began = asyncio.get_running_loop().time()
        if self.good_until is not None:
            self.good_until += began
        lease = AccessGrant(self.check, self.left_s)
        lease.start(lambda: self.ended_at.append(round(asyncio.get_running_loop().time() - began)))
        return lease


@virtual
async def test_it_ends_once_and_when_its_time_has_come() -> None:
    desk = Desk(good_until=200)
    desk.begins()
    await asyncio.sleep(1000)

    assert desk.ended_at == [200]


@virtual
async def test_one_that_has_ended_ends_at_once() -> None:
    desk = Desk(good_until=0)
    desk.begins()

    assert desk.ended_at == [0]


@virtual
async def test_a_clock_that_is_set_forward_is_noticed_within_a_minute() -> None:
    desk = Desk(good_until=10_000)
    desk.begins()
    await asyncio.sleep(5)
    desk.ahead_s = 20_000
    await asyncio.sleep(1000)

    assert desk.ended_at == [LONGEST_SLEEP_S]


@virtual
async def test_without_an_end_it_ends_when_it_is_looked_at_and_not_good() -> None:
    desk = Desk(good_until=None)
    lease = desk.begins()
    await asyncio.sleep(1000)
    assert desk.ended_at == []
    desk.good_until = 0
    lease.look()

    assert desk.ended_at == [1000]


@virtual
async def test_after_its_connection_it_tells_nobody() -> None:
    desk = Desk(good_until=10)
    lease = desk.begins()
    lease.stop()
    lease.look()
    await asyncio.sleep(100)

    assert desk.ended_at == []
