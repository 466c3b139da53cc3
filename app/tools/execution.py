"""Runs one tool and turns whatever it does into an ending."""

import asyncio
import logging
import threading
from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from app.cancelling import is_being_cancelled
from app.locales import say
from app.stall_timeout import more_time_s
from app.tools.base import ToolContext, ToolError, ToolSpec
from app.tools.progress import ProgressReporter
from app.tools.results import UnreadableResult, bounded_json
from app.tools.threads import ThreadsBusy
from app.tools.tool_call import ToolOutcome

logger = logging.getLogger(__name__)

_MAX_ERROR_CHARS = 500


class Threads(Protocol):
    """Where plain tools run."""

    async def run(self, function: Callable[[], Any]) -> Any:
        """Run a function in a thread. Raises `ThreadsBusy` where there is none for it."""
        ...


async def execute(
    tool: ToolSpec,
    args: Any,
    context: ToolContext,
    threads: Threads,
    *,
    on_begin: Callable[[], None] = lambda: None,
) -> ToolOutcome:
    """Run a tool to its end.

    Args:
        tool: The tool.
        args: Its arguments.
        context: What it knows of its surroundings.
        threads: Where it runs if it is a plain function.
        on_begin: Called when the tool itself is: in its thread, where it has one.

    Returns:
        How it ended. A tool that raises anything but a `ToolError` may have acted before.

    Raises:
        asyncio.CancelledError: The running task was cancelled; anything else a tool raises is an ending.
    """
    locale = context.locale
    facts = {"tool": tool.name, "call_id": context.call_id}
    try:
        if tool.is_async:
            on_begin()
            value = await tool.run(args, context)
        else:
            gate = _Gate(on_begin)
            try:
                value = await threads.run(partial(_begun, gate, tool, args, context))
            finally:
                gate.shut()
        result, was_cut = bounded_json(value, context.settings.tool_result_max_chars)
        return ToolOutcome("done", result=result, truncated=was_cut)
    except ToolError as exc:
        error = _one_line(str(exc)) or say(locale, "tool_error")
        return ToolOutcome("failed", error=error, may_have_acted=exc.may_have_acted)
    except ThreadsBusy:
        logger.warning("tool_busy", extra=facts)
        return ToolOutcome("failed", error=say(locale, "tool_busy"))
    except UnreadableResult as exc:
        logger.warning("tool_bad_result", extra={**facts, "why": str(exc)})
        return ToolOutcome("failed", error=say(locale, "tool_bad_result"), may_have_acted=True)
    except asyncio.CancelledError:
        if is_being_cancelled():
            raise
        logger.warning("tool_raised", extra=facts, exc_info=True)
        return ToolOutcome("failed", error=say(locale, "tool_error"), may_have_acted=True)
    except BaseException:  # SystemExit from a tool must not end the server
        logger.exception("tool_raised", extra=facts)
        return ToolOutcome("failed", error=say(locale, "tool_error"), may_have_acted=True)


class _Gate:
    """Between a call and its thread: a tool that was said not to have begun does not begin later.

    Args:
        on_begin: Called as the tool goes through.
    """

    def __init__(self, on_begin: Callable[[], None]) -> None:
        self._on_begin = on_begin
        self._lock = threading.Lock()
        self._is_shut = False

    def lets_through(self) -> bool:
        """Return whether the tool may begin; called in its thread."""
        with self._lock:
            if not self._is_shut:
                self._on_begin()
            return not self._is_shut

    def shut(self) -> None:
        """Nobody waits for the call any more, or it has ended."""
        with self._lock:
            self._is_shut = True


def _begun(gate: _Gate, tool: ToolSpec, args: Any, context: ToolContext) -> Any:
    return tool.run(args, context) if gate.lets_through() else None


def _one_line(sentence: str) -> str:
    """Return a tool's own sentence, fit to be shown: bounded, valid UTF-8, no control characters."""
    text, _ = bounded_json(sentence, _MAX_ERROR_CHARS)
    return "".join(char if char.isprintable() else " " for char in text).strip()


async def until(job: asyncio.Task[ToolOutcome], deadline: float, progress: ProgressReporter) -> bool:
    """Wait for a job, with progress told meanwhile; False where the deadline came first."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    while not job.done():
        now = loop.time()
        if now >= deadline:
            return False
        due = min(deadline, progress.next_due)
        await asyncio.wait({job}, timeout=due - now)
        if not job.done():
            progress.tick()
            # After a pause of our own its answer may be there, and not have been read.
            deadline = max(deadline, loop.time() + more_time_s(max(due, now), deadline - began))
    return True
