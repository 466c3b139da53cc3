"""A speech model on the Azure OpenAI resource, as a synthesiser."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, Literal, cast

from openai import AsyncAzureOpenAI

from app.errors import Locale, WorkerFailed
from app.llm.base import Check
from app.speech.base import BYTES_PER_SAMPLE, AudioPiece, Speech, Synthesiser, WordEnd
from app.speech.engines.azure import AzureSpeech, Create
from app.speech.engines.fair_slots import FairSlots
from app.speech.engines.tts.timing import nothing_said, proportional
from app.speech.reading import read_aloud, spoken_text
from app.speech.voices import find_voice, voice_called
from config.voice_settings import VoiceSettings

RATE_HZ: Final = 24_000
"""Of the format that the service calls `pcm`."""

VOICES: Final = tuple(
    map(voice_called, "alloy ash ballad coral echo fable nova onyx sage shimmer verse".split())
)
_SPANISH: Final = "nova"
_ENGLISH: Final = "alloy"

_MAX_INPUT_CHARS: Final = 4096
_MAX_SOUND_S: Final = 300


class AzureVoice:
    """Text to speech by Azure OpenAI; see `Synthesiser`.

    Args:
        settings: With endpoint, key, api-version and `AZURE_OPENAI_TTS_DEPLOYMENT`.

    Raises:
        SettingsError: A setting is missing, or the key cannot be one.
    """

    name: Literal["azure", "local", "espeak"] = "azure"
    sample_rate_hz = RATE_HZ
    voices = VOICES

    def __init__(self, settings: VoiceSettings) -> None:
        self._speech = AzureSpeech(settings, "AZURE_OPENAI_TTS_DEPLOYMENT", settings.tts_timeout_s)
        self._defaults: dict[Locale, str] = {
            "es": find_voice(settings.tts_voice_es, VOICES) or _SPANISH,
            "en": find_voice(settings.tts_voice_en, VOICES) or _ENGLISH,
        }
        self._timeout_s = settings.tts_timeout_s
        # As many at once as could be said by a worker and wait for it; as many more may wait for those.
        self._slots = FairSlots(
            settings.tts_queue + 1, settings.tts_queue, settings.tts_timeout_s, "speech by the service"
        )

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """Say one clause, as it comes from the service, as `Synthesiser.speak` promises.

        A request that fails is sent once more, but never after its sound has begun to come.
        """
        tokens = read_aloud(speech.text, speech.language)
        if not tokens:
            yield AudioPiece(b"", nothing_said(speech.text))
            return
        sent = 0
        async with self._slots.hold(speech.owner or speech.talk, 0 if speech.is_first else 1):
            async for pcm in self._sound(self._request(spoken_text(tokens), speech)):
                sent += len(pcm)
                yield AudioPiece(pcm)
        length_ms = sent / (RATE_HZ * BYTES_PER_SAMPLE) * 1000
        words = proportional(tokens, length_ms)
        yield AudioPiece(b"", (*words[:-1], WordEnd(len(speech.text), length_ms)))

    def give_up(self, talk: str) -> None:
        """Keep no time for anybody."""

    def heard(self, talk: str) -> None:
        """Count nothing."""

    async def diagnose(self) -> list[Check]:
        """Try the model with one word."""
        return await self._speech.diagnose(self._request("Hola", Speech("Hola", "es")), "speech")

    async def aclose(self) -> None:
        """Close the connections."""
        await self._speech.aclose()

    async def _sound(self, create: Create) -> AsyncGenerator[bytes, None]:
        """Whole samples, as they come."""
        odd, count = b"", 0
        async with self._speech.answer(create) as body:
            while piece := await self._read(body):
                count += len(piece)
                if count > _MAX_SOUND_S * RATE_HZ * BYTES_PER_SAMPLE:
                    raise WorkerFailed(f"more than {_MAX_SOUND_S} s of sound for a clause")
                piece = odd + piece
                whole = len(piece) - len(piece) % BYTES_PER_SAMPLE
                odd = piece[whole:]
                if whole:
                    yield piece[:whole]
        if count < BYTES_PER_SAMPLE:
            raise WorkerFailed("an answer without sound")

    async def _read(self, body: Any) -> bytes:
        try:
            async with asyncio.timeout(self._timeout_s):
                return cast(bytes, await body.read())
        except TimeoutError:
            raise WorkerFailed(f"no more sound in {self._timeout_s:g} s") from None

    def _request(self, text: str, speech: Speech) -> Create:
        voice = find_voice(speech.voice, VOICES) or self._defaults[speech.language]
        speed = min(max(speech.speed, 0.5), 2.0)

        def create(client: AsyncAzureOpenAI, deployment: str) -> AbstractAsyncContextManager[Any]:
            return cast(Any, client.audio.speech.with_streaming_response.create)(
                model=deployment,
                voice=voice,
                input=text[:_MAX_INPUT_CHARS],
                response_format="pcm",
                speed=speed,
            )

        return create


async def load(settings: VoiceSettings) -> Synthesiser:
    """Return the service; connections are made when they are needed.

    Raises:
        SettingsError: A setting is missing, or the key cannot be one.
    """
    return AzureVoice(settings)
