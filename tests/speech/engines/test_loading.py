"""The real parts of speech, loaded as the server loads them."""

from pathlib import Path
from typing import Any, cast

import pytest

from app.speech.base import Speech, SpeechInputEngines, Utterance
from app.speech.engines.core_sharing import Haste
from app.speech.engines.loading import load_engines
from tests.support.context import settings_with
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import recording
from tests.support.synthesis import need_espeak


@pytest.mark.timeout(180)
async def test_parts_are_loaded_and_hear_what_they_say() -> None:
    model("whisper-base")
    model("smart-turn-v3.2-cpu.onnx")
    engines = await load_engines(settings_with(models_dir=MODELS_DIR, tts_provider="espeak", stt_workers=1))
    try:
        assert engines.features == ["audio_in", "audio_out"]
        assert [lost() for lost in engines.losses] == [0, 0, 0], "Whisper, the decoder, espeak-ng"
        assert engines.input_engines is not None and engines.synthesiser is not None
        heard = await engines.input_engines.recogniser.transcribe(Utterance(recording("es_hora"), "es"))
        pieces = [piece async for piece in engines.synthesiser.speak(Speech("Son las dos.", "es"))]
    finally:
        await engines.aclose()

    assert "hora" in heard.text.lower()
    assert sum(len(piece.pcm) for piece in pieces) > engines.synthesiser.sample_rate_hz // 2


async def test_server_may_hear_and_not_speak_or_do_neither() -> None:
    engines = await load_engines(settings_with(stt_provider="none", tts_provider="none"))

    assert engines.features == []
    await engines.aclose()


@pytest.mark.timeout(180)
async def test_server_that_cannot_speak_still_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    """No espeak-ng, neither as a wheel nor the system's: no phonemes, and no voice."""
    model("whisper-base")
    model("smart-turn-v3.2-cpu.onnx")
    monkeypatch.setattr("app.speech.engines.tts.espeak_library.find_spec", lambda name: None)
    monkeypatch.setattr("app.speech.engines.tts.espeak_library._folders", list)
    engines = await load_engines(settings_with(models_dir=MODELS_DIR, stt_workers=1))
    try:
        assert engines.features == ["audio_in"]
        assert "espeak-ng is missing" in engines.failures["out"]
        assert engines.input_engines is not None
        heard = await engines.input_engines.recogniser.transcribe(Utterance(recording("es_hora"), "es"))
    finally:
        await engines.aclose()

    assert "hora" in heard.text.lower()


@pytest.mark.timeout(180)
async def test_server_that_cannot_hear_still_speaks(tmp_path: Path) -> None:
    need_espeak()
    engines = await load_engines(settings_with(models_dir=tmp_path, tts_provider="espeak", stt_workers=1))
    try:
        assert engines.features == ["audio_out"]
        assert engines.failures["in"] and "\n" not in engines.failures["in"]
        assert engines.synthesiser is not None
        pieces = [piece async for piece in engines.synthesiser.speak(Speech("Son las dos.", "es"))]
    finally:
        await engines.aclose()

    assert sum(len(piece.pcm) for piece in pieces) > engines.synthesiser.sample_rate_hz // 2


async def test_only_the_halves_that_are_asked_for_are_loaded(tmp_path: Path) -> None:
    engines = await load_engines(settings_with(models_dir=tmp_path), (), {"in": "why", "out": "why not"})

    assert engines.features == []
    assert engines.failures == {"in": "why", "out": "why not"}


async def test_recognition_and_speech_make_room_for_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    class Part:
        name, sample_rate_hz = "local", 24_000

        def __init__(self) -> None:
            self.haste = Haste()

        async def aclose(self) -> None:
            pass

    hearing, speaking = Part(), Part()

    async def input_engines(*_: object) -> SpeechInputEngines:
        return SpeechInputEngines(*(cast(Any, part) for part in (hearing, None, None, None, None)))

    async def synthesiser(*_: object) -> Part:
        return speaking

    monkeypatch.setattr("app.speech.engines.loading._load_senses", input_engines)
    monkeypatch.setattr("app.speech.engines.loading._load_synthesiser", synthesiser)
    await load_engines(settings_with(stt_provider="local", tts_provider="local"))

    assert hearing.haste is speaking.haste
