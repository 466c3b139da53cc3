"""Logging: one line for each event, with its ids, and never in the way of a talk."""

import contextlib
import io
import json
import logging
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import pytest

from config.logger_config import MOST_AT_ONCE, SESSION_ID, TURN_ID, configure_logging

LIBRARIES = ["httpx", "httpx2", "openai", "aiohttp", "alembic", "websockets", "httpcore"]
NAMES = [None, "uvicorn", "uvicorn.error", "uvicorn.access", *LIBRARIES]
NASTY = "a\nb\r\x1b[31m\u2028\u202e\x9b\0\ud800ñ 🎤"


@pytest.fixture(autouse=True)
def loggers_as_they_were() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in NAMES]
    before = [(logger.handlers[:], logger.filters[:], logger.level, logger.propagate) for logger in loggers]
    yield
    for logger, (handlers, filters, level, propagate) in zip(loggers, before, strict=True):
        logger.handlers[:], logger.filters[:], logger.propagate = handlers, filters, propagate
        logger.setLevel(level)


@contextmanager
def logged(log_format: Literal["text", "json"] = "text", level: str = "INFO") -> Iterator[list[str]]:
    """The lines that were written, complete after the block."""
    output = io.StringIO()
    lines: list[str] = []
    with contextlib.redirect_stderr(output):
        configure_logging(level, log_format)
        yield lines
        configure_logging(level, log_format)  # the set-up before this one has written all that it had
    lines += output.getvalue().split("\n")[:-1]


def log(**facts: Any) -> None:
    logging.getLogger("app.test").info("event_name", extra=facts)


def test_text_line_has_time_level_logger_event_and_facts():
    with logged() as lines:
        log(tool="calculate", n=3, words="two words", empty="")

    (line,) = lines
    time_, rest = line.split(" ", 1)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", time_)
    assert rest == 'INFO app.test event_name tool=calculate n=3 words="two words" empty=""'


def test_json_line_has_the_same_as_members():
    with logged("json") as lines:
        log(tool="calculate", n=3, ok=True, none=None, list_=[1])

    (line,) = lines
    read = json.loads(line)
    assert re.fullmatch(r"\d{4}-.*Z", read.pop("time"))
    assert read == {
        "level": "INFO",
        "logger": "app.test",
        "event": "event_name",
        "tool": "calculate",
        "n": 3,
        "ok": True,
        "none": None,
        "list_": "[1]",
    }


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_event_is_one_line_whatever_is_in_it(log_format: Any):
    with logged(log_format) as lines:
        log(user_id=NASTY, nested={"a": NASTY})
        logging.getLogger("library").warning("said %s", NASTY)

    assert len(lines) == 2
    for line in lines:
        assert len(line.splitlines()) == 1
        assert line.isprintable()
        assert "ñ 🎤" in line


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_long_value_is_cut(log_format: Any):
    with logged(log_format) as lines:
        log(path="x" * 100_000)
        logging.getLogger("library").warning("y" * 100_000)

    assert 500 <= lines[0].count("x") <= 510
    assert 4000 <= lines[1].count("y") <= 4010


def raise_and_log() -> None:
    try:
        raise ValueError("of a client:\n2025-07-20T10:30:00.000Z INFO forged\x1b[2J\u2028")
    except ValueError:
        logging.getLogger("app.test").exception("internal", extra={"call_id": "c1"})


def test_traceback_cannot_look_like_an_event_in_text():
    with logged() as lines:
        raise_and_log()

    assert lines[0].endswith("ERROR app.test internal call_id=c1")
    assert len(lines) > 3
    assert all(line.startswith("    ") and line.isprintable() for line in lines[1:])
    assert any("raise_and_log" in line for line in lines)


