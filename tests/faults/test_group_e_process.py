"""What happens to the process, and what its clients and its database then know: group E's faults.

Kills are in test_group_d_kills.py; E4 in tests/test_watchdog.py, E8 in tests/test_main.py and
tests/config/test_settings.py.
"""

import asyncio
import contextlib
import random
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.support.answers import Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.process import MAIN, UVICORN, ServerProcess, server_process
from tests.support.scripted import ScriptedModel, last_text, says
from tests.support.server import Client, running_server
from tests.support.v2_client import V2Client, v2_client

both_ways = pytest.mark.parametrize(
    ("command", "status"), [(MAIN, 0), (UVICORN, -signal.SIGTERM)], ids=["main.py", "uvicorn main:app"]
)
"""`uvicorn` ends by the signal itself, when all else is done; `main.py` with 0."""


@asynccontextmanager
async def v1_client(url: str) -> AsyncIterator[Client]:
    async with connect(url, compression=None, proxy=None) as opened:
        yield Client(opened)


# E1: SIGTERM mid-turn


@both_ways
async def test_e1_at_sigterm_running_answers_end_and_all_is_stored(
    sqlite_address: str, tmp_path: Path, command: tuple[str, ...], status: int
) -> None:
    async with (
        AzureStandin() as standin,
        server_process(
            tmp_path, command, database_url=sqlite_address, tool_inline_wait_s=0, **standin.azure()
        ) as server,
    ):
        await server.starts()
        client, waiting = V2Client(server.url), V2Client(server.url)
        async with v1_client(server.url) as old:
            standin.script(ToolCalls(("placeholder_api_call", {"delay_s": 25})), Text("Voy."))
            await client.starts()
            await client.says("una llamada lenta", id="c1")
            call = await client.hears("tool_started")
            await client.hears_answer()
            standin.reply = lambda request: Text("uno dos tres cuatro cinco", 0.1)
            await waiting.starts(user_id="luis")
            await old.opens("eva")
            for speaker in (client, waiting, old):
                await speaker.says("cuenta")
                await speaker.hears("response_chunk")
            await waiting.says("y otra cosa", id="c2")
            accepted = await waiting.hears("message_accepted")
            server.signals(signal.SIGTERM)
            going = [await one.hears("going_away") for one in (client, waiting)]
            ends = [await one.hears_answer() for one in (client, waiting)]
            await old.hears_answer()
            codes = [await one.is_closed() for one in (client, waiting, old)]
        ended_with = await server.ends()
        standin.script(Text("La llamada no ha acabado."), Text("Aquí sigo."))
        await server.starts()
        client.url = waiting.url = server.url
        resumed = await client.resumes()
        history = await client.hears_next()
        finished = await client.hears_next()
        told = await client.hears_answer()
        await waiting.resumes()
        answered = await waiting.hears_answer()
        for one in (client, waiting):
            await one.leaves()
        results = [m["content"] for r in standin.requests for m in r.messages if m["role"] == "tool"]

    assert [g["reason"] for g in going] == ["restart"] * 2
    assert all(0 < g["reconnect_after_s"] <= 5 for g in going)
    for end in ends:
        assert (end["finish_reason"], end["text"]) == ("stop", "uno dos tres cuatro cinco")
        assert end["durable"] is True
    assert codes == [1012] * 3
    assert ended_with == status
    assert resumed["gap"] is True
    assert [m["content"] for m in history["messages"]][-2:] == ["cuenta", "uno dos tres cuatro cinco"]
    assert told["text"] == "La llamada no ha acabado."
    assert call["call_id"] in results[-1]
    assert '"cancelled"' in results[-1], "it had its second to clean up"
    assert finished["call_id"] == call["call_id"]
    assert (finished["status"], finished["reason"]) == ("cancelled", "shutdown")
    assert (answered["text"], answered["turn_id"]) == ("Aquí sigo.", accepted["turn_id"])
    assert [line for line in server.log if " ERROR " in line or "Traceback" in line] == []


# E2: a second signal; a signal while it starts


