"""A loop that is held up, tasks that die unobserved, parts that are not there: E4, E11, E15."""

import asyncio
import gc
import logging
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from app.tools.base import Tool
from tests.support.answers import Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.process import server_process
from tests.support.scripted import ScriptedModel, calls, last_text, says
from tests.support.server import running_server
from tests.support.v2_client import V2Client, v2_client

pytestmark = pytest.mark.e2e

IDLE = 10
SPIN = '''"""Keeps the event loop from everything else."""

import time

from pydantic import BaseModel

from app.tools.base import ToolContext, tool


class Arguments(BaseModel):
    """It needs none."""


@tool()
async def run(args: Arguments, ctx: ToolContext) -> str:
    """Spins for two seconds."""
    end = time.monotonic() + 2
    while time.monotonic() < end:
        pass
    return "done"
'''


async def test_e4_a_loop_that_is_held_up_closes_nobody_and_catches_up_in_order(tmp_path: Path) -> None:
    """Pings are due four times while the loop spins, and their answers before it is free again."""
    (tmp_path / "spin.py").write_text(SPIN, encoding="utf-8")
    values = {"tools_dir": tmp_path, "ws_ping_interval_s": 0.5, "ws_ping_timeout_s": 5, "log_format": "json"}
    async with AzureStandin() as standin, server_process(tmp_path, **values, **standin.azure()) as server:
        standin.script(ToolCalls(("spin", {})), Text("Ya."))
        await server.starts()
        talker, others = V2Client(server.url), [V2Client(server.url) for _ in range(IDLE)]
        await talker.starts()
        for other in others:
            await other.starts(user_id="luis")
        await talker.says("gira")
        await talker.hears("tool_started")
        for other in others:
            for number in range(5):
                await other.says("", id=f"c{number}")  # refused one by one, each with its own id
        complete = await talker.hears_answer()
        refusals = [[(await other.hears("error"))["id"] for _ in range(5)] for other in others]
        for client in (talker, *others):
            await client.leaves()

    stalls = [line for line in server.log if '"loop_stall"' in line]
    assert complete["text"] == "Ya."
    assert refusals == [[f"c{number}" for number in range(5)]] * IDLE
    assert len(stalls) == 1
    assert "spin.py" in stalls[0]
    assert not any("keepalive" in line or "1011" in line for line in server.log)


class NoArgs(BaseModel):
    """Nothing to say."""


async def test_e11_a_tool_that_dies_in_the_background_is_told_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """The garbage collector runs while nothing but its owner holds the tool's task."""
    gate = asyncio.Event()

    async def run(args: NoArgs, ctx: Any) -> str:
        await gate.wait()
        gc.collect()
        await asyncio.sleep(0)
        raise RuntimeError("fell over")

    model = ScriptedModel(lambda r: calls(("odd", {})) if last_text(r) == "odd" else says("Sí."))
    tools = [Tool("odd", "Odd.", NoArgs, run, "read")]
    async with (
        running_server(settings_with(tool_inline_wait_s=0), provider=model, tools=tools) as server,
        v2_client(server) as client,
    ):
        await client.starts()
        await client.says("odd")
        await client.hears_answer()
        gc.collect()
        gate.set()
        finished = await client.hears("tool_finished")
        told = await client.hears_answer()
        await client.says("¿sigues?")
        await client.hears_answer()

    assert (finished["status"], told["finish_reason"]) == ("failed", "stop")
    failures = [record for record in caplog.records if record.exc_info]
    assert len(failures) == 1
    assert failures[0].levelno >= logging.WARNING


async def test_e15_without_models_talks_go_on_by_text_and_everybody_is_told(tmp_path: Path) -> None:
    values = {"llm_provider": "demo", "voice": True, "models_dir": tmp_path / "none"}
    async with server_process(tmp_path, **values) as server:
        await server.starts()
        health = (await server.asks("GET", "/agent/health")).json()
        client = V2Client(server.url)
        created = await client.starts(audio={"in": {"format": "pcm16", "sample_rate_hz": 16000}, "out": True})
        error = await client.hears("error")
        await client.says("2+2?")
        complete = await client.hears_answer()
        await client.leaves()

    assert (health["status"], health["voice"]["status"]) == ("ok", "not_installed")
    assert (created["features"], created["audio"]) == ([], None)
    assert (error["code"], error["retryable"]) == ("not_available", False)
    assert "4" in complete["text"]
