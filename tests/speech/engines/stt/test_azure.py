"""Transcriptions by the Azure resource, against a stand-in as strict as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.base import Transcription, Urgency, Utterance
from app.speech.engines.stt.azure import AzureTranscriptions
from app.speech.engines.stt.loader import load_recogniser
from tests.support.answers import Raw
from tests.support.clips import recording, tone
from tests.support.context import settings_with
from tests.support.speech_standin import Heard, SpeechStandin


@asynccontextmanager
async def recogniser_of(standin: SpeechStandin, **values: Any) -> AsyncIterator[AzureTranscriptions]:
    recogniser = AzureTranscriptions(settings_with(**standin.azure(**values)))
    try:
        yield recogniser
    finally:
        await recogniser.aclose()


async def test_speech_goes_out_as_a_clip_and_comes_back_as_words():
    speech = recording("es_barcelona").pcm
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        standin.script(Heard("¿Cómo está el tiempo en Barcelona?"))

        heard = await recogniser.transcribe(Utterance(speech, prompt="Barcelona, Madrid"))

    assert heard == Transcription("¿Cómo está el tiempo en Barcelona?", "es", 1.0)
    [clip] = standin.clips
    assert (clip.pcm, clip.rate_hz) == (speech, 16_000)
    assert clip.fields["prompt"] == "Barcelona, Madrid"
    assert "language" not in clip.fields
    assert standin.requests[0].query == {"api-version": "2024-02-15-preview"}
    assert standin.violations == []


@pytest.mark.parametrize(
    ("utterance", "language"),
    [
        (Utterance(tone(2), language="en", hint="es"), "en"),
        (Utterance(tone(0.5), hint="en"), "en"),
        (Utterance(tone(2), hint="en"), None),
    ],
)
async def test_language_goes_along_where_it_is_known_or_cannot_be_told(
    utterance: Utterance, language: str | None
):
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        await recogniser.transcribe(utterance)

    assert standin.clips[0].fields.get("language") == language


@pytest.mark.parametrize(("text", "language"), [("What is the time?", "en"), ("¿Qué hora es?", "es")])
async def test_language_that_was_found_out_is_told_by_the_words(text: str, language: str):
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        standin.script(Heard(text))

        assert (await recogniser.transcribe(Utterance(tone(2)))).language == language


@pytest.mark.parametrize("text", ["", "  ", "...", "Subtítulos realizados por la comunidad de Amara.org"])
async def test_what_has_no_words_is_empty(text: str):
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        standin.script(Heard(text))

        assert await recogniser.transcribe(Utterance(tone(2), hint="en")) == Transcription("", "en", 0)


async def test_sound_that_the_service_would_find_too_short_is_not_sent():
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        assert (await recogniser.transcribe(Utterance(b"\x00\x00"))).text == ""

    assert standin.requests == []


async def test_partial_transcripts_are_not_paid_for():
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        assert not recogniser.has_idle_worker
        with pytest.raises(VoiceBusy):
            await recogniser.transcribe(Utterance(tone(2), urgency="partial"))

    assert standin.requests == []


async def test_passes_over_the_line_are_refused():
    async with SpeechStandin() as standin:
        standin.script(Raw([], end="hang"), Raw([], end="hang"))
        async with recogniser_of(standin, stt_workers=1, stt_queue=1) as recogniser:
            # As many at once as there are workers and places before them, and one that waits for those.
            urgencies: list[Urgency] = ["final", "speculative", "final"]
            running = [
                asyncio.create_task(recogniser.transcribe(Utterance(tone(1), urgency=urgency)))
                for urgency in urgencies
            ]
            await asyncio.sleep(0)

            with pytest.raises(VoiceBusy):
                await recogniser.transcribe(Utterance(tone(1)))

            async with asyncio.timeout(10):
                while len(standin.clips) < 2:  # noqa: ASYNC110 - the stand-in has no event for it
                    await asyncio.sleep(0.01)
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            assert (await recogniser.transcribe(Utterance(tone(1)))).text == "Hola"


@pytest.mark.parametrize("body", [b"hola", b"[]", b"{}", b'{"text": 4}', b'{"text":', b"x" * (1 << 21)])
async def test_answer_that_is_none_is_a_worker_that_failed(body: bytes):
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        standin.script(Raw([body], headers={"content-type": "application/json"}))

        with pytest.raises(WorkerFailed):
            await recogniser.transcribe(Utterance(tone(1)))


async def test_service_that_hangs_in_its_answer_has_failed_in_time():
    async with SpeechStandin() as standin, recogniser_of(standin, stt_timeout_s=0.3) as recogniser:
        standin.script(Raw([b'{"text"'], end="hang"))

        async with asyncio.timeout(10):
            with pytest.raises(WorkerFailed):
                await recogniser.transcribe(Utterance(tone(1)))


async def test_diagnosis_tries_the_model():
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        checks = await recogniser.diagnose()

    assert all(check.ok for check in checks)
    assert checks[0].name == "transcription_endpoint"
    assert standin.clips[0].seconds == 0.5


async def test_deployment_of_the_settings_is_what_auto_stands_for():
    async with SpeechStandin() as standin:
        recogniser = await load_recogniser(settings_with(**standin.azure()))
        try:
            assert recogniser.name == "azure"
            assert (await recogniser.transcribe(Utterance(tone(1)))).text == "Hola"
        finally:
            await recogniser.aclose()
