"""Voices and models that do not exist: a WARNING with the nearest, and nobody waits for it."""

import logging
from pathlib import Path
from typing import Any

import pytest

from app.errors import LlmBadResponse
from app.llm.openai_errors import Failure
from app.services.upkeep.names import warn_of_names
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel


class Lister(ScriptedModel):
    """A model whose service lists these, or nothing."""

    def __init__(self, models: list[str] | None) -> None:
        super().__init__([])
        self._models = models

    async def listed_models(self) -> list[str]:
        if self._models is None:
            raise Failure(LlmBadResponse("no list"))
        return self._models


AZURE = {
    "azure_openai_endpoint": "https://a.example",
    "azure_openai_api_key": "k",
    "azure_openai_deployment_name": "d",
    "azure_openai_tts_deployment": "tts",
}
OWN = {"openai_base_url": "http://127.0.0.1:1/v1"}


@pytest.mark.parametrize(
    ("values", "models", "found"),
    [
        ({"voice": True, "tts_voice_es": "ef_droa"}, None, [("TTS_VOICE_ES", "ef_dora")]),
        ({"voice": True, "tts_voice_en": "pepe"}, None, [("TTS_VOICE_EN", None)]),
        ({"voice": True, "tts_voice_en": "am_michael", "tts_voice_es": "em_alex"}, None, []),
        ({"voice": False, "tts_voice_es": "pepe"}, None, []),
        ({"voice": True, "tts_provider": "espeak", "tts_voice_es": "pepe"}, None, []),
        ({"voice": True, **AZURE, "tts_voice_es": "novva"}, None, [("TTS_VOICE_ES", "nova")]),
        ({"voice": True, **AZURE, "tts_voice_es": "ef_dora", "tts_voice_en": "alloy"}, None, []),
        ({"voice": True, "stt_model": "bsae"}, None, [("STT_MODEL", "base")]),
        ({"voice": True, "stt_model": "here"}, None, []),
        ({**OWN, "openai_model": "lama3"}, ["llama3:latest", "qwen2"], [("OPENAI_MODEL", None)]),
        ({**OWN, "openai_model": "qwne2"}, ["llama3:latest", "qwen2"], [("OPENAI_MODEL", "qwen2")]),
        ({**OWN, "openai_model": "llama3"}, ["llama3:latest"], []),
        ({**OWN, "openai_model": "gpt-4o"}, ["openai/gpt-4o"], []),
        ({**OWN, "openai_model": "x"}, None, []),
        ({**OWN, "openai_model": "x"}, [], []),
        (OWN, ["a"], []),
    ],
)
async def test_names_that_nothing_goes_by_are_told(
    values: dict[str, Any],
    models: list[str] | None,
    found: list[tuple[str, str | None]],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "whisper-here").mkdir()
    caplog.set_level(logging.WARNING)
    settings = settings_with(models_dir=tmp_path, **values)
    await warn_of_names(settings, settings, Lister(models))

    records = [vars(record) for record in caplog.records]
    assert [(record["setting"], record.get("nearest")) for record in records] == found
