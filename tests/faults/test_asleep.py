"""The machine was asleep: all timers are due at once, and what has come meanwhile is read before they judge.

The server process is stopped (SIGSTOP) for longer than the limit in question, while the other side goes on.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.stall_timeout import LATE_S, patiently
from tests.support.answers import Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process
from tests.support.v2_client import V2Client

ASLEEP_S = 3.0
"""Longer than each limit here."""


@asynccontextmanager
async def awake_again(server: ServerProcess) -> AsyncIterator[None]:
    """The server sleeps; what happens inside goes on without it, and it wakes when the time is over."""
    server.signals(signal.SIGSTOP)
    slept = asyncio.create_task(asyncio.sleep(ASLEEP_S))  # the pause is what is tried
    try:
        yield
        await slept
    finally:
        slept.cancel()
        server.signals(signal.SIGCONT)


@asynccontextmanager
async def a_server(tmp_path: Path, **settings: Any) -> AsyncIterator[tuple[ServerProcess, AzureStandin]]:
    async with AzureStandin() as standin, server_process(tmp_path, **settings, **standin.azure()) as server:
        await server.starts()
        yield server, standin


async def is_told(client: V2Client, text: str) -> None:
    """Hears the answer with these words, whatever is answered before."""
    while (await client.hears("response_complete"))["text"] != text:
        pass


LIMITS = [
    {"llm_stall_timeout_s": 1},
    {"turn_timeout_s": 2},
    {"ws_ping_interval_s": 0.3, "ws_ping_timeout_s": 0.5},
    {"llm_stall_timeout_s": 1, "turn_timeout_s": 2, "ws_ping_interval_s": 0.3, "ws_ping_timeout_s": 0.5},
]


@pytest.mark.parametrize("limits", LIMITS, ids=str)
async def test_answer_that_came_while_the_machine_slept_is_told(
    tmp_path: Path, limits: dict[str, Any]
) -> None:
    async with a_server(tmp_path, **limits) as (server, standin):
        standin.script(Text("uno dos tres cuatro", 0.3))
        client = V2Client(server.url)
        await client.starts()
        await client.says("cuenta")
        await client.hears("response_chunk")
        async with awake_again(server):
            pass
        end = await client.hears_answer()
        await client.leaves()

    assert (end["finish_reason"], end["text"]) == ("stop", "uno dos tres cuatro")


async def test_answer_that_began_while_the_machine_slept_is_told(tmp_path: Path) -> None:
    async with a_server(tmp_path, llm_first_token_timeout_s=2) as (server, standin):
        standin.script(Text("hola", 1.0))
        client = V2Client(server.url)
        await client.starts()
        await client.says("hola")
        await client.hears("turn_started")
        async with awake_again(server):
            pass
        end = await client.hears_answer()
        await client.leaves()

    assert end["text"] == "hola"


async def test_tool_whose_answer_came_while_the_machine_slept_is_done(tmp_path: Path) -> None:
    may_answer = asyncio.Event()
    has_come = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            has_come.set()
            await may_answer.wait()
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nazul")
            await writer.drain()
        writer.close()

    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    order = {"url": f"http://127.0.0.1:{port}/", "method": "POST"}
    limits = {"tool_timeout_s": 2, "http_tool_allowed_private": f"127.0.0.1:{port}", "tool_inline_wait_s": 0}
    async with a_server(tmp_path, **limits) as (server, standin):
        standin.script(ToolCalls(("make_http_request", order)), Text("Voy."), Text("Es azul."))
        client = V2Client(server.url)
        await client.starts()
        await client.says("pide")
        await has_come.wait()
        async with awake_again(server):
            may_answer.set()
        ended = await client.hears("tool_finished")
        await is_told(client, "Es azul.")
        await client.leaves()
    listener.close()

    assert ended["status"] == "done"


async def test_word_that_was_said_while_the_machine_slept_counts(tmp_path: Path) -> None:
    limits = {
        "approval_timeout_s": 2,
        "tool_approval": "listed",
        "tools_need_approval": "placeholder_api_call",
    }
    async with a_server(tmp_path, tool_inline_wait_s=0, **limits) as (server, standin):
        standin.script(ToolCalls(("placeholder_api_call", {"delay_s": 0})), Text("¿Puedo?"), Text("Hecho."))
        client = V2Client(server.url)
        await client.starts()
        await client.says("llama")
        asked = await client.hears("approval_requested")
        async with awake_again(server):
            await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
        ended = await client.hears("tool_finished")
        await is_told(client, "Hecho.")
        await client.leaves()

    assert ended["status"] == "done"


async def test_first_message_that_came_while_the_machine_slept_opens_the_talk(tmp_path: Path) -> None:
    async with a_server(tmp_path, first_message_timeout_s=1) as (server, _):
        client = V2Client(server.url)
        await client.connects()
        async with awake_again(server):
            await client.sends({"type": "start", "user_id": "ana"})
        created = await client.hears("session_created")
        await client.leaves()

    assert created["session_id"]


async def test_client_that_came_back_while_the_machine_slept_has_its_session(tmp_path: Path) -> None:
    async with a_server(tmp_path, resume_window_s=2) as (server, _):
        client = V2Client(server.url)
        await client.starts()
        await client.drops()
        while "session_waits" not in "\n".join(server.log):  # noqa: ASYNC110  # another process's log
            await asyncio.sleep(0.02)
        async with awake_again(server):
            coming = asyncio.create_task(client.resumes())
        resumed = await coming
        await client.leaves()

    assert resumed["type"] == "session_resumed"


# The clock itself, in a loop that is held up


async def test_block_that_had_its_answer_before_the_loop_was_held_up_is_not_timed_out() -> None:
    reader, writer = asyncio.StreamReader(), asyncio.Event()
    loop = asyncio.get_running_loop()

    async def answers() -> bytes:
        for _ in range(5):  # a few steps, as from a socket to whoever waits
            await asyncio.sleep(0)
        return await reader.read(4)

    def is_held_up() -> None:
        until = loop.time() + 1
        while loop.time() < until:
            pass
        reader.feed_data(b"hola")
        writer.set()

    loop.call_soon(is_held_up)
    async with patiently(0.2):
        assert await answers() == b"hola"


async def test_silence_is_over_in_the_time_that_was_asked_for() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        async with patiently(0.3) as patience:
            await asyncio.Event().wait()

    assert patience.expired()
    assert loop.time() - began < 0.3 + 10 * LATE_S


async def test_cancellation_from_outside_is_no_timeout() -> None:
    async def waits() -> None:
        async with patiently(60):
            await asyncio.Event().wait()

    task = asyncio.create_task(waits())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
