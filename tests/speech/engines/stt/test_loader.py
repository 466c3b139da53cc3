"""Which recogniser the settings stand for."""

from pathlib import Path

import pytest

from app.errors import NotAvailable
from app.speech.base import Utterance
from app.speech.engines.stt.loader import load_recogniser
from tests.support.clips import recording
from tests.support.context import settings_with
from tests.support.models import MODELS_DIR, model


async def test_auto_without_a_deployment_is_whisper_and_it_is_ready():
    model("whisper-base")

    recogniser = await load_recogniser(settings_with(models_dir=MODELS_DIR, stt_workers=1))
    try:
        assert recogniser.name == "local"
        assert recogniser.has_idle_worker
        assert (await recogniser.transcribe(Utterance(recording("en_time").pcm))).language == "en"
    finally:
        await recogniser.aclose()


async def test_model_that_is_missing_is_not_available(tmp_path: Path):
    with pytest.raises(NotAvailable):
        await load_recogniser(settings_with(models_dir=tmp_path))


async def test_none_is_not_available():
    with pytest.raises(NotAvailable):
        await load_recogniser(settings_with(stt_provider="none"))
