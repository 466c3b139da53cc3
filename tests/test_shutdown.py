"""A planned stop, as processes of their own: told, finished, closed with 1012, exit status 0."""

import asyncio
import signal
import subprocess
import sys
import time
from typing import Any

import pytest

from app.shutdown import StopSignals
from tests.support.v2_client import V2Client
from tests.test_main import ROOT, environment, free_port, is_healthy

PATIENCE_S = 20


def started(command: tuple[str, ...], port: int, **values: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, *command],
        cwd=ROOT,
        env=environment(PORT=str(port), **values),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


async def serving(command: tuple[str, ...], port: int, **values: str) -> "subprocess.Popen[str]":
    process = started(command, port, **values)
    deadline = time.monotonic() + PATIENCE_S
    while not await asyncio.to_thread(is_healthy, port):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)
    return process


def commands(port: int) -> list[tuple[str, ...]]:
    return [("main.py",), ("-m", "uvicorn", "main:app", "--port", str(port))]


@pytest.mark.parametrize("way", [0, 1], ids=["main.py", "uvicorn main:app"])
async def test_running_answer_ends_before_the_server_stops(way: int) -> None:
    port = free_port()
    process = await serving(commands(port)[way], port)
    client = V2Client(f"ws://127.0.0.1:{port}/ws")
    try:
        await client.starts()
        await client.says("ayuda")
        await client.hears("response_chunk")
        process.send_signal(signal.SIGTERM)
        going = await client.hears("going_away")
        complete = await client.hears_answer()
        code = await client.is_closed()
        _, errors = await asyncio.to_thread(process.communicate, None, PATIENCE_S)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)

    assert 0 < going["reconnect_after_s"] <= 5
    assert going["reason"] == "restart"
    assert complete["finish_reason"] == "stop"
    assert complete["text"] == client.text_of(complete["turn_id"])
    assert code == 1012
    assert "Traceback" not in errors
    assert way == 1 or process.returncode == 0


async def test_answer_that_takes_too_long_is_not_waited_for() -> None:
    port = free_port()
    process = await serving(("main.py",), port, SHUTDOWN_GRACE_S="0.3")
    client = V2Client(f"ws://127.0.0.1:{port}/ws")
    try:
        await client.starts()
        await client.says("ayuda")
        await client.hears("response_chunk")
        process.send_signal(signal.SIGTERM)
        await client.is_closed()
        await asyncio.to_thread(process.communicate, None, PATIENCE_S)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)

    assert client.socket is not None
    assert client.socket.close_code == 1012
    assert process.returncode == 0


async def test_second_signal_leaves_at_once() -> None:
    port = free_port()
    process = await serving(("main.py",), port, SHUTDOWN_GRACE_S="60")
    client = V2Client(f"ws://127.0.0.1:{port}/ws")
    try:
        await client.starts()
        await client.says("prueba una llamada lenta de 20 segundos")
        await client.says("ayuda")
        process.send_signal(signal.SIGTERM)
        await client.hears("going_away")
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.communicate, None, PATIENCE_S)
    finally:
        process.kill()
        await asyncio.to_thread(process.communicate)

    assert time.monotonic() - started < 10
    assert process.returncode == 0


async def test_handlers_are_put_back() -> None:
    heard: list[int] = []

    def before(number: int, frame: Any) -> None:
        heard.append(number)

    async def farewell() -> None:
        heard.append(0)

    original = signal.signal(signal.SIGTERM, before)
    try:
        stop = StopSignals(farewell)
        stop.install()
        assert signal.getsignal(signal.SIGTERM) != before
        signal.raise_signal(signal.SIGTERM)
        while len(heard) < 2:  # noqa: ASYNC110  # the handler runs between two steps of the loop
            await asyncio.sleep(0)
        await stop.remove()
        assert signal.getsignal(signal.SIGTERM) is before
    finally:
        signal.signal(signal.SIGTERM, original)

    assert heard == [0, signal.SIGTERM]
