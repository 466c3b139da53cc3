"""A spoken talk on an Azure resource, which a stand-in plays; the models that find speech are real."""

import asyncio
import json
import threading
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.support.browser import ServerProcess
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import recording
from tests.support.speaker import speaker
from tests.support.speech_standin import Heard, Said, SpeechStandin

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120)]

QUESTION = "¿Cuánto es dos más dos?"
SECOND = b"\x10\x00" * 24_000


async def is_ready(server: ServerProcess) -> None:
    def status() -> str:
        with urllib.request.urlopen(f"{server.url}/agent/health", timeout=5) as answer:
            return json.load(answer)["voice"]["status"]

    for _ in range(200):
        if await asyncio.to_thread(status) == "ready":
            return
        await asyncio.to_thread(threading.Event().wait, 0.1)
    raise AssertionError("speech did not become ready")


@asynccontextmanager
async def served(standin: SpeechStandin) -> AsyncIterator[ServerProcess]:
    """A server on the resource, ready to hear and speak."""
    for name in ("silero_vad.onnx", "smart-turn-v3.2-cpu.onnx"):
        model(name)
    settings = {name.upper(): str(value) for name, value in standin.azure().items()}
    server = ServerProcess(**{"VOICE": "true", "MODELS_DIR": str(MODELS_DIR), **settings})
    await asyncio.to_thread(server.start)
    try:
        await is_ready(server)
        yield server
    finally:
        await asyncio.to_thread(server.kill)


async def test_question_is_understood_and_answered_by_the_resource() -> None:
    async with SpeechStandin() as standin, served(standin) as server:
        standin.text, standin.sound = QUESTION, SECOND
        async with speaker(server.port) as client:
            await client.says(recording("es_calcula"))
            complete = await client.hears("response_complete", finish_reason="stop")

        assert client.all("transcript", final=True)[-1]["content"] == QUESTION
        assert "4" in complete["text"]
        assert client.sound[complete["turn_id"]].startswith(SECOND[:4800])
        assert client.all("error") == []
        assert standin.violations == []


async def test_sound_that_is_cut_leaves_the_text_and_the_next_turn_sounds() -> None:
    async with SpeechStandin() as standin, served(standin) as server:
        standin.text, standin.sound = QUESTION, SECOND
        # Sound that breaks off before anybody hears of it is made anew, and costs nothing.
        is_heard = asyncio.Event()
        cut = Said(SECOND, pieces=(9600, 9600), goes_on=is_heard, is_cut=True)
        standin.script(Heard(QUESTION), cut, Heard("Otra suma: 3+3"))
        async with speaker(server.port) as client:
            await client.says(recording("es_calcula"))
            await client.hears("audio_started")
            is_heard.set()
            first = await client.hears("response_complete", finish_reason="stop")
            await client.says(recording("es_hora"))
            second = await client.hears("response_complete", count=2)

        assert first["text"] and second["text"]
        assert [error["code"] for error in client.all("error")] == ["worker_failed"]
        assert client.sound[second["turn_id"]]
