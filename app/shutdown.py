"""A planned stop: clients are told, running turns may end, and only then the server stops.

uvicorn closes all sockets before the application hears of the stop, so the farewell has its own place in the
line: between the signal and uvicorn's handler of it. It works under `python main.py` and `uvicorn main:app`.
"""

import asyncio
import logging
import signal
import threading
from collections.abc import Awaitable, Callable
from types import FrameType
from typing import Any

logger = logging.getLogger(__name__)

STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class StopSignals:
    """Stands before the handlers of SIGINT and SIGTERM that are installed when it starts.

    The first signal begins the farewell, after which the handler that was there before gets the signal. A
    second one gets through at once, twice: the server leaves without waiting for anybody.

    Args:
        farewell: What is to be done before the stop; it must end by itself.
    """

    def __init__(self, farewell: Callable[[], Awaitable[None]]) -> None:
        self._farewell = farewell
        self._before: dict[int, Any] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[None] | None = None
        self._has_begun = False

    def install(self) -> None:
        """Take its place; do nothing outside the main thread or where nobody handles the signals."""
        if threading.current_thread() is not threading.main_thread():
            return
        self._loop = asyncio.get_running_loop()
        for number in STOP_SIGNALS:
            before = signal.getsignal(number)
            if callable(before) and before is not signal.default_int_handler:
                self._before[number] = before
                signal.signal(number, self._on_signal)

    async def remove(self) -> None:
        """Put the handlers back that were there before, and wait for a farewell that is under way."""
        for number, before in self._before.items():
            # `==`, since each look at a bound method makes a new object of it.
            if signal.getsignal(number) == self._on_signal:
                signal.signal(number, before)
        self._before.clear()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        before = self._before.get(number)
        if before is None or self._loop is None:
            return
        if self._has_begun:
            before(signal.SIGINT, frame)
            before(signal.SIGINT, frame)
            return
        self._has_begun = True
        self._loop.call_soon_threadsafe(self._begin, number, before)

    def _begin(self, number: int, before: Callable[[int, FrameType | None], Any]) -> None:
        self._task = asyncio.create_task(self._say_farewell(number, before), name="farewell")

    async def _say_farewell(self, number: int, before: Callable[[int, FrameType | None], Any]) -> None:
        logger.info("stopping", extra={"signal": signal.Signals(number).name})
        try:
            await self._farewell()
        except Exception:
            logger.exception("internal")
        before(number, None)
