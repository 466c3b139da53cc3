"""What happens when the log cannot be written, and what it looks like when it can: E12."""

import asyncio
import fcntl
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.process import MAIN, ROOT, ServerProcess, environment, server_process
from tests.support.v2_client import V2Client

pytestmark = pytest.mark.e2e

TEXTS = 12
SETTINGS = {"llm_provider": "demo", "log_level": "DEBUG"}
"""At DEBUG each frame is a line: more than a pipe of 4 KiB holds."""


class ServerWithout(ServerProcess):
    """A server whose standard error output is something else than a file."""

    def __init__(self, folder: Path, errors: int) -> None:
        log = folder / "server.log"
        log.touch()
        super().__init__(log, MAIN, **SETTINGS)
        self._errors = errors

    async def begins(self) -> None:
        with self._output.open("wb") as output:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *self._command,
                cwd=ROOT,
                env=environment(**self._settings),
                stdout=output,
                stderr=self._errors,
            )


@pytest.fixture(params=["a full disk", "a closed pipe", "a terminal that has stopped"])
def broken(request: pytest.FixtureRequest) -> Iterator[int]:
    if request.param == "a full disk":
        opened = [os.open("/dev/full", os.O_WRONLY)]
    else:
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        opened = [writing, reading]
        if request.param == "a closed pipe":
            os.close(opened.pop())
    yield opened[0]
    for descriptor in opened:
        os.close(descriptor)


async def test_e12_talks_go_on_where_the_log_cannot_be_written_and_the_server_ends(
    broken: int, tmp_path: Path
) -> None:
    server = ServerWithout(tmp_path, broken)
    try:
        await server.starts()
        client = V2Client(server.url, patience_s=30)
        await client.starts()
        for number in range(TEXTS):
            await client.says(f"{number}+1?")
            complete = await client.hears_answer()
            assert str(number + 1) in client.text_of(complete["turn_id"])
        health = (await server.asks("GET", "/agent/health")).json()
        await client.leaves()
        server.signals(signal.SIGTERM)
        await server.ends()
    finally:
        await server.is_killed()

    assert health["status"] == "ok"


async def test_json_log_is_an_object_a_line_with_the_session_and_the_turn(tmp_path: Path) -> None:
    async with server_process(tmp_path, llm_provider="demo", log_format="json") as server:
        await server.starts()
        client = V2Client(server.url, patience_s=30)
        await client.starts(user_id="ana\nx")
        await client.says("2+2?")
        complete = await client.hears_answer()
        await client.leaves()
        server.signals(signal.SIGTERM)
        assert await server.ends() == 0

    lines = [json.loads(line) for line in server.log]
    assert all({"time", "level", "logger", "event"} <= set(line) for line in lines)
    ours = [line for line in lines if line.get("session_id") == client.session_id]
    events = [line["event"] for line in ours]
    assert {"session_created", "state", "tool_started", "tool_finished", "session_closed"} <= set(events)
    in_turn = [line["event"] for line in ours if line.get("turn_id") == complete["turn_id"]]
    assert {"state", "tool_started", "tool_finished"} <= set(in_turn)
    assert "session_created" not in in_turn
