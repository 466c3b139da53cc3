"""The real parts of speech, loaded as the server loads them."""

import pytest

from app.voice.base import Speech, Utterance
from app.voice.engines import load_engines
from tests.support.context import settings_with
from tests.support.models import MODELS_DIR, model
from tests.support.recordings import recording


@pytest.mark.timeout(180)
async def test_parts_are_loaded_and_hear_what_they_say() -> None:
    model("whisper-base")
    model("smart-turn-v3.2-cpu.onnx")
    engines = await load_engines(settings_with(models_dir=MODELS_DIR, tts_provider="espeak", stt_workers=1))
    try:
        assert engines.features == ["audio_in", "audio_out"]
        assert [lost() for lost in engines.losses] == [0, 0, 0], "Whisper, the decoder, espeak-ng"
        assert engines.senses is not None and engines.synthesiser is not None
        heard = await engines.senses.recogniser.transcribe(Utterance(recording("es_hora"), "es"))
        pieces = [piece async for piece in engines.synthesiser.speak(Speech("Son las dos.", "es"))]
    finally:
        await engines.aclose()

    assert "hora" in heard.text.lower()
    assert sum(len(piece.pcm) for piece in pieces) > engines.synthesiser.sample_rate_hz // 2


async def test_server_may_hear_and_not_speak_or_do_neither() -> None:
    engines = await load_engines(settings_with(stt_provider="none", tts_provider="none"))

    assert engines.features == []
    await engines.aclose()
