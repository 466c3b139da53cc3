"""Logging: one line for each event, with the session and the turn it belongs to.

To see more, set `LOG_LEVEL=DEBUG`; for machines, `LOG_FORMAT=json`. A log message in the code is a constant
word, the event's name; its facts go into `extra`. No user text above DEBUG, no key ever, nothing per token.
"""

import atexit
import functools
import json
import logging
import queue
import re
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

SESSION_ID: Final = ContextVar[str]("session_id", default="")
TURN_ID: Final = ContextVar[str]("turn_id", default="")

_MAX_VALUE_CHARS = 500
_MAX_MESSAGE_CHARS = 4000
"""Our own messages are single words; a library's may be a whole traceback."""

MOST_AT_ONCE: Final = 200
"""So many lines are written together."""

_REST_S: Final = 0.01
"""For so long, in seconds, lines are gathered after some were written.

To be woken for each of many costs the event loop more than to write it. One that comes alone is written at
once.
"""

_QUEUE_LINES = 10_000
_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}

_LAST_LINES_S = 3.0
"""How long the end of the process, or another set-up, waits for lines to be written, in seconds."""

_writer: "_Writer | None" = None


def configure_logging(
    level: str,
    log_format: Literal["text", "json"],
    passes: Callable[[logging.LogRecord], bool] | None = None,
) -> None:
    """Send all logs, uvicorn's too, as lines to the standard error output.

    A thread of its own writes them: a slow terminal or a full disk never holds up a talk. Calling it again
    replaces the set-up.

    Args:
        level: A level's name, such as `INFO`.
        log_format: `text` for people, `json` for machines.
        passes: Asked, where a line is written, whether it may be.
    """
    global _writer
    # No line says in which thread or process it was written: each would be looked up for each line.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    if _writer is not None:
        _writer.stop()
    else:
        atexit.register(_stop)
    lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
    handler = _DroppingHandler(lines)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    if passes is not None:
        handler.addFilter(passes)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.filters[:] = [_tame_uvicorn, _quiet_reads]
        if log_format == "json":
            logger.addFilter(_name_fields)
    # A line per request with its whole URL, lines about each look at the tables: more than INFO should say.
    for name in ("httpx", "httpx2", "openai", "aiohttp", "alembic"):
        logging.getLogger(name).setLevel(max(logging.WARNING, root.level))
    # It says of each connection that it has opened and closed, and not which.
    logging.getLogger("uvicorn.frames").setLevel(max(logging.WARNING, root.level))
    # Below INFO these write down whole frames, headers and statements, with the tokens that are in them.
    for name in ("uvicorn.error", "websockets", "httpcore"):
        logging.getLogger(name).setLevel(max(logging.INFO, root.level))
    _writer = _Writer(lines, _error_output())


def _stop() -> None:
    if _writer is not None:
        _writer.stop()


def _error_output() -> TextIO:
    """Return the standard error output, through a buffer of its own.

    A thread that is stuck in a write holds the buffer's lock, and Python aborts at its end where it cannot
    have the one of `sys.stderr`.
    """
    try:
        number = sys.stderr.fileno()
    except OSError:  # a test's
        return sys.stderr
    return open(number, "w", encoding="utf-8", errors="backslashreplace", closefd=False)


