"""Speech that still loads when people come: they are told, write meanwhile, and talk when it is there."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.speech.base import VoiceEngines
from tests.e2e.test_speech import AUDIO, World
from tests.storage.test_faults import locked_by_another_process
from tests.support.late_voice import LateVoice
from tests.support.scripted import ScriptedModel, last_text, says
from tests.support.server import PATIENCE_S, client_of, running_server
from tests.support.v2_client import v2_client
from tests.support.voices import WordySynthesiser, sound_of

BROKEN = VoiceEngines(failures={"in": "a broken model", "out": "a broken model"})


def echo() -> ScriptedModel:
    return ScriptedModel(lambda request: says(f"{last_text(request)} Sí."))


async def test_session_that_asks_too_early_is_told_when_speech_is_there(tmp_path: Path) -> None:
    world, model = World(), echo()
    late = LateVoice(tmp_path, world.engines)
    async with late.server(model) as server, v2_client(server) as client:
        created = await client.starts(audio=AUDIO)
        refusal = await client.hears("error")
        await client.sends(b"\0\0")
        unheard = await client.hears("error")
        await client.says("hola.")
        written = await client.hears_answer()
        await late.comes()
        told = await client.hears("features")
        await client.sends({"type": "session_update", "audio": AUDIO})
        await client.sends(world.speech("qué tal?"))
        spoken = await client.hears_answer()

    assert (created["features"], created["audio"]) == ([], None)
    assert [(e["code"], e["retryable"]) for e in (refusal, unheard)] == [("voice_loading", True)] * 2
    assert refusal["content"].startswith("La voz todavía se está preparando.")
    assert (written["text"], written["timings_ms"]["first_audio"]) == ("hola. Sí.", None)
    assert told["features"] == ["audio_in", "audio_out"]
    assert spoken["text"] == "qué tal? Sí."
    assert client.sound == b"".join(sound_of(word) for word in ("qué", "tal?", "Sí."))
    assert model.invalid == []


@pytest.mark.parametrize(
    "asks",
    [
        {"type": "session_update", "audio": AUDIO},
        {"type": "session_update", "audio": {"out": True}},
        {"type": "audio", "content": "AAAA"},
        {"type": "audio_commit"},
        {"type": "audio_clear"},
    ],
)
async def test_whatever_asks_for_speech_may_be_asked_again_until_loading_has_failed(
    tmp_path: Path, asks: dict[str, Any]
) -> None:
    late = LateVoice(tmp_path, BROKEN)
    async with late.server(echo()) as server, v2_client(server) as client:
        await client.starts()
        await client.sends(asks)
        early = await client.hears("error")
        await late.comes()
        told = await client.hears("features")
        await client.sends(asks)
        refused = await client.hears("error")

    assert (early["code"], early["retryable"]) == ("voice_loading", True)
    assert told["features"] == []
    assert (refused["code"], refused["retryable"]) == ("not_available", False)


async def test_half_that_is_not_wanted_is_not_waited_for(tmp_path: Path) -> None:
    world = World()
    late = LateVoice(tmp_path, VoiceEngines(None, world.engines.synthesiser), stt_provider="none")
    async with late.server(echo()) as server, v2_client(server) as client:
        await client.starts(audio=AUDIO)
        both = await client.hears("error")
        await client.sends({"type": "session_update", "audio": {"out": True}})
        speaking = await client.hears("error")
        await late.comes()
        told = await client.hears("features")

    assert [both["code"], speaking["code"]] == ["not_available", "voice_loading"]
    assert told["features"] == ["audio_out"]


async def test_voice_and_pace_that_were_chosen_too_early_hold(tmp_path: Path) -> None:
    synthesiser = WordySynthesiser()
    late = LateVoice(tmp_path, replace(World().engines, synthesiser=synthesiser))
    async with late.server(echo()) as server, v2_client(server) as client:
        await client.starts(voice="em_alex")
        await client.sends({"type": "session_update", "speed": 1.5})
        await late.comes()
        await client.hears("features")
        await client.sends({"type": "session_update", "audio": {"out": True}})
        await client.says("hola.")
        await client.hears_answer()

    assert "error" not in [message["type"] for message in client.heard]
    assert {(speech.voice, speech.speed) for speech in synthesiser.asked} == {("em_alex", 1.5)}


async def test_who_was_away_when_speech_came_is_told_on_the_way_back(tmp_path: Path) -> None:
    late = LateVoice(tmp_path, World().engines)
    async with late.server(echo()) as server, v2_client(server) as client:
        await client.starts(audio=AUDIO)
        await client.hears("error")
        await client.drops()
        await late.comes()
        resumed = await client.resumes()
        told = await client.hears("features")

    assert (resumed["gap"], told["features"]) == (False, ["audio_in", "audio_out"])


async def test_talk_by_voice_goes_on_by_text_and_then_by_voice_after_a_restart(tmp_path: Path) -> None:
    world, model = World(), echo()
    database = f"sqlite+aiosqlite:///{tmp_path}/talks.db"
    late = LateVoice(tmp_path, world.engines, database_url=database)
    first = running_server(late.settings, provider=model, tools=[], engines=world.engines)
    async with first as server, v2_client(server) as client:
        await client.starts(audio=AUDIO)
        await client.sends(world.speech("uno?"))
        await client.hears_answer()
        client.sound = b""
        await client.drops()
    async with late.server(model) as second:
        client.url = second.url
        resumed = await client.resumes()
        history = await client.hears_next()
        await client.sends({"type": "session_update", "audio": AUDIO})
        refusal = await client.hears("error")
        await client.says("dos?")
        written = await client.hears_answer()
        silent = client.sound
        await late.comes()
        await client.hears("features")
        await client.sends({"type": "session_update", "audio": AUDIO})
        await client.sends(world.speech("tres?"))
        spoken = await client.hears_answer()
        await client.leaves()

    assert resumed["gap"] is True
    assert [entry["content"] for entry in history["messages"]] == ["uno?", "uno? Sí."]
    assert refusal["code"] == "voice_loading"
    assert (written["text"], silent) == ("dos? Sí.", b"")
    assert spoken["text"] == "tres? Sí."
    assert client.sound == sound_of("tres?") + sound_of("Sí.")


async def test_talk_that_is_continued_while_speech_comes_has_it(tmp_path: Path) -> None:
    """The store holds the talk up; what is told meanwhile goes to the stream that ends."""
    database = f"sqlite+aiosqlite:///{tmp_path}/talks.db"
    late = LateVoice(tmp_path, World().engines, database_url=database, store_timeout_s=30)
    async with late.server(echo()) as server, v2_client(server) as first, v2_client(server) as second:
        created = await first.starts()
        await first.says("hola.", id="c1")
        await first.hears_answer()
        live = server.service.sessions.get(created["session_id"])
        assert live is not None
        old_stream = live.tokens
        with locked_by_another_process(tmp_path / "talks.db"):
            continuing = asyncio.create_task(second.starts(**{"continue": live.session_id}, audio=AUDIO))
            async with asyncio.timeout(PATIENCE_S):
                while live.tokens is old_stream:  # noqa: ASYNC110  # the product needs no event for it
                    await asyncio.sleep(0.01)
            await late.comes()
            assert not continuing.done()
        continued = await continuing

    assert (continued["continued"], continued["features"]) == (True, ["audio_in", "audio_out"])
    assert continued["audio"] == {**AUDIO, "turn_detection": "auto"}


async def test_recording_on_v1_is_refused_with_a_sentence_until_speech_is_there(tmp_path: Path) -> None:
    world = World()
    late = LateVoice(tmp_path, world.engines)
    recording = {"type": "audio", "content": world.clip("qué tal?")}
    async with late.server(echo()) as server, client_of(server) as client:
        await client.opens()
        await client.sends(recording)
        refusal = await client.hears("error")
        await late.comes()
        await client.sends(recording)
        answer = await client.hears_answer()

    assert refusal["content"].startswith("La voz todavía se está preparando.")
    assert answer == "qué tal? Sí."
    assert {message["type"] for message in client.heard} <= {
        "session_created", "system", "error", "response_chunk", "response_complete",
    }  # fmt: skip
