"""The voice of this machine: Kokoro as far as its time goes, espeak-ng for the rest."""

import asyncio
import logging
import os
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, Literal

from app.errors import AgentError, Locale, VoiceBusy, WorkerFailed
from app.speech.base import BYTES_PER_SAMPLE, AudioPiece, Speech, Synthesiser
from app.speech.engines.core_sharing import Haste
from app.speech.engines.tts.espeak import EspeakSynthesiser
from app.speech.engines.tts.espeak_engine import load_engine
from app.speech.engines.tts.kokoro import RATE_HZ, VOICES, KokoroSynthesiser, pool_of
from app.speech.engines.tts.load import TtsAdmission
from app.speech.engines.tts.openings import COMMON, PrefetchCache
from app.speech.models.catalogue import KOKORO, VOICES_FILE, missing_files
from config.voice_settings import VoiceSettings

logger = logging.getLogger(__name__)

_INSTEAD: Final = "espeak-ng speaks in Kokoro's place: {}"
_WARMING: Final = 9
"""The urgency of what nobody waits for."""

_LOOK_AGAIN_S: Final = 1.0
_MAX_THREADS: Final = 4


class LocalVoice:
    """Speaks an answer by Kokoro, or, where that has no time for it, by the substitute; see `Synthesiser`.

    Which of them speaks is decided at an answer's first clause, so that no answer changes its voice; but an
    answer whose Kokoro fails before a clause has begun to sound goes on by the substitute.

    Args:
        kokoro: Its workers may still be starting.
        answers: The same that `kokoro` tells what it makes.
        substitute: Speaks at the same rate; None where there is none.

    Attributes:
        answers_begun: How many answers were heard of each; what was only rehearsed is none.
    """

    name: Literal["azure", "local", "espeak"] = "local"
    sample_rate_hz = RATE_HZ
    voices = (*VOICES["es"], *VOICES["en"])

    def __init__(
        self,
        kokoro: KokoroSynthesiser,
        answers: TtsAdmission,
        substitute: Synthesiser | None,
        openings: PrefetchCache | None = None,
    ) -> None:
        self.openings = openings or PrefetchCache()
        self.answers_begun = Counter[str](kokoro=0, espeak=0)
        self._kokoro = kokoro
        self._answers = answers
        self._substitute = substitute
        self._warming: asyncio.Task[None] | None = None

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        """Say one clause, as `Synthesiser.speak` promises."""
        if self._may_use_kokoro(speech):
            has_sounded = False
            try:
                async with aclosing(self._by_kokoro(speech)) as pieces:
                    async for piece in pieces:
                        has_sounded = has_sounded or bool(piece.pcm)
                        yield piece
                return
            except (WorkerFailed, VoiceBusy) as exc:
                self._answers.give_up(speech.talk)
                if has_sounded or self._substitute is None:
                    raise
                logger.warning("voice_replaced", extra={"facts": exc.facts})
        if self._substitute is None:
            raise VoiceBusy("Kokoro speaks as many answers as it can")
        async with aclosing(self._substitute.speak(speech)) as pieces:
            async for piece in pieces:
                yield piece

    def give_up(self, talk: str) -> None:
        """Nobody will hear the rest of what was said in this talk: others may have Kokoro at once."""
        self._answers.give_up(talk)

    def heard(self, talk: str) -> None:
        """Count the answer for the voice that speaks it."""
        if self._answers.knows(talk):
            self.answers_begun["kokoro" if self._answers.may_use(talk) else "espeak"] += 1

    def warm(self, speed: float) -> None:
        """Begin to make the common openings, while nobody is spoken to."""
        self._warming = asyncio.create_task(self._make_openings(speed), name="warm the voice")

    @property
    def haste(self) -> Haste:
        """Who is waited for."""
        return self._kokoro.haste

    @haste.setter
    def haste(self, value: Haste) -> None:
        self._kokoro.haste = value

    @property
    def workers_lost(self) -> int:
        """How many of its processes have died or hung so far."""
        substitute = self._substitute
        return self._kokoro.workers_lost + (
            substitute.workers_lost if isinstance(substitute, EspeakSynthesiser) else 0
        )

    async def aclose(self) -> None:
        """End the workers."""
        if self._warming is not None:
            self._warming.cancel()
            await asyncio.wait({self._warming})
        await self._kokoro.aclose()
        if self._substitute is not None:
            await self._substitute.aclose()

    def _may_use_kokoro(self, speech: Speech) -> bool:
        answers, now = self._answers, asyncio.get_running_loop().time()
        if speech.is_first or not answers.knows(speech.talk):
            answers.begin(speech.talk, now, speech.owner)
            if not self._kokoro.is_ready:
                answers.give_up(speech.talk)
        return answers.may_use(speech.talk)

    async def _by_kokoro(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        voice = self._kokoro.voice_of(speech)
        kept = self.openings.find(voice, speech)
        if kept is not None:
            now = asyncio.get_running_loop().time()
            self._answers.add_sound(speech.talk, len(kept.pcm) / (RATE_HZ * BYTES_PER_SAMPLE), now)
            yield kept
            return
        is_worth_keeping = self.openings.recurs(voice, speech)
        made: list[AudioPiece] = []
        async with aclosing(self._kokoro.speak(speech)) as pieces:
            async for piece in pieces:
                if is_worth_keeping:
                    made.append(piece)
                yield piece
        self.openings.keep(voice, speech, made)

    async def _make_openings(self, speed: float) -> None:
        try:
            for language, texts in COMMON.items():
                for text in texts:
                    await self._make_opening(Speech(text, language, speed=speed))
        except AgentError as exc:
            # They are made when they are wanted.
            logger.warning("openings_not_made", extra={"facts": exc.facts})

    async def _make_opening(self, speech: Speech) -> None:
        now = asyncio.get_running_loop().time
        # Answers end by the clock, when their sound has been played: there is no event to wait for.
        while self._answers.speaking(now()):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_S)
        async with aclosing(self._kokoro.speak(speech, _WARMING)) as pieces:
            made = [piece async for piece in pieces]
        self.openings.keep(self._kokoro.voice_of(speech), speech, made)


