"""Whose turn it is to be worked off, where more has come in than one round of the event loop should carry.

A round in which fifty sockets bring a handful of frames each is nothing to talk about. One in which they
bring thousands would hold up all talks: then each connection waits in line with what it has.
"""

import asyncio
import time
from collections import deque
from typing import Final, Protocol

ROUND: Final = 16
"""What is worked off in one round, in units of about a small message; the rest waits for the next round."""

TURN_S: Final = 0.001
"""Turns are given for so long in one round, in seconds."""

BYTES_PER_UNIT: Final = 16 * 1024

REST_S: Final = 0.00025
"""For each unit beyond a round's the next large message has to wait so much longer, in seconds."""


class Taker(Protocol):
    """A connection that waits for its turn."""

    def take_turn(self) -> int:
        """Work off a little; return its units. It joins the line again if there is more."""
        ...


class Turns:
    """Bounds the work of one round of the event loop.

    Those with large messages have a line of their own, which rests after each: small ones pass by it.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._line: deque[Taker] = deque()
        self._large: deque[Taker] = deque()
        self._is_large_set = False
        self._moment = 0
        self._left = ROUND
        self._is_set = False

    def may_go(self, units: int = 1) -> bool:
        """Return whether there is room for so much in this round; it is taken then."""
        if self._line:
            return False
        # uvloop's time stands still during a round, in whole milliseconds.
        moment = int(self._loop.time() * 1000)
        if moment != self._moment:
            self._moment, self._left = moment, ROUND
        if self._left <= 0:
            return False
        self._left -= units
        return True

    def join(self, taker: Taker, *, is_large: bool = False) -> None:
        """Wait in line; a connection waits once at most."""
        if is_large:
            self._large.append(taker)
            if not self._is_large_set:
                self._is_large_set = True
                self._loop.call_soon(self._give_large)
            return
        self._line.append(taker)
        if not self._is_set:
            self._is_set = True
            self._loop.call_soon(self._give)

    def _give(self) -> None:
        began = time.perf_counter()
        left = ROUND
        try:
            for _ in range(len(self._line)):
                left -= self._line.popleft().take_turn()
                if left <= 0 or time.perf_counter() - began > TURN_S:
                    break
        finally:
            # Also where one fails: behind it are all others.
            self._is_set = bool(self._line)
            if self._is_set:
                self._loop.call_soon(self._give)

    def _give_large(self) -> None:
        left = ROUND
        try:
            left -= self._large.popleft().take_turn()
        finally:
            self._is_large_set = bool(self._large)
            if self._is_large_set and left < 0:
                self._loop.call_later(-left * REST_S, self._give_large)
            elif self._is_large_set:
                self._loop.call_soon(self._give_large)