@both_ways
async def test_e2_a_second_signal_leaves_at_once(
    sqlite_address: str, tmp_path: Path, command: tuple[str, ...], status: int
) -> None:
    async with (
        AzureStandin() as standin,
        server_process(
            tmp_path, command, database_url=sqlite_address, shutdown_grace_s=60, **standin.azure()
        ) as server,
    ):
        standin.reply = lambda request: Text(["bla "] * 1000, 0.05)
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        await client.says("habla", id="c1")
        started = await client.hears("turn_started")
        await client.hears("response_chunk")
        server.signals(signal.SIGTERM)
        await client.hears("going_away")
        began = time.monotonic()
        server.signals(signal.SIGTERM)
        await client.is_closed()
        await server.ends()
        took_s = time.monotonic() - began
        standin.reply = lambda request: Text("Sigo.")
        await server.starts()
        client.url = server.url
        assert (await client.resumes())["gap"] is True
        history = await client.hears_next()
        again = await client.hears_answer()
        await client.leaves()

    assert took_s < 10
    assert [m["content"] for m in history["messages"]] == ["habla"]
    assert (again["turn_id"], again["text"]) == (started["turn_id"], "Sigo.")
    assert [m["content"] for m in standin.requests[-1].messages[1:]] == ["habla"]


async def test_e2_a_signal_while_it_starts_ends_it_and_leaves_a_whole_database(
    sqlite_address: str, tmp_path: Path
) -> None:
    dice = random.Random()
    async with server_process(tmp_path, is_afresh=True, database_url=sqlite_address) as server:
        for _ in range(3):
            await server.begins()
            await asyncio.sleep(0.2 + dice.random())  # somewhere in the start, wherever this machine is then
            server.signals(signal.SIGTERM)
            assert await server.ends() in (0, -signal.SIGTERM)
            assert "Traceback" not in "\n".join(server.log)
        await server.starts()
        health = (await server.asks("GET", "/agent/health")).json()

    assert health["storage"]["status"] == "ok"


SIGNALLED_AT_A_STATEMENT = """
import os, signal, sys
from sqlalchemy import Engine, event
import main

seen = 0

def count(*_):
    global seen
    seen += 1
    if seen == 5:
        os.kill(os.getpid(), signal.SIGTERM)

event.listen(Engine, "before_cursor_execute", count)
main.main()
"""


async def test_e2_a_signal_while_it_migrates_leaves_a_whole_database(address: str, tmp_path: Path) -> None:
    command = ("-c", SIGNALLED_AT_A_STATEMENT, "--port", "0")
    async with server_process(tmp_path, command, database_url=address) as server:
        await server.begins()
        assert await server.ends() == 0
        assert "Traceback" not in "\n".join(server.log)
    async with server_process(tmp_path, database_url=address) as server:
        await server.starts()
        health = (await server.asks("GET", "/agent/health")).json()

    assert health["storage"]["status"] == "ok"


# E6: the wall clock jumps


class JumpyClock:
    """A real clock, but for a wall that hangs where a test puts it."""

    def __init__(self) -> None:
        self.offset = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def monotonic(self) -> float:
        return time.monotonic()


@pytest.mark.parametrize("jump", [timedelta(days=1), timedelta(days=-1)], ids=["ahead", "back"])
async def test_e6_windows_and_timeouts_do_not_hang_on_the_wall_clock(
    sqlite_address: str, jump: timedelta
) -> None:
    clock = JumpyClock()
    model = ScriptedModel(lambda r: says(f"<{last_text(r)}>"))
    settings = settings_with(database_url=sqlite_address, resume_window_s=1)
    async with running_server(settings, provider=model, clock=clock) as server, v2_client(server) as client:
        await client.starts()
        await client.drops()
        clock.offset = jump
        in_time = await client.resumes()
        await client.says("hola")
        answer = await client.hears_answer()
        await client.drops()
        clock.offset = -jump
        await server.is_empty()
        late = await client.resumes()
        shown = (await server.get(f"/sessions/{client.session_id}/messages")).json()["messages"]

    assert in_time["type"] == "session_resumed"
    assert answer["text"] == "<hola>"
    assert 0 <= answer["timings_ms"]["total"] < 10_000
    assert late["code"] == "resume_refused"
    said_at = datetime.fromisoformat(shown[0]["created_at"])
    assert abs(said_at - (datetime.now(UTC) + jump)) < timedelta(minutes=5), "times are the wall's, in UTC"
    assert shown[0]["created_at"].endswith("Z")


