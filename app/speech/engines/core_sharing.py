"""Who hurries on this machine's cores: recognition and speech make room for each other.

A pass over what a user has said, and the sound that a listener is about to miss, are waited for. The words of
somebody who still speaks, and sound for later, are not: they give way.
"""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager


class Haste:
    """What is waited for at the moment, by all talks of a server."""

    def __init__(self) -> None:
        self._hearing = 0
        self._speaking = 0
        self._calm = asyncio.Event()
        self._calm.set()

    @property
    def is_speaking(self) -> bool:
        """Whether sound is made that a listener is about to miss."""
        return self._speaking > 0

    @contextmanager
    def hearing(self) -> Generator[None]:
        """A user waits until their words are understood."""
        self._hearing += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._hearing -= 1
            if not self._hearing:
                self._calm.set()

    @contextmanager
    def speaking(self) -> Generator[None]:
        """A listener waits for sound, or will in a moment."""
        self._speaking += 1
        try:
            yield
        finally:
            self._speaking -= 1

    async def calm(self, most_s: float) -> None:
        """Return when no user waits to be understood, or after so many seconds."""
        try:
            async with asyncio.timeout(most_s):
                await self._calm.wait()
        except TimeoutError:
            return
