"""Whisper in its processes: what a talk gets of it."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.errors import NotAvailable, VoiceBusy, WorkerFailed
from app.speech.base import Transcription, Utterance
from app.speech.engines.stt.checks import plain
from app.speech.engines.stt.local import LocalRecogniser, joined, model_folder
from app.speech.pcm import trimmed
from tests.support.clips import Recording, recording, recordings, silence
from tests.support.context import settings_with
from tests.support.models import MODELS_DIR, model

SPOKEN = [one for one in recordings() if one.text]


@pytest_asyncio.fixture
async def whisper() -> AsyncIterator[LocalRecogniser]:
    model("whisper-base")
    recogniser = LocalRecogniser(settings_with(models_dir=MODELS_DIR, stt_workers=1, stt_timeout_s=10))
    await recogniser.start()
    try:
        yield recogniser
    finally:
        await recogniser.aclose()


async def test_recordings_are_understood_to_the_word(whisper: LocalRecogniser):
    spoken = {
        "es_calcula": "hola puedes calcular 2 mas 2",
        "es_hora": "dime que hora es por favor",
        "es_barcelona": "como esta el tiempo en barcelona",
        "es_espera": "espera mejor dime otra cosa",
        "es_mm": "si claro",
        "en_time": "what time is it in tokyo",
        "en_stop": "wait stop there for a second",
        "es_pausa": "me gustaria que me dijeras cuanto es siete por ocho",
    }
    for one in SPOKEN:
        heard = await whisper.transcribe(Utterance(trimmed(one.pcm)))

        assert plain(heard.text) == spoken[one.id]
        assert heard.language == one.language
        assert 0.6 < heard.confidence <= 1


async def test_what_has_no_words_is_empty_in_the_talks_language(whisper: LocalRecogniser):
    for pcm in (b"", silence(0.05), silence(2), recording("ruido").pcm):
        heard = await whisper.transcribe(Utterance(pcm, hint="en"))
        assert (heard.text, heard.confidence) == ("", 0)
    assert (await whisper.transcribe(Utterance(b"", hint="en"))).language == "en"


async def test_minute_of_speech_is_understood_to_its_end(whisper: LocalRecogniser):
    sentence, last = recording("es_barcelona").pcm, recording("es_hora").pcm
    minute = (sentence + silence(1.0)) * 10 + last

    heard = plain((await whisper.transcribe(Utterance(minute, language="es"))).text)

    assert heard.endswith("hora es por favor")
    assert "barcelona" in heard


async def test_partial_pass_is_refused_while_no_worker_is_idle(whisper: LocalRecogniser):
    final = asyncio.create_task(whisper.transcribe(Utterance(recording("es_hora").pcm)))
    await asyncio.sleep(0)
    assert not whisper.has_idle_worker

    with pytest.raises(VoiceBusy):
        await whisper.transcribe(Utterance(recording("es_hora").pcm, urgency="partial"))

    assert (await final).text
    assert whisper.has_idle_worker
    assert (await whisper.transcribe(Utterance(recording("es_hora").pcm, urgency="partial"))).text


async def test_partial_pass_gives_way_to_sound_that_a_listener_waits_for(whisper: LocalRecogniser):
    with whisper.haste.speaking(), pytest.raises(VoiceBusy):
        await whisper.transcribe(Utterance(recording("es_hora").pcm, urgency="partial"))


async def test_only_a_pass_that_a_user_waits_for_is_in_haste(whisper: LocalRecogniser):
    loop, start = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    for urgency, is_waited_for in (("clip", False), ("speculative", True)):
        passing = asyncio.create_task(
            whisper.transcribe(Utterance(recording("es_hora").pcm, urgency=urgency))
        )
        await asyncio.sleep(0)
        await whisper.haste.calm(0.05)
        assert passing.done() is False
        assert (loop.time() - start >= 0.05) is is_waited_for
        await passing
        start = loop.time()


async def test_final_pass_goes_before_speculative_ones(whisper: LocalRecogniser):
    done: list[str] = []

    async def understand(one: Recording, urgency: str) -> None:
        await whisper.transcribe(Utterance(one.pcm, urgency=urgency))  # pyright: ignore[reportArgumentType]
        done.append(urgency)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(understand(SPOKEN[0], "final"))
        await asyncio.sleep(0)
        for urgency in ("speculative", "final"):
            tasks.create_task(understand(SPOKEN[1], urgency))
            await asyncio.sleep(0)

    assert done == ["final", "final", "speculative"]


@pytest.mark.parametrize("sent", [signal.SIGKILL, signal.SIGSTOP])
async def test_recogniser_that_dies_or_hangs_costs_one_utterance(sent: signal.Signals):
    model("whisper-base")
    whisper = LocalRecogniser(settings_with(models_dir=MODELS_DIR, stt_workers=1, stt_timeout_s=8))
    await whisper.start()
    try:
        under_way = asyncio.create_task(whisper.transcribe(Utterance(recording("es_hora").pcm)))
        await asyncio.sleep(0)
        before = whisper.pids
        os.kill(before[0], sent)

        async with asyncio.timeout(50):
            with pytest.raises(WorkerFailed):
                await under_way
            # A new process comes from outside the loop: there is no event to wait for.
            while not whisper.pids or whisper.pids == before:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert (await whisper.transcribe(Utterance(recording("en_time").pcm))).language == "en"
    finally:
        await whisper.aclose()


def test_windows_are_joined_and_those_without_words_left_out():
    windows = [
        {"text": "Hola.", "language": "es", "confidence": 0.9, "seconds": 10},
        {"text": "", "language": "en", "confidence": 0.1, "seconds": 20},
        {"text": "Adiós.", "language": "es", "confidence": 0.6, "seconds": 20},
    ]

    assert joined(windows, Utterance(b"")) == Transcription("Hola. Adiós.", "es", 0.7)
    assert joined([], Utterance(b"", "en", "es")) == Transcription("", "en", 0)


def test_model_is_found_by_its_folder_or_by_its_name_among_the_models(tmp_path: Path):
    for name in ("whisper-base", "mine"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.bin").touch()

    assert model_folder("base", tmp_path) == tmp_path / "whisper-base"
    assert model_folder("mine", tmp_path) == tmp_path / "mine"
    assert model_folder(str(tmp_path / "mine"), tmp_path / "other") == tmp_path / "mine"
    with pytest.raises(NotAvailable):
        model_folder("small", tmp_path)