@pytest.mark.parametrize(
    ("without_server", "with_server", "comes_back"),
    [
        (timedelta(), timedelta(seconds=60), True),
        (timedelta(), timedelta(seconds=180), False),
        (timedelta(days=1), timedelta(seconds=60), True),
        (timedelta(days=1), timedelta(seconds=180), False),
    ],
    ids=["in time", "too late", "in time after a day without", "too late after a day without"],
)
@pytest.mark.parametrize("is_there", [True, False], ids=["was there", "had left"])
async def test_e6_over_restarts_the_window_is_the_walls_while_there_is_a_server(
    address: str, without_server: timedelta, with_server: timedelta, comes_back: bool, is_there: bool
) -> None:
    clock = JumpyClock()
    settings = settings_with(database_url=address, resume_window_s=120)
    async with running_server(settings, provider=ScriptedModel([]), clock=clock) as server:
        async with v2_client(server) as client:
            await client.starts()
            [live] = server.service.sessions
            if not is_there:
                await client.drops()
                while live.session.websocket is not None:  # noqa: ASYNC110  # the product needs no event for it
                    await asyncio.sleep(0.01)
            await server.service.aclose()
    clock.offset += without_server
    async with running_server(settings, provider=ScriptedModel([]), clock=clock):
        clock.offset += with_server
    clock.offset += without_server
    async with running_server(settings, provider=ScriptedModel([]), clock=clock) as server:
        client.url = server.url
        answer = await client.resumes()
        assert client.socket is not None
        await client.socket.close()

    assert answer["type"] == ("session_resumed" if comes_back else "error")


# E7: the port is taken


async def test_e7_a_taken_port_ends_it_before_it_touches_anything(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = (*MAIN[:-1], str(port))
        async with server_process(tmp_path, command, database_url=f"sqlite:///{folder}/talks.db") as server:
            await server.begins()
            status = await server.ends()

    assert status == 1
    assert len(server.log) == 1
    assert f"127.0.0.1:{port}" in server.log[0]
    assert not folder.exists()


async def test_e7_no_right_to_bind_is_one_line(tmp_path: Path) -> None:
    """An address that is not this machine's; a low port would be root's to take."""
    command = ("main.py", "--host", "192.0.2.1", "--port", "8000")
    async with server_process(tmp_path, command, database_url=f"sqlite:///{tmp_path}/d/talks.db") as server:
        await server.begins()
        assert await server.ends() == 1

    assert len(server.log) == 1
    assert not (tmp_path / "d").exists()


# E9: no more file descriptors


def cpu_s(pid: int) -> float:
    """What a process has used of the processor, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def test_e9_without_file_descriptors_live_talks_go_on(sqlite_address: str, tmp_path: Path) -> None:
    async with (
        AzureStandin() as standin,
        server_process(tmp_path, database_url=sqlite_address, **standin.azure()) as server,
    ):
        await server.starts()
        client = V2Client(server.url)
        await client.starts()
        await client.says("antes", id="c1")
        await client.hears_answer()
        server.may_use(resource.RLIMIT_NOFILE, 64)
        crowd = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(200)]
        before = cpu_s(server.pid)
        began = time.monotonic()
        durable = []
        while time.monotonic() - began < 2:
            await client.says("durante")
            durable.append((await client.hears("message_accepted"))["durable"])
            await client.hears_answer()
            await asyncio.sleep(0.2)
        used = (cpu_s(server.pid) - before) / (time.monotonic() - began)
        errors = [line for line in server.log if " ERROR " in line]
        for _, writer in crowd:
            writer.close()
        await answers_again(server)
        other = V2Client(server.url)
        await other.starts()
        for one in (client, other):
            await one.leaves()

    assert all(durable)
    assert used < 0.5, "the acceptor spins"
    assert len(errors) == 1, errors


async def answers_again(server: ServerProcess) -> None:
    async with asyncio.timeout(20):
        while True:
            with contextlib.suppress(httpx.TransportError):
                await server.asks("GET", "/agent/health")
                return
            await asyncio.sleep(0.1)


# E13: several workers


async def test_e13_two_workers_are_refused_with_one_line(address: str, tmp_path: Path) -> None:
    command = (*UVICORN, "--workers", "2")
    async with server_process(tmp_path, command, database_url=address, llm_provider="demo") as server:
        await server.begins()
        await server.ends()
        said = [line for line in server.log if "Another server" in line or "Traceback" in line]

    assert len(said) == 1
    assert said[0].startswith("Another server")
