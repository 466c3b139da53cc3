"""Notices when something holds up the event loop, and says what."""

import asyncio
import logging
import sys
import threading
import traceback

logger = logging.getLogger(__name__)

STALL_S = 0.25
"""A loop that is later than this, in seconds, is felt as a stutter in every talk."""

_BEAT_S = 0.1


class LoopWatchdog:
    """Logs `loop_stall` with the stack of whatever keeps the event loop from running.

    The loop beats; a thread of its own listens, since a loop that is held up cannot say so itself.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begins to watch the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        self._beat()
        self._thread = threading.Thread(target=self._listen, name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Ends the watch."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _beat(self) -> None:
        self._beats += 1
        if self._loop is not None:
            self._timer = self._loop.call_later(_BEAT_S, self._beat)

    def _listen(self) -> None:
        heard = told = -1
        while not self._stopped.wait(_BEAT_S + STALL_S):
            if self._beats == heard and told != heard:
                told = heard  # one line for each stall, however long it is
                # CPython's only way to see what another thread is doing.
                frame = sys._current_frames().get(self._thread_id)  # pyright: ignore[reportPrivateUsage]
                stack = "".join(traceback.format_stack(frame)[-6:]) if frame is not None else ""
                logger.warning("loop_stall", extra={"over_ms": round(STALL_S * 1000), "stack": stack[-450:]})
            heard = self._beats
