"""How many sessions are brought back from the database at once.

When a process has ended, all its clients come within a second. Each session takes a dozen statements: those
that are begun together wait for each other's connections until most are given up half done, and begun again.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

from app.errors import ServerFull

AT_ONCE: Final = 8
"""Enough to keep busy the connections on which the database is read."""

PATIENCE_S: Final = 5.0
"""For so long a client waits for its turn, in seconds: those of the project give a server ten to answer."""


class RevivalLine:
    """Lets few at once bring a session back; the others wait in the order in which they came."""

    def __init__(self, at_once: int = AT_ONCE, patience_s: float = PATIENCE_S) -> None:
        self._places = asyncio.Semaphore(at_once)
        self._patience_s = patience_s

    @asynccontextmanager
    async def turn(self) -> AsyncGenerator[None]:
        """Have one of the places.

        Raises:
            ServerFull: None has come free in time; the client may come again.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                await self._places.acquire()
        except TimeoutError:
            raise ServerFull from None
        try:
            yield
        finally:
            self._places.release()
