"""espeak-ng's voice: not a beautiful one, but there at once, and for everybody."""

from collections.abc import AsyncGenerator
from typing import Any, Final, Literal, cast

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]

from app.speech.base import BYTES_PER_SAMPLE, AudioPiece, Speech, Synthesiser, WordEnd
from app.speech.engines.fair_slots import FairSlots
from app.speech.engines.tts.espeak_engine import EspeakEngine, load_engine
from app.speech.engines.tts.timing import nothing_said, proportional
from app.speech.reading import read_aloud, spoken_text
from config.voice_settings import VoiceSettings

RATE_HZ: Final = 24_000

_WORDS_PER_MINUTE: Final = 150
_AT_ONCE: Final = 4
_resample = cast(Any, soxr).resample


class EspeakSynthesiser:
    """Speaks by espeak-ng, each clause in one piece; see `Synthesiser`.

    Args:
        engine: Runs already; closed with this.
        queue: How many clauses may wait; of one owner half of them.
        shortfall: Why it speaks and not the voice that was asked for.

    Attributes:
        shortfall: The same; empty where it is the one that was asked for.
    """

    name: Literal["azure", "local", "espeak"] = "espeak"
    sample_rate_hz = RATE_HZ

    def __init__(self, engine: EspeakEngine, *, queue: int = 64, shortfall: str = "") -> None:
        self.shortfall = shortfall
        self._engine = engine
        # Phonemes, which take less, are let past those that wait here.
        self._slots = FairSlots(_AT_ONCE, queue, None, "espeak-ng")

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """Say one clause, as `Synthesiser.speak` promises."""
        tokens = read_aloud(speech.text, speech.language)
        if not tokens:
            yield AudioPiece(b"", nothing_said(speech.text))
            return
        owner, urgency = speech.owner or speech.talk, 0 if speech.is_first else 1
        pace = round(_WORDS_PER_MINUTE * min(max(speech.speed, 0.5), 2.0))
        async with self._slots.hold(owner, urgency):
            sound, rate_hz = await self._engine.sound(
                spoken_text(tokens), speech.language, pace, urgency, owner
            )
        samples = np.frombuffer(sound, dtype="<i2")
        pcm = cast(bytes, _resample(samples, rate_hz, RATE_HZ).astype("<i2").tobytes())
        length_ms = len(pcm) / (RATE_HZ * BYTES_PER_SAMPLE) * 1000
        words = proportional(tokens, length_ms)
        yield AudioPiece(pcm, (*words[:-1], WordEnd(len(speech.text), length_ms)))

    def give_up(self, talk: str) -> None:
        """Keep no time for anybody."""

    def heard(self, talk: str) -> None:
        """Count nothing."""

    @property
    def workers_lost(self) -> int:
        """How many of its processes have died or hung so far."""
        return self._engine.workers_lost

    async def aclose(self) -> None:
        """End the process."""
        await self._engine.aclose()


async def load(settings: VoiceSettings) -> Synthesiser:
    """Start espeak-ng.

    Raises:
        NotAvailable: It is not installed.
        WorkerFailed: It cannot be loaded.
    """
    return EspeakSynthesiser(await load_engine(settings), queue=settings.tts_queue)
