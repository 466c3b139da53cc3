"""What `asyncio.Event` is, but small, and waited for beside others without a task.

Each `asyncio.Event` holds a queue of those who wait, which weighs 0.7 KiB when it is empty; and to wait for
one of two takes a task for each.
"""

import asyncio


class Signal:
    """Something that has happened, or not yet."""

    __slots__ = ("_happening", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._happening: asyncio.Future[None] | None = None

    def is_set(self) -> bool:
        """Return whether it has happened."""
        return self._is_set

    def set(self) -> None:
        """It happens: whoever waits goes on."""
        self._is_set = True
        if self._happening is not None and not self._happening.done():
            self._happening.set_result(None)

    def clear(self) -> None:
        """It has not happened, and may again."""
        if self._is_set:
            self._is_set, self._happening = False, None

    @property
    def happening(self) -> asyncio.Future[None]:
        """Done as soon as it is set; of all who wait: nobody cancels it."""
        if self._happening is None:
            self._happening = asyncio.get_running_loop().create_future()
            if self._is_set:
                self._happening.set_result(None)
        return self._happening

    async def wait(self) -> None:
        """Wait until it happens."""
        if not self._is_set:
            await asyncio.wait({self.happening})
