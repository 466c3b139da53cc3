"""Speech by the Azure resource, against a stand-in as strict as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from typing import Any

import pytest

from app.errors import NotAvailable, VoiceBusy, WorkerFailed
from app.speech.base import Speech, WordEnd
from app.speech.engines.tts.azure import AzureVoice
from app.speech.engines.tts.loader import load_synthesiser
from tests.support.answers import Status
from tests.support.context import settings_with
from tests.support.speech_standin import TTS_DEPLOYMENT, Said, SpeechStandin
from tests.support.synthesis import all_of, check_promises, sound_of

SECOND = b"\x01\x02" * 24_000


@asynccontextmanager
async def voice_of(standin: SpeechStandin, **values: Any) -> AsyncIterator[AzureVoice]:
    voice = AzureVoice(settings_with(**standin.azure(**values)))
    try:
        yield voice
    finally:
        await voice.aclose()


async def test_clause_goes_out_as_it_is_read_and_comes_back_as_sound():
    text = "Son las **10:30**, sí. 😀"
    async with SpeechStandin() as standin, voice_of(standin) as voice:
        standin.script(Said(SECOND))

        pieces = await all_of(voice.speak(Speech(text, "es", speed=1.25)))

    assert sound_of(pieces) == SECOND
    check_promises(voice, text, pieces)
    assert pieces[-1].words[-1] == WordEnd(len(text), 1000.0)
    [body] = standin.texts
    assert body["input"] == "Son las diez y media, sí."
    assert (body["model"], body["voice"], body["speed"]) == (TTS_DEPLOYMENT, "nova", 1.25)
    assert standin.violations == []


async def test_sound_is_heard_while_it_still_comes_and_samples_stay_whole():
    goes_on = asyncio.Event()
    async with SpeechStandin() as standin, voice_of(standin) as voice:
        standin.script(Said(SECOND, pieces=(4801, 43_199), goes_on=goes_on))

        async with aclosing(voice.speak(Speech("Hola", "es"))) as speaking:
            first = [await anext(speaking)]
            while len(sound_of(first)) < 4800:
                first.append(await anext(speaking))
            goes_on.set()
            rest = [piece async for piece in speaking]

    assert sound_of(first) == SECOND[:4800]
    assert all(len(piece.pcm) % 2 == 0 for piece in first)
    assert sound_of([*first, *rest]) == SECOND


@pytest.mark.parametrize(
    ("asked", "language", "sent"),
    [("onyx", "es", "onyx"), ("ef_dora", "es", "nova"), ("", "en", "sage"), ("nobody", "en", "sage")],
)
async def test_unknown_voice_is_the_languages_default(asked: str, language: Any, sent: str):
    async with SpeechStandin() as standin, voice_of(standin, tts_voice_en="sage") as voice:
        await all_of(voice.speak(Speech("Hello", language, asked)))

    assert standin.texts[0]["voice"] == sent


async def test_text_with_nothing_to_say_is_not_sent():
    async with SpeechStandin() as standin, voice_of(standin) as voice:
        [piece] = await all_of(voice.speak(Speech("😀", "es")))

    assert piece.words == (WordEnd(1, 0.0),) and standin.requests == []


async def test_request_that_fails_is_sent_once_more_before_its_sound_begins():
    async with SpeechStandin() as standin, voice_of(standin) as voice:
        standin.script(Status(500), Said(SECOND))

        assert sound_of(await all_of(voice.speak(Speech("Hola", "es")))) == SECOND


async def test_sound_that_breaks_off_is_a_failure_and_is_not_asked_for_again():
    async with SpeechStandin() as standin, voice_of(standin) as voice:
        standin.script(Said(SECOND, pieces=(4800,), is_cut=True))

        with pytest.raises(WorkerFailed):
            await all_of(voice.speak(Speech("Hola", "es")))

    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((Status(429), Status(429)), VoiceBusy),
        ((Status(500), Status(500)), WorkerFailed),
        ((Status(401),), NotAvailable),
        ((Said(b""),), WorkerFailed),
    ],
)
async def test_refusals_are_the_errors_of_speech(answers: tuple[Any, ...], error: type[Exception]):
    async with SpeechStandin() as standin, voice_of(standin) as voice:
        standin.script(*answers)

        with pytest.raises(error):
            await all_of(voice.speak(Speech("Hola", "es")))


async def test_service_that_falls_silent_is_a_failure():
    async with SpeechStandin() as standin, voice_of(standin, tts_timeout_s=0.3) as voice:
        standin.script(Said(SECOND, pieces=(4800, 43_200), goes_on=asyncio.Event()))

        with pytest.raises(WorkerFailed, match="no more sound"):
            await all_of(voice.speak(Speech("Hola", "es")))


async def test_more_clauses_than_the_limit_are_refused():
    goes_on = asyncio.Event()
    async with SpeechStandin() as standin, voice_of(standin, tts_queue=0) as voice:
        standin.script(Said(SECOND, pieces=(4800, 43_200), goes_on=goes_on))
        async with aclosing(voice.speak(Speech("Hola", "es"))) as speaking:
            await anext(speaking)
            with pytest.raises(VoiceBusy):
                await all_of(voice.speak(Speech("Hola", "es")))
            goes_on.set()


async def test_diagnosis_tries_the_deployment_for_real():
    async with SpeechStandin() as standin:
        async with voice_of(standin) as voice:
            checks = await voice.diagnose()
        async with voice_of(standin, azure_openai_tts_deployment="wrong") as voice:
            failed = await voice.diagnose()

    assert all(check.ok for check in checks)
    assert next(check.name for check in failed if not check.ok) == "speech_deployment"


async def test_settings_with_a_deployment_find_it():
    async with SpeechStandin() as standin:
        voice = await load_synthesiser(settings_with(**standin.azure()))
        assert voice is not None and voice.name == "azure"
        assert sound_of(await all_of(voice.speak(Speech("Hola", "es")))) == standin.sound
        await voice.aclose()
