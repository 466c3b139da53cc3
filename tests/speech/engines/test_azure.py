"""The way to the resource's speech models: what goes wrong, and what is tried again."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.errors import AgentError, NotAvailable, VoiceBusy, WorkerFailed
from app.speech.base import Utterance
from app.speech.engines.stt.azure import AzureTranscriptions
from config.settings import SettingsError
from tests.support.answers import Raw, Reset, StallBeforeHeaders, Status
from tests.support.azure_standin import KEY
from tests.support.clips import tone
from tests.support.context import settings_with
from tests.support.http_wire import Exchange, WireServer
from tests.support.speech_standin import Heard, SpeechStandin

SPEECH = Utterance(tone(1))


@asynccontextmanager
async def recogniser_of(standin: SpeechStandin, **values: Any) -> AsyncIterator[AzureTranscriptions]:
    recogniser = AzureTranscriptions(settings_with(**standin.azure(**values)))
    try:
        yield recogniser
    finally:
        await recogniser.aclose()


async def failure_of(standin: SpeechStandin, **values: Any) -> AgentError:
    async with recogniser_of(standin, **values) as recogniser:
        with pytest.raises(AgentError) as failure:
            await recogniser.transcribe(SPEECH)
    return failure.value


@pytest.mark.parametrize(
    "hiccup",
    [Status(500), Status(503), Status(408), Status(429, {"retry-after-ms": "20"}), Reset()],
    ids=["500", "503", "408", "429", "reset"],
)
async def test_what_may_pass_is_tried_once_more(hiccup: Any):
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        standin.script(hiccup, Heard("Hola de nuevo"))

        assert (await recogniser.transcribe(SPEECH)).text == "Hola de nuevo"

    assert standin.clips[0].pcm == standin.clips[-1].pcm


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ((Status(500), Status(500)), WorkerFailed),
        ((Status(429), Status(429)), VoiceBusy),
        ((Status(429, {"retry-after": "60"}),), VoiceBusy),
        ((Status(400),), WorkerFailed),
        ((Status(401),), NotAvailable),
        ((Status(403),), NotAvailable),
        ((Reset(), Reset()), WorkerFailed),
    ],
)
async def test_what_does_not_pass_is_an_error_of_speech(answers: tuple[Any, ...], error: type[AgentError]):
    async with SpeechStandin() as standin:
        standin.script(*answers)

        failure = await failure_of(standin)

    assert isinstance(failure, error)
    assert KEY not in failure.facts
    assert KEY not in failure.sentence("es")


async def test_service_that_does_not_answer_has_failed_in_time():
    async with SpeechStandin() as standin:
        standin.script(StallBeforeHeaders())

        async with asyncio.timeout(10):
            assert isinstance(await failure_of(standin, stt_timeout_s=0.3), WorkerFailed)


async def test_answer_that_breaks_off_is_not_asked_for_again():
    async with SpeechStandin() as standin:
        standin.script(Raw([b'{"text": "Ho'], end="reset"))

        assert isinstance(await failure_of(standin), WorkerFailed)

    assert len(standin.clips) == 1


async def test_wrong_names_and_keys_are_not_available_and_told_to_the_operator():
    async with SpeechStandin() as standin:
        deployment = await failure_of(standin, azure_openai_stt_deployment="other")
        key = await failure_of(standin, azure_openai_api_key="another-key")

    assert isinstance(deployment, NotAvailable)
    assert "AZURE_OPENAI_STT_DEPLOYMENT=other" in deployment.facts
    assert isinstance(key, NotAvailable)
    assert "AZURE_OPENAI_API_KEY" in key.facts
    assert "another-key" not in key.facts


async def test_redirect_is_not_followed_with_our_key():
    visits: list[str] = []

    async def note(exchange: Exchange) -> None:
        visits.append(exchange.request.path)
        await exchange.json(200, {"text": "stolen"})

    async with WireServer(note) as elsewhere, SpeechStandin() as standin:
        standin.script(Status(307, {"location": f"http://127.0.0.1:{elsewhere.port}/x"}))

        assert isinstance(await failure_of(standin), WorkerFailed)

    assert visits == []


async def test_nobody_at_the_address_has_failed():
    async with SpeechStandin() as standin:
        settings = standin.azure()
    recogniser = AzureTranscriptions(settings_with(**settings))

    with pytest.raises(WorkerFailed):
        await recogniser.transcribe(SPEECH)
    checks = await recogniser.diagnose()
    await recogniser.aclose()

    assert [check.ok for check in checks] == [False] * 5
    assert "AZURE_OPENAI_ENDPOINT" in checks[0].detail


async def test_diagnosis_blames_the_name_that_is_wrong():
    async with SpeechStandin() as standin:
        async with recogniser_of(standin, azure_openai_stt_deployment="other") as recogniser:
            checks = await recogniser.diagnose()

    assert {check.name: check.ok for check in checks} == {
        "transcription_endpoint": True,
        "transcription_key": True,
        "transcription_api_version": True,
        "transcription_deployment": False,
        "transcription_completion": False,
    }


async def test_cancelled_pass_lets_go_of_its_connection():
    async with SpeechStandin() as standin, recogniser_of(standin) as recogniser:
        standin.script(Raw([b"{"], end="hang"))
        task = asyncio.create_task(recogniser.transcribe(SPEECH))
        async with asyncio.timeout(10):
            while not standin.requests:  # noqa: ASYNC110 - the stand-in has no event for it
                await asyncio.sleep(0.01)

            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await standin.requests[0].gone.wait()


def test_resource_without_its_settings_cannot_be_made():
    with pytest.raises(SettingsError, match="AZURE_OPENAI_STT_DEPLOYMENT"):
        AzureTranscriptions(settings_with())
