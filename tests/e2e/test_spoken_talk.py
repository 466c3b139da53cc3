"""Talks that are spoken, with the real models on real recordings, through a real server."""

import asyncio
import base64
import json
import os
import signal
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from websockets.asyncio.client import connect

from app.errors import NothingHeard
from app.speech.pcm import resampled, to_pcm
from bench.voice.unspoken import made
from tests.support.browser import ServerProcess
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import FOLDER, recording
from tests.support.speaker import Speaker, speaker

pytestmark = [pytest.mark.alone, pytest.mark.e2e, pytest.mark.timeout(180)]

SPOKEN = {entry["id"]: entry for entry in json.loads((FOLDER / "speech.json").read_text())}
LOAD_LIMIT_S = 120
RATE_HZ = 16_000
PAUSE_S = 2
"""Longer than the longest silence that ends a turn."""


def voice_of(server: ServerProcess) -> str:
    with urllib.request.urlopen(f"{server.url}/agent/health", timeout=5) as answer:
        return json.load(answer)["voice"]["status"]


@pytest.fixture(scope="module")
def talker() -> Iterator[ServerProcess]:
    """A server with all its parts. With two workers Kokoro speaks a talk also on a busy machine."""
    for name in ("whisper-base", "kokoro-v1.0.int8.onnx", "silero_vad.onnx", "smart-turn-v3.2-cpu.onnx"):
        model(name)
    server = ServerProcess(VOICE="true", MODELS_DIR=str(MODELS_DIR), TTS_WORKERS="2")
    server.start()
    for _ in range(LOAD_LIMIT_S * 4):
        if voice_of(server) != "loading":
            break
        threading.Event().wait(0.25)
    assert voice_of(server) == "ready"
    yield server
    server.kill()


def answers(client: Speaker) -> list[dict[str, Any]]:
    """Turns that were said to their end."""
    return client.all("response_complete", finish_reason="stop")


async def understood(port: int, clip: bytes) -> str:
    """What the server understands of a recording."""
    async with connect(f"ws://127.0.0.1:{port}/ws", proxy=None, compression=None, max_size=None) as socket:
        await socket.send('{"type": "system"}')  # before there is a session, 64 KiB are the most
        await socket.send(json.dumps({"type": "audio", "content": base64.b64encode(clip).decode()}))
        async with asyncio.timeout(60):
            async for raw in socket:
                message = json.loads(raw)
                if message["type"] == "system" and message["content"].startswith("Has dicho"):
                    return message["content"]
                assert message["type"] != "error", message
    raise AssertionError("nothing was understood")


def unspoken_sound(kind: str, seed: int) -> bytes:
    """As `bench.voice.belief` draws it."""
    rng = np.random.default_rng([seed, 77])
    return to_pcm(made(kind, float(rng.uniform(0.6, 6)), seed, float(rng.uniform(0.1, 0.9))))


def wav(pcm: bytes, rate_hz: int) -> bytes:
    size = len(pcm).to_bytes(4, "little")
    rate, per_second = rate_hz.to_bytes(4, "little"), (rate_hz * 2).to_bytes(4, "little")
    form = b"fmt " + (16).to_bytes(4, "little") + b"\1\0\1\0" + rate + per_second + b"\2\0\x10\0"
    return b"RIFF" + (36 + len(pcm)).to_bytes(4, "little") + b"WAVE" + form + b"data" + size + pcm


@pytest.mark.parametrize("name", ["es_calcula", "es_hora", "es_barcelona", "en_time"])
async def test_spoken_question_is_understood_and_answered_aloud(talker: ServerProcess, name: str) -> None:
    async with speaker(talker.port, locale=SPOKEN[name]["language"]) as client:
        await client.says(recording(name))
        complete = await client.hears("response_complete", finish_reason="stop")

        transcript = client.all("transcript", final=True)[-1]
        assert all(word.lower() in transcript["content"].lower() for word in SPOKEN[name]["keywords"])
        assert transcript["language"] == SPOKEN[name]["language"]
        assert len(client.sound[complete["turn_id"]]) > 24_000
        assert complete["timings_ms"]["first_audio"] is not None
        assert client.all("error") == []


