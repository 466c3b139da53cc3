"""A transcription model on the Azure OpenAI resource, as a recogniser."""

import io
import wave
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal, cast

import orjson
from openai import AsyncAzureOpenAI

from app.errors import Locale, VoiceBusy, WorkerFailed
from app.llm.base import Check
from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, Transcription, Utterance
from app.speech.engines.azure import AzureSpeech
from app.speech.engines.fair_slots import FairSlots
from app.speech.engines.stt.checks import is_made_up, without_asides
from app.speech.engines.stt.credits import without_credits
from app.speech.engines.stt.loops import without_repeats
from app.speech.language import clause_language
from config.voice_settings import VoiceSettings

_MAX_ANSWER_BYTES: Final = 1 << 20
_SHORTEST_S: Final = 0.1
"""The service refuses shorter sound."""
_SHORT_SPEECH_S: Final = 1.4
"""With the margins around it; under it the language cannot be told for sure."""
_MAX_PROMPT_CHARS: Final = 500
_MAX_TEXT_CHARS: Final = 100_000
"""More than anybody says in the longest clip."""


class AzureTranscriptions:
    """Speech to text by Azure OpenAI; see `Recogniser`.

    Args:
        settings: With endpoint, key, api-version and `AZURE_OPENAI_STT_DEPLOYMENT`.

    Raises:
        SettingsError: A setting is missing, or the key cannot be one.
    """

    name: Literal["azure", "local"] = "azure"

    def __init__(self, settings: VoiceSettings) -> None:
        self._speech = AzureSpeech(settings, "AZURE_OPENAI_STT_DEPLOYMENT", settings.stt_timeout_s)
        # As many passes at once as there would be workers and places before them; as many more may wait.
        self._slots = FairSlots(
            settings.stt_workers + settings.stt_queue,
            settings.stt_queue,
            settings.stt_timeout_s,
            "transcription by the service",
        )

    @property
    def has_idle_worker(self) -> bool:
        """Never: each pass is paid for, and partial ones are many."""
        return False

    async def start(self) -> None:
        """Nothing to start: connections are made when they are needed."""

    async def transcribe(self, utterance: Utterance) -> Transcription:
        """Understand one utterance, as `Recogniser.transcribe` promises."""
        if utterance.urgency == "partial":
            raise VoiceBusy("partial transcripts are not asked of a service that is paid by the pass")
        if len(utterance.pcm) < _SHORTEST_S * EAR_RATE_HZ * BYTES_PER_SAMPLE:
            return Transcription("", _language_before(utterance), 0.0)
        async with self._slots.hold(utterance.owner, 1 if utterance.urgency == "clip" else 0):
            body = await self._speech.whole(_Request(utterance), _MAX_ANSWER_BYTES)
        return _transcript(_text_in(body), utterance)

    async def diagnose(self) -> list[Check]:
        """Try the model with half a second of silence."""
        silence = Utterance(bytes(EAR_RATE_HZ * BYTES_PER_SAMPLE // 2))
        return await self._speech.diagnose(_Request(silence), "transcription")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._speech.aclose()


class _Request:
    """One utterance, as a request; may be sent more than once."""

    def __init__(self, utterance: Utterance) -> None:
        self._clip = wav_of(utterance.pcm)
        self._fields: dict[str, Any] = {"response_format": "json"}
        is_short = len(utterance.pcm) < _SHORT_SPEECH_S * EAR_RATE_HZ * BYTES_PER_SAMPLE
        if utterance.language != "auto" or is_short:
            self._fields["language"] = _language_before(utterance)
        if utterance.prompt:
            self._fields["prompt"] = utterance.prompt[:_MAX_PROMPT_CHARS]

    def __call__(self, client: AsyncAzureOpenAI, deployment: str) -> AbstractAsyncContextManager[Any]:
        create = cast(Any, client.audio.transcriptions.with_streaming_response.create)
        return create(model=deployment, file=("speech.wav", self._clip, "audio/wav"), **self._fields)


def wav_of(pcm: bytes) -> bytes:
    """Return the sound with the header that says what it is."""
    sink = io.BytesIO()
    with wave.open(sink, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(BYTES_PER_SAMPLE)
        file.setframerate(EAR_RATE_HZ)
        file.writeframes(pcm)
    return sink.getvalue()


def _text_in(body: bytes) -> str:
    try:
        decoded = orjson.loads(body)
    except orjson.JSONDecodeError as exc:
        raise WorkerFailed("an answer that is no JSON") from exc
    text = cast(dict[str, Any], decoded).get("text") if isinstance(decoded, dict) else None
    if not isinstance(text, str):
        raise WorkerFailed("an answer without text")
    return text


def _transcript(text: str, utterance: Utterance) -> Transcription:
    words = without_repeats(without_credits(without_asides(text[:_MAX_TEXT_CHARS])))
    # The service does not say how sure it is.
    if is_made_up(words, 1.0):
        return Transcription("", _language_before(utterance), 0.0)
    before = _language_before(utterance)
    return Transcription(words, before if utterance.language != "auto" else clause_language(words, before))


def _language_before(utterance: Utterance) -> Locale:
    return utterance.hint if utterance.language == "auto" else utterance.language