def test_traceback_is_a_member_of_its_line_in_json():
    with logged("json") as lines:
        raise_and_log()

    (line,) = lines
    assert line.isprintable()
    read = json.loads(line)
    assert (read["event"], read["call_id"]) == ("internal", "c1")
    assert "raise_and_log" in read["traceback"]


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_session_and_turn_are_on_every_line_of_their_context(log_format: Any):
    session, turn = SESSION_ID.set("s1"), TURN_ID.set("t1")
    with logged(log_format) as lines:
        logging.getLogger("library").warning("inside")
        SESSION_ID.reset(session)
        TURN_ID.reset(turn)
        logging.getLogger("library").warning("outside")

    inside, outside = lines
    if log_format == "json":
        assert {"session_id": "s1", "turn_id": "t1"}.items() <= json.loads(inside).items()
    else:
        assert inside.endswith("inside session_id=s1 turn_id=t1")
    assert "session_id" not in outside and "turn_id" not in outside


def test_ids_are_those_of_the_moment_of_the_event():
    """Another thread writes the lines, later."""
    with logged() as lines:
        for number in range(200):
            TURN_ID.set(f"t{number}")
            log()
        TURN_ID.set("")

    assert [line.rpartition("=")[2] for line in lines] == [f"t{number}" for number in range(200)]


def test_level_decides_what_is_written():
    with logged(level="WARNING") as lines:
        log()
        logging.getLogger("app.test").warning("more")

    assert len(lines) == 1


def test_requests_to_models_are_not_logged_with_their_addresses():
    with logged() as lines:
        for name in ("httpx", "httpx2", "openai", "aiohttp"):
            logging.getLogger(name).info("HTTP Request: POST https://host/path?api_key=1")
            logging.getLogger(f"{name}.inner").info("HTTP Request: POST https://host/path?api_key=1")

    assert lines == []


@pytest.mark.parametrize("log_format", ["text", "json"])
def test_query_strings_are_masked_in_the_servers_own_lines(log_format: Any):
    access = ("1.2.3.4:5", "GET", "/sessions?api_key=secret", "1.1", 200)
    with logged(log_format) as lines:
        logging.getLogger("uvicorn.access").info('%s - "%s %s HTTP/%s" %d', *access)
        logging.getLogger("uvicorn.error").info(
            '%s - "WebSocket %s" [accepted]', "1.2.3.4:5", "/ws?token=secret"
        )

    assert len(lines) == 2
    assert "secret" not in "".join(lines)
    assert "/sessions?***" in lines[0] and "/ws?***" in lines[1]


ACCESS = '%s - "%s %s HTTP/%s" %d'


@pytest.mark.parametrize(
    ("method", "path", "status", "level"),
    [
        ("GET", "/static/app.js", 200, "DEBUG"),
        ("GET", "/static/@0123/worklets/capture.js?x=1", 304, "DEBUG"),
        ("GET", "/voice/static/app.js", 200, "DEBUG"),
        ("HEAD", "/agent/health", 200, "DEBUG"),
        ("GET", "/metrics", 200, "DEBUG"),
        ("GET", "/agent/page", 200, "DEBUG"),
        ("GET", "/page/logo", 200, "DEBUG"),
        ("GET", "/static/no.js", 404, "INFO"),
        ("GET", "/agent/health", 503, "INFO"),
        ("POST", "/metrics", 200, "INFO"),
        ("GET", "/", 200, "INFO"),
        ("GET", "/sessions", 200, "INFO"),
        ("GET", "/sessions?x=/metrics", 200, "INFO"),
        ("GET", "/agent/diagnose", 200, "INFO"),
    ],
)
@pytest.mark.parametrize("root", ["INFO", "DEBUG"])
def test_what_is_read_all_the_time_is_logged_at_debug(
    method: str, path: str, status: int, level: str, root: str
) -> None:
    with logged(level=root) as lines:
        logging.getLogger("uvicorn.access").info(ACCESS, "1.2.3.4:5", method, path, "1.1", status)

    assert [line.split()[1] for line in lines] == ([level] if (level, root) != ("DEBUG", "INFO") else [])