async def test_answer_can_be_understood(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await client.says(recording("es_calcula"))
        complete = await client.hears("response_complete", finish_reason="stop")
        rate_hz = client.all("audio_started")[0]["sample_rate_hz"]
        heard = await understood(talker.port, wav(client.sound[complete["turn_id"]], rate_hz))

    assert "4" in heard or "cuatro" in heard.lower()


async def test_pause_inside_a_sentence_does_not_make_two_answers(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await client.says(recording("es_pausa"))
        await client.hears("response_complete", finish_reason="stop")
        await asyncio.sleep(1)

        assert len(answers(client)) == 1
        final = client.all("transcript", final=True)[-1]["content"].lower()
        assert all(number in final or word in final for number, word in (("7", "siete"), ("8", "ocho")))


async def test_noise_is_no_turn_and_no_error(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await client.says(recording("ruido"))
        await asyncio.sleep(2)

        assert client.all("message_accepted") + client.all("error") == []
        assert all(stopped["empty"] for stopped in client.all("speech_stopped"))


WORST = [("coughs", 5001), ("throat", 5003), ("hummed", 5004), ("tune", 5008)]
"""Sounds without words that pass for a voice, and that Whisper reads something in."""


@pytest.mark.parametrize("language", ["es", "en"])
async def test_sounds_without_words_begin_no_turn_in_a_stream(talker: ServerProcess, language: str) -> None:
    async with speaker(talker.port, locale=language) as client:
        for kind, seed in WORST:
            await client.says(unspoken_sound(kind, seed) + bytes(RATE_HZ * 2 * PAUSE_S))
        await client.hears("speech_stopped", count=max(1, len(client.all("speech_started"))))

        assert all(stopped["empty"] for stopped in client.all("speech_stopped")), client.all("transcript")
        assert (
            client.all("transcript", final=True) + client.all("message_accepted") + client.all("error") == []
        )
        assert client.all("tool_started") == []


async def test_sounds_without_words_are_nothing_heard_as_recordings(talker: ServerProcess) -> None:
    async with connect(
        f"ws://127.0.0.1:{talker.port}/ws", proxy=None, compression=None, max_size=None
    ) as socket:
        await socket.send('{"type": "system"}')
        for kind, seed in WORST:
            clip = base64.b64encode(wav(unspoken_sound(kind, seed), RATE_HZ)).decode()
            await socket.send(json.dumps({"type": "audio", "content": clip}))
        told: list[dict[str, Any]] = []
        async with asyncio.timeout(60):
            while sum(message["type"] == "error" for message in told) < len(WORST):
                told.append(json.loads(await socket.recv()))

    assert [m["content"] for m in told if m["type"] == "error"] == [NothingHeard.es] * len(WORST)
    assert {m["type"] for m in told} == {"session_created", "system", "error"}
    assert not any(m["content"].startswith("Has dicho") for m in told if m["type"] == "system")


async def is_speaking(client: Speaker) -> None:
    """Has the agent give a long answer, and waits until it is heard."""
    text = "Analiza este texto: " + "La playa estaba tranquila y el mar en calma. " * 6
    await client.sends(type="text", content=text)
    await client.hears("audio_started")
    await asyncio.sleep(0.7)


async def test_order_over_the_voice_stops_it_and_is_answered(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await is_speaking(client)
        await client.says(recording("es_espera"))
        interrupted = await client.hears("interrupted")
        final = await client.hears("transcript", final=True)
        await client.hears("response_complete", finish_reason="stop")

    kinds = [m["type"] for m in client.heard]
    assert kinds.index("playback_hint") < kinds.index("interrupted")
    assert interrupted["heard"]
    assert "espera" in final["content"].lower()


async def test_assent_over_the_voice_lets_it_go_on(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await is_speaking(client)
        await client.says(recording("es_mm"))
        await client.hears("playback_hint", action="resume")
        await client.hears("response_complete")

    assert client.all("interrupted") == []
    assert client.all("message_accepted") == client.all("message_accepted")[:1]


async def test_telephone_is_understood(talker: ServerProcess) -> None:
    narrow = resampled(recording("es_hora"), 16_000, 8000)
    async with speaker(talker.port, rate_hz=8000) as client:
        await client.says(narrow)
        await client.hears("response_complete", finish_reason="stop")

        assert "hora" in client.all("transcript", final=True)[-1]["content"].lower()


async def test_recording_in_a_message_is_understood(talker: ServerProcess) -> None:
    clip = (FOLDER / "es_barcelona.flac").read_bytes()  # small, and on this disk

    assert "barcelona" in (await understood(talker.port, clip)).lower()


async def test_while_a_tool_runs_the_agent_says_so_and_tells_the_result_later(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await client.sends(type="text", content="Prueba una llamada lenta de 4 segundos")
        first = await client.hears("response_complete")
        told = await client.hears("turn_started", source="tool")
        await client.hears("response_complete", turn_id=told["turn_id"])

        assert client.sound[first["turn_id"]] and client.sound[told["turn_id"]]
        assert client.all("tool_finished")[0]["status"] == "done"


def workers_of(server: ServerProcess, kind: str) -> list[int]:
    """The processes below a server that do this work."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            command = (folder / "cmdline").read_bytes().decode(errors="replace")
            parent = (folder / "stat").read_text().rsplit(")", 1)[1].split()[1]
        except OSError:
            continue
        if kind in command and int(parent) == server.pid:
            found.append(int(folder.name))
    return found


async def test_e10_recogniser_that_is_killed_costs_no_talk(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await client.says(recording("es_hora")[:16_000])
        for pid in workers_of(talker, "whisper_worker"):
            os.kill(pid, signal.SIGKILL)
        await client.says(recording("es_hora")[16_000:])
        await asyncio.sleep(2)
        await client.says(recording("es_calcula"))
        await client.hears("response_complete", finish_reason="stop")

        assert workers_of(talker, "whisper_worker")
        final = client.all("transcript", final=True)[-1]["content"]
        assert "2" in final or "dos" in final  # as the processor's arithmetic has it


async def test_e10_synthesiser_that_is_killed_leaves_the_text(talker: ServerProcess) -> None:
    async with speaker(talker.port) as client:
        await is_speaking(client)
        for pid in workers_of(talker, "kokoro_worker"):
            os.kill(pid, signal.SIGKILL)
        complete = await client.hears("response_complete")
        await client.says(recording("es_calcula"))
        await client.hears("response_complete", count=2)

        assert complete["finish_reason"] == "stop" and complete["text"]
        assert all(error["code"] in ("worker_failed", "voice_busy") for error in client.all("error"))
