"""Notices when something holds up the event loop, and says what."""

import asyncio
import logging
import sys
import threading
import time
import traceback

logger = logging.getLogger(__name__)

STALL_S = 0.25
"""A loop that is later than this, in seconds, is felt as a stutter in every talk."""

_BEAT_S = 0.1
_LISTEN_S = 0.05
_MAX_STACK_CHARS = 450
"""The last calls are what tells; a log line cuts longer values at their end."""


class LoopWatchdog:
    """Logs `loop_stall` with the stack of whatever keeps the event loop from running.

    The loop beats; a thread of its own listens, since a loop that is held up cannot say so itself. When it
    runs again, `loop_stall_over` says how long it took. Both say how much processor time the loop's thread
    had meanwhile: much of it was spent by ourselves; with little, the machine had none to give, or the
    thread slept.

    Args:
        stall_s: How late the loop may be, in seconds.

    Attributes:
        stalls: How often it was later.
    """

    def __init__(self, stall_s: float = STALL_S) -> None:
        self.stalls = 0
        self._stall_s = stall_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread_id = 0
        self._cpu_clock: int | None = None
        self._cpu_s_at_beat = 0.0
        self._beats = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to watch the running loop."""
        self._loop = asyncio.get_running_loop()
        self._thread_id = threading.get_ident()
        if sys.platform == "linux":  # not all systems can read the clock of another thread
            self._cpu_clock = time.pthread_getcpuclockid(self._thread_id)
        self._beat()
        self._thread = threading.Thread(target=self._listen, name="loop-watchdog", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End the watch."""
        self._stopped.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            self._thread.join(timeout=1)

    def _beat(self) -> None:
        self._cpu_s_at_beat = self._cpu_s()
        self._beats += 1
        if self._loop is not None:
            self._timer = self._loop.call_later(_BEAT_S, self._beat)

    def _listen(self) -> None:
        heard, cpu_s = -1, 0.0
        silent_s = 0.0
        while not self._stopped.wait(_LISTEN_S):
            if self._beats != heard:
                if silent_s >= _BEAT_S + self._stall_s:
                    self._tell_end(silent_s, self._cpu_s_at_beat - cpu_s)
                heard, cpu_s, silent_s = self._beats, self._cpu_s_at_beat, 0.0
                continue
            # Counted, not measured: a process that was stopped as a whole has not been held up by its loop.
            before, silent_s = silent_s, silent_s + _LISTEN_S
            if before < _BEAT_S + self._stall_s <= silent_s:
                self._tell(self._cpu_s() - cpu_s)  # one line for each stall, however long it is

    def _cpu_s(self) -> float:
        """Processor time that the loop's thread has had, in seconds; 0 on systems that do not tell."""
        return 0.0 if self._cpu_clock is None else time.clock_gettime(self._cpu_clock)

    def _tell(self, cpu_s: float) -> None:
        self.stalls += 1
        # CPython's only way to see what another thread is doing.
        frame = sys._current_frames().get(self._thread_id)  # pyright: ignore[reportPrivateUsage]
        stack = "".join(traceback.format_stack(frame)[-6:]) if frame is not None else ""
        facts = {"over_ms": round(self._stall_s * 1000), "cpu_ms": self._told_ms(cpu_s)}
        logger.warning("loop_stall", extra={**facts, "stack": stack[-_MAX_STACK_CHARS:]})

    def _tell_end(self, silent_s: float, cpu_s: float) -> None:
        facts = {"about_ms": round(silent_s * 1000), "cpu_ms": self._told_ms(cpu_s)}
        logger.warning("loop_stall_over", extra=facts)

    def _told_ms(self, cpu_s: float) -> int | None:
        return None if self._cpu_clock is None else round(cpu_s * 1000)
