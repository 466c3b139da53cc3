"""The recogniser is everybody's: who floods it waits, and nobody else does."""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from app.speech.base import VoiceEngines
from app.speech.engines.stt.local import LocalRecogniser
from app.speech.engines.workers import WorkerPool
from tests.support.context import settings_with
from tests.support.ears import Vocabulary, WordRecogniser, new_senses
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, running_server
from tests.support.v2_client import V2Client

SECOND = b"\1\0" * 16_000
"""To the ears of this world a voice."""


async def as_it_is(clip: bytes, owner: str) -> bytes:
    return clip


def clip_of(seconds: int) -> dict[str, str]:
    return {"type": "audio", "format": "clip", "content": base64.b64encode(SECOND * seconds).decode()}


async def floods(server: Server, user_id: str, has_sent: asyncio.Event) -> list[str]:
    """Eight clips of noise at once, as many as a session may have; what became of each."""
    async with a_talk(server, user_id) as client:
        for _ in range(8):
            await client.sends(clip_of(20))
        has_sent.set()
        ends: list[str] = []
        while len(ends) < 8:
            message = await client.hears_next()
            if message["type"] in ("transcript", "error"):
                ends.append(message.get("code", "transcript"))
    return ends


async def speaks(server: Server, user_id: str) -> list[str]:
    """Six short clips, one after the other."""
    ends: list[str] = []
    async with a_talk(server, user_id) as client:
        for _ in range(6):
            await client.sends(clip_of(2))
            while (message := await client.hears_next())["type"] not in ("transcript", "error"):
                pass
            ends.append(message.get("code", message["type"]))
    return ends


@asynccontextmanager
async def a_talk(server: Server, user_id: str) -> AsyncIterator[V2Client]:
    client = V2Client(server.url, patience_s=60)
    try:
        await client.starts(user_id=user_id)
        yield client
    finally:
        if client.socket is not None:
            await client.socket.close()


@pytest.mark.parametrize("user_id", ["ana", "anonymous"])
async def test_three_strangers_with_clips_of_noise_hold_up_nobody_else(tmp_path: Path, user_id: str) -> None:
    (tmp_path / "whisper-base").mkdir()
    (tmp_path / "whisper-base" / "model.bin").touch()
    settings = settings_with(models_dir=tmp_path)
    pool = WorkerPool("tests.support.slow_ears", size=2, queue=16, timeout_s=15)
    recogniser = LocalRecogniser(settings, pool)
    await recogniser.start()
    input_engines = replace(
        new_senses(WordRecogniser(Vocabulary())), recogniser=recogniser, decode_clip=as_it_is
    )
    model = ScriptedModel(lambda r: says("Sí."))
    all_sent = [asyncio.Event() for _ in range(3)]
    try:
        async with running_server(settings, provider=model, engines=VoiceEngines(input_engines)) as server:
            strangers = [
                asyncio.create_task(floods(server, f"x{n}", has_sent)) for n, has_sent in enumerate(all_sent)
            ]
            await asyncio.gather(*(has_sent.wait() for has_sent in all_sent))
            ends = await speaks(server, user_id)
            are_done = [task.done() for task in strangers]
            for task in strangers:
                task.cancel()
            await asyncio.gather(*strangers, return_exceptions=True)
    finally:
        await recogniser.aclose()

    assert ends == ["transcript"] * 6
    # Before any stranger had all of theirs.
    assert not any(are_done)
