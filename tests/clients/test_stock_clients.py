"""Clients of the OpenAI Realtime API that we did not write, unchanged, each in an environment of its own.

`make clients` makes the environments, with pinned versions, and fails where one is missing; elsewhere a
missing one skips its test.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

import pytest

from app.llm.base import ChatRequest
from tests.realtime.test_items import WITH_INSTRUCTIONS
from tests.realtime.test_sound import spoken
from tests.support.ears import silence
from tests.support.scripted import Answer, ScriptedModel, calls, says
from tests.support.server import running_server
from tests.support.voices import MS_PER_WORD

HERE = Path(__file__).parent
ENVIRONMENTS = Path(os.environ.get("CLIENTS_DIR", HERE.parents[1] / ".venv" / "clients"))
LIMIT_S = 60

CLIENTS = {
    "agents_realtime": ("node", "node", "agents_realtime.mjs", "ws://127.0.0.1:{port}/v1/realtime"),
    "openai_agents": ("agents/bin/python", "agents", "openai_agents.py", "ws://127.0.0.1:{port}/v1/realtime"),
    "livekit": ("livekit/bin/python", "livekit", "livekit_model.py", "http://127.0.0.1:{port}/v1"),
    "pipecat": ("pipecat/bin/python", "pipecat", "pipecat_service.py", "ws://127.0.0.1:{port}/v1/realtime"),
}
"""Of each: the program, the folder of its environment, our few lines that use it, and the address."""


ALOUD = {
    "openai_agents": (*CLIENTS["openai_agents"][:2], "openai_agents_aloud.py", CLIENTS["openai_agents"][3]),
    "livekit": (*CLIENTS["livekit"][:2], "livekit_aloud.py", CLIENTS["livekit"][3]),
}
"""Those that can be given a recording in the place of a microphone."""


def answer(request: ChatRequest) -> Answer:
    """Calls the client's tool, and tells what it got."""
    if any(message["role"] == "tool" for message in request.messages):
        return says("It ", "rains.")
    return calls(("get_weather", {"city": "Vigo"}))


def environment_of(folder: str) -> Path:
    """Where one was made; without it the test is skipped."""
    environment = ENVIRONMENTS / folder
    if not environment.exists():
        assert "CLIENTS_REQUIRED" not in os.environ, f"no {environment}"
        pytest.skip(f"no {environment}: make clients")
    return environment


def command(client: tuple[str, str, str, str], port: int) -> list[str]:
    program, folder, script, address = client
    environment = environment_of(folder)
    path = [str(environment)] if program == "node" else []
    executable = program if program == "node" else str(ENVIRONMENTS / program)
    return [executable, str(HERE / script), *path, address.format(port=port)]


async def told_by(*arguments: str) -> dict[str, Any]:
    """What a client's program says at its end."""
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if "proxy" not in name.lower()},
    )
    async with asyncio.timeout(LIMIT_S):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()[-3000:]
    return json.loads(out.decode().splitlines()[-1])


@pytest.mark.alone
@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", CLIENTS)
async def test_client_talks_and_has_its_tools_called(client: str):
    model = ScriptedModel(answer)
    async with running_server(WITH_INSTRUCTIONS, provider=model, tools=[]) as server:
        told = await told_by(*command(CLIENTS[client], server.port))

    assert told["errors"] == []
    assert told["calls"] == ["Vigo"]
    assert "It rains." in told["answers"]
    assert "Be brief." in model.requests[0].messages[0]["content"]


@pytest.mark.alone
@pytest.mark.timeout(120)
@pytest.mark.parametrize("client", ALOUD)
async def test_client_is_heard_and_hears(client: str, tmp_path: Path):
    async with spoken("It rains.", settings=WITH_INSTRUCTIONS) as talk:
        recording = tmp_path / "recording.pcm"
        recording.write_bytes(talk.vocabulary.sound("buenos días.") + silence(1500))
        told = await told_by(*command(ALOUD[client], talk.server.port), str(recording))

    assert told["errors"] == []
    assert told["texts"] == {"user": ["buenos días."], "assistant": ["It rains."]}
    assert told["sound_bytes"] == pytest.approx(2 * MS_PER_WORD * 48, rel=0.05)