def test_requests_and_handshakes_are_fields_for_machines() -> None:
    client, path = "1.2.3.4:5", "/ws?token=secret"
    with logged("json") as lines:
        logging.getLogger("uvicorn.access").info(ACCESS, client, "GET", "/sessions", "1.1", 200)
        sockets = logging.getLogger("uvicorn.error")
        sockets.info('%s - "WebSocket %s" [accepted]', client, path)
        sockets.info('%s - "WebSocket %s" 403', client, path)
        sockets.info('%s - "WebSocket %s" %d', client, path, 429)
        logging.getLogger("uvicorn.error").info("Started server process [%d]", 7)

    read = [{name: value for name, value in json.loads(line).items() if name != "time"} for line in lines]
    request = {"method": "GET", "path": "/sessions", "http_version": "1.1", "status": 200}
    assert read[0] == {
        "level": "INFO",
        "logger": "uvicorn.access",
        "event": "request",
        "client": client,
        **request,
    }
    assert [line["status"] for line in read[1:4]] == [101, 403, 429]
    assert {(line["event"], line["path"]) for line in read[1:4]} == {("handshake", "/ws?***")}
    assert read[4]["event"] == "Started server process [7]"


def test_invalid_utf8_of_a_client_is_one_warning_without_a_traceback():
    with logged() as lines:
        try:
            b"\xff".decode()
        except UnicodeDecodeError:
            logging.getLogger("uvicorn.error").exception("Invalid UTF-8 sequence received from client.")

    (line,) = lines
    assert "WARNING uvicorn.error Invalid UTF-8 sequence" in line


def test_refused_handshake_is_no_error():
    """Whoever sends a wrong `Host` would have the alarm go off each time."""
    with logged() as lines:
        logging.getLogger("uvicorn.error").error("ASGI callable returned without completing handshake.")

    (line,) = lines
    assert "INFO uvicorn.error ASGI callable" in line


def test_servers_own_handlers_are_replaced():
    logging.getLogger("uvicorn").addHandler(logging.StreamHandler(io.StringIO()))
    logging.getLogger("uvicorn.access").propagate = False

    with logged() as lines:
        logging.getLogger("uvicorn.access").info("once")
        logging.getLogger("uvicorn.error").info("once")

    assert len(lines) == 2
    assert logging.getLogger("uvicorn").handlers == []


class StuckOutput(io.StringIO):
    """A terminal that has stopped to read."""

    def __init__(self) -> None:
        super().__init__()
        self.release = threading.Event()
        self.has_room_again = threading.Event()

    def write(self, text: str) -> int:
        self.release.wait(30)
        if "n=9000" in text:
            self.has_room_again.set()
        return super().write(text)


def test_stuck_output_holds_up_nobody_and_what_does_not_fit_is_dropped():
    output = StuckOutput()
    with contextlib.redirect_stderr(output):
        configure_logging("INFO", "text")
        begin = time.monotonic()
        for number in range(11_000):
            log(n=number)
        spent_s = time.monotonic() - begin
        output.release.set()
        assert output.has_room_again.wait(30)
        configure_logging("INFO", "text")

    written = output.getvalue().count("event_name")
    assert spent_s < 10
    assert 10_000 <= written <= 10_000 + MOST_AT_ONCE


class CountingOutput(io.StringIO):
    """Counts how often it is written to."""

    def __init__(self) -> None:
        super().__init__()
        self.writes = 0

    def write(self, text: str) -> int:
        self.writes += 1
        return super().write(text)


def test_lines_of_a_moment_are_written_together_and_in_order():
    output = CountingOutput()
    with contextlib.redirect_stderr(output):
        configure_logging("INFO", "text")
        for number in range(1000):
            log(n=number)
        configure_logging("INFO", "text")

    numbers = [int(line.rpartition("n=")[2]) for line in output.getvalue().splitlines()]
    assert numbers == list(range(1000))
    assert output.writes <= 100


def test_output_that_fails_is_no_failure_of_the_talk(capsys: pytest.CaptureFixture[str]):
    output = io.StringIO()
    with contextlib.redirect_stderr(output):
        configure_logging("INFO", "text")
        output.close()
        log()
    configure_logging("INFO", "text")

    log()


def test_frames_and_statements_of_libraries_are_in_no_log() -> None:
    """They hold what users said, and the tokens that they came with."""
    with logged(level="DEBUG") as lines:
        for name in ("uvicorn.error", "websockets.server", "httpcore.http11"):
            logging.getLogger(name).debug('< TEXT \'{"token": "secret"}\'')
        logging.getLogger("app").debug("state")

    assert len(lines) == 1