async def load(settings: VoiceSettings) -> Synthesiser:
    """Start Kokoro; espeak-ng takes its place where its model is missing, is broken, or cannot start.

    Raises:
        NotAvailable: There is no espeak-ng, whose phonemes Kokoro speaks.
        WorkerFailed: espeak-ng cannot be loaded.
    """
    # Reads the model where it has changed since it was read last.
    missing = await asyncio.to_thread(missing_files, (KOKORO,), settings.models_dir)
    engine = await load_engine(settings)
    if missing:
        why = f"{settings.models_dir / missing[0].path} is missing or broken"
        logger.error("kokoro_not_started", extra={"facts": why})
        return EspeakSynthesiser(engine, queue=settings.tts_queue, shortfall=_INSTEAD.format(why))
    pool = pool_of(
        settings.models_dir / KOKORO.files[0].path,
        VOICES_FILE,
        size=settings.tts_workers,
        threads=_threads(settings.tts_workers),
        queue=settings.tts_queue,
        timeout_s=settings.tts_timeout_s,
    )
    try:
        await pool.start()
    except WorkerFailed as exc:
        logger.error("kokoro_not_started", extra={"facts": exc.facts})
        return EspeakSynthesiser(engine, queue=settings.tts_queue, shortfall=_INSTEAD.format(exc.facts))
    except BaseException:
        await engine.aclose()
        raise
    answers = TtsAdmission(settings.tts_workers)
    voices: dict[Locale, str] = {"es": settings.tts_voice_es, "en": settings.tts_voice_en}
    kokoro = KokoroSynthesiser(pool, engine.phonemes, voices, answers)
    voice = LocalVoice(kokoro, answers, EspeakSynthesiser(engine, queue=settings.tts_queue))
    voice.warm(settings.tts_speed)
    return voice


def _threads(workers: int) -> int:
    return max(1, min(_MAX_THREADS, (os.cpu_count() or 1) // workers))