class _Writer:
    """Writes the lines, in a thread of its own; those that cannot be written are lost.

    The standard library's listener would wait for ever at the end of the process, and its handler's lock too.
    """

    def __init__(self, lines: "queue.SimpleQueue[str | None]", output: TextIO) -> None:
        self._lines = lines
        self._output = output
        self._thread = threading.Thread(target=self._write_all, name="log", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End it when all is written, or cannot be in time."""
        self._lines.put(None)
        self._thread.join(_LAST_LINES_S)

    def _write_all(self) -> None:
        is_over = False
        while not is_over:
            batch, is_over = self._batch()
            with suppress(OSError, ValueError):  # a full disk, a closed pipe; a closed file
                self._output.write("".join(f"{line}\n" for line in batch))
                self._output.flush()
            if not is_over and self._lines.empty():
                time.sleep(_REST_S)

    def _batch(self) -> tuple[list[str], bool]:
        """Wait for a line; return it with those behind it, and whether it is the last batch of all."""
        line = self._lines.get()
        batch: list[str] = []
        while line is not None:
            batch.append(line)
            if len(batch) == MOST_AT_ONCE:
                return batch, False
            try:
                line = self._lines.get_nowait()
            except queue.Empty:
                return batch, False
        return batch, True


class _DroppingHandler(logging.Handler):
    """Formats where the event happens, as the ids are context variables; drops when the writer is stuck."""

    def __init__(self, lines: "queue.SimpleQueue[str | None]") -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        try:
            line = self.format(record)
        except Exception:  # as all handlers do: what cannot be written down is no failure of the talk
            self.handleError(record)
            return
        if self._lines.qsize() < _QUEUE_LINES:  # else the log is what gives way, never the talk
            self._lines.put(line)


def _tame_uvicorn(record: logging.LogRecord) -> bool:
    """Mask query strings, which may hold what people should not have put there, and expected tracebacks."""
    if isinstance(record.args, tuple):
        record.args = tuple(_without_query(arg) for arg in record.args)
    if record.exc_info and str(record.msg).startswith("Invalid UTF-8"):
        # A client's broken frame is no fault of ours: one line is enough.
        record.exc_info, record.levelno, record.levelname = None, logging.WARNING, "WARNING"
    if str(record.msg).startswith("ASGI callable returned without completing handshake"):
        # It says so of each handshake that we refused with a status; whoever did so has said why.
        record.levelno, record.levelname = logging.INFO, "INFO"
    return True


_OFTEN_READ: Final = re.compile(r"/(static/.+|metrics|agent/(health|ready|page)|page/logo)$")
"""Ends of paths that pages, load balancers and Prometheus ask for all the time."""


def _quiet_reads(record: logging.LogRecord) -> bool:
    """Make DEBUG of the lines about reads that say nothing of anybody; they stand out where they fail."""
    if record.name != "uvicorn.access":
        return True
    match record.args:
        case (_, "GET" | "HEAD", str(path), _, int(status)) if status < 400:
            if _OFTEN_READ.search(path.partition("?")[0]):
                record.levelno, record.levelname = logging.DEBUG, "DEBUG"
                return logging.getLogger().isEnabledFor(logging.DEBUG)
        case _:
            pass
    return True


_HANDSHAKE: Final = re.compile(r'"WebSocket %s" (\[accepted\]|%d|\d+)')


def _name_fields(record: logging.LogRecord) -> bool:
    """Take uvicorn's sentence about a request or a handshake apart, for machines."""
    handshake = _HANDSHAKE.search(str(record.msg))
    match record.args:
        case (client, method, path, version, status) if record.name == "uvicorn.access":
            facts = {"method": method, "path": path, "http_version": version, "status": status}
        case (client, path, *given) if handshake is not None:
            status = 101 if handshake[1] == "[accepted]" else given[0] if given else int(handshake[1])
            facts = {"path": path, "status": status}
        case _:
            return True
    record.msg, record.args = "request" if handshake is None else "handshake", ()
    vars(record).update(client=client, **facts)
    return True


def _without_query(value: object) -> object:
    if isinstance(value, str) and "?" in value:
        return value.partition("?")[0] + "?***"
    return value


def _facts(record: logging.LogRecord) -> dict[str, Any]:
    facts: dict[str, Any] = {}
    if session_id := SESSION_ID.get():
        facts["session_id"] = session_id
    if turn_id := TURN_ID.get():
        facts["turn_id"] = turn_id
    facts.update({name: value for name, value in vars(record).items() if name not in _STANDARD})
    return facts


def _timestamp(record: logging.LogRecord) -> str:
    return f"{_second(int(record.created))}.{int(record.msecs):03}Z"


@functools.lru_cache(1)
def _second(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def _escaped(text: str, max_chars: int = _MAX_VALUE_CHARS) -> str:
    """One line without control characters, cut to a sensible length."""
    cut = text if len(text) <= max_chars else text[:max_chars] + "…"
    if cut.isprintable():
        return cut
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in cut)


def _traceback(formatted: str) -> list[str]:
    """Its lines without control characters: what was raised may quote what a client sent."""
    return [_escaped(line, _MAX_MESSAGE_CHARS) for line in formatted.split("\n")]


class _TextFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        said = _escaped(record.getMessage(), _MAX_MESSAGE_CHARS)
        line = f"{_timestamp(record)} {record.levelname} {record.name} {said}"
        for name, value in _facts(record).items():
            text = _escaped(str(value))
            line += f" {name}={json.dumps(text, ensure_ascii=False) if ' ' in text or not text else text}"
        if record.exc_info:
            # Indented, so that no line of it looks like an event of its own.
            lines = [f"    {each}" for each in _traceback(self.formatException(record.exc_info))]
            line = "\n".join([line, *lines])
        return line


class _JsonFormatter(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _timestamp(record),
            "level": record.levelname,
            "logger": record.name,
            "event": _escaped(record.getMessage(), _MAX_MESSAGE_CHARS),
        }
        for name, value in _facts(record).items():
            line[name] = value if isinstance(value, bool | int | float | None) else _escaped(str(value))
        if record.exc_info:
            line["traceback"] = "\n".join(_traceback(self.formatException(record.exc_info)))
        return json.dumps(line, ensure_ascii=False)
