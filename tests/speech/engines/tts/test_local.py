"""Which voice speaks an answer, and what happens when Kokoro has no time or fails."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.base import AudioPiece, Speech, WordEnd
from app.speech.engines.tts.kokoro import KokoroSynthesiser
from app.speech.engines.tts.load import TtsAdmission
from app.speech.engines.tts.loader import load_synthesiser
from app.speech.engines.tts.local import LocalVoice
from app.speech.engines.tts.openings import COMMON, PrefetchCache
from app.speech.engines.workers import WorkerPool
from app.speech.models.catalogue import KOKORO
from tests.support.context import settings_with
from tests.support.models import MODELS_DIR, model
from tests.support.synthesis import all_of, check_promises, letters, need_espeak, sound_of

SUBSTITUTE = b"\x7f\x7f"


class Plain:
    """The substitute: its sound shows that it spoke."""

    name: Literal["azure", "local", "espeak"] = "espeak"
    sample_rate_hz = 24_000

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        yield AudioPiece(SUBSTITUTE, (WordEnd(len(speech.text), 0.0),))

    def give_up(self, talk: str) -> None:
        pass

    def heard(self, talk: str) -> None:
        pass

    async def aclose(self) -> None:
        pass


@asynccontextmanager
async def voice_with(
    substitute: Plain | None = None, ratio: float = 0.7, **values: Any
) -> AsyncIterator[LocalVoice]:
    """Steps in Kokoro's place, on a machine that needs so many seconds for one of sound."""
    options = {"seconds_per_step": ratio / 80}
    pool = WorkerPool("tests.support.step_worker", options, **{"queue": 8, "timeout_s": 20, **values})
    await pool.start()
    answers = TtsAdmission(1)
    for _ in range(100):
        answers.measure(ratio, 1.0, asyncio.get_running_loop().time())
    voice = LocalVoice(
        KokoroSynthesiser(pool, letters, {"es": "ef_dora", "en": "af_heart"}, answers), answers, substitute
    )
    try:
        yield voice
    finally:
        await voice.aclose()


def clause(text: str, talk: str = "a", is_first: bool = False) -> Speech:
    return Speech(text, "es", talk=talk, is_first=is_first)


async def say(voice: LocalVoice, speech: Speech) -> bytes:
    return sound_of(await all_of(voice.speak(speech)))


async def test_second_answer_at_the_same_time_gets_the_substitute_for_all_of_it():
    async with voice_with(Plain()) as voice:
        first = await say(voice, clause("uno dos tres", "a", is_first=True))
        second = await say(voice, clause("uno dos tres", "b", is_first=True))

        assert len(first) > 1000 and second == SUBSTITUTE
        assert len(await say(voice, clause("cuatro", "a"))) > 1000
        assert await say(voice, clause("cuatro", "b")) == SUBSTITUTE

        assert voice.answers_begun == {"kokoro": 0, "espeak": 0}
        voice.heard("a")
        voice.heard("b")
        assert voice.answers_begun == {"kokoro": 1, "espeak": 1}


async def test_answer_counts_for_the_voice_that_is_heard():
    async with voice_with(Plain()) as voice:
        await say(voice, clause("rehearsed", is_first=True))
        await say(voice, clause("imposible", is_first=True))
        voice.heard("a")
        voice.heard("nobody")

        assert voice.answers_begun == {"kokoro": 0, "espeak": 1}


async def test_answer_that_nobody_will_hear_leaves_its_time_to_others():
    async with voice_with(Plain()) as voice:
        await say(voice, clause("uno dos tres", "a", is_first=True))
        voice.give_up("a")

        assert len(await say(voice, clause("uno dos tres", "b", is_first=True))) > 1000
        assert await say(voice, clause("uno", "a", is_first=True)) == SUBSTITUTE


async def test_fast_machine_speaks_both():
    async with voice_with(Plain(), ratio=0.2) as voice:
        await say(voice, clause("uno dos tres", "a", is_first=True))

        assert len(await say(voice, clause("uno dos tres", "b", is_first=True))) > 1000


async def test_without_a_substitute_the_second_answer_is_refused_and_the_first_goes_on():
    async with voice_with(None) as voice:
        await say(voice, clause("uno dos tres", "a", is_first=True))

        with pytest.raises(VoiceBusy):
            await say(voice, clause("uno", "b", is_first=True))
        assert len(await say(voice, clause("cuatro", "a"))) > 1000


async def test_clause_that_fails_before_it_sounds_is_said_by_the_substitute_and_so_is_the_rest():
    async with voice_with(Plain()) as voice:
        await say(voice, clause("uno", is_first=True))

        assert await say(voice, clause("imposible")) == SUBSTITUTE
        assert await say(voice, clause("dos")) == SUBSTITUTE


async def test_next_answer_has_its_voice_again():
    async with voice_with(Plain()) as voice:
        assert await say(voice, clause("imposible", is_first=True)) == SUBSTITUTE

        assert len(await say(voice, clause("uno", is_first=True))) > 1000


async def test_clause_that_fails_while_it_sounds_is_a_failure():
    heard = b""
    async with voice_with(Plain()) as voice:
        with pytest.raises(WorkerFailed):
            async for piece in voice.speak(clause("rompe dos tres cuatro cinco seis siete", is_first=True)):
                heard += piece.pcm

    assert heard and SUBSTITUTE not in heard[-2:]


async def test_opening_that_recurs_is_heard_at_once():
    async with voice_with(Plain()) as voice:
        for _ in range(2):
            made = await all_of(voice.speak(clause("Buenas,", is_first=True)))
        [kept] = await all_of(voice.speak(clause("Buenas, ", is_first=True)))

    assert kept.pcm == sound_of(made)
    assert kept.words[-1].chars == 8


async def test_common_openings_are_made_in_the_background():
    async with voice_with(Plain()) as voice:
        voice.warm(1.0)
        async with asyncio.timeout(20):
            # The voice does not tell: nobody but a test wants to know.
            while len(voice.openings) < sum(map(len, COMMON.values())):  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        [kept] = await all_of(voice.speak(clause("Claro,", is_first=True)))

    assert kept.pcm


async def test_closing_while_openings_are_made_leaves_nothing():
    async with voice_with(Plain()) as voice:
        voice.warm(1.0)

    assert isinstance(voice.openings, PrefetchCache)


async def test_missing_model_leaves_the_substitute():
    need_espeak()

    voice = await load_synthesiser(settings_with(models_dir=MODELS_DIR / "nowhere", tts_provider="local"))

    assert voice is not None and voice.name == "espeak"
    await voice.aclose()


@pytest.mark.timeout(180)
async def test_settings_load_the_real_voice():
    need_espeak()
    model(KOKORO.files[0].path)

    voice = await load_synthesiser(settings_with(models_dir=MODELS_DIR, tts_provider="local"))
    assert voice is not None
    pieces = await all_of(voice.speak(Speech("Vale, son 4 €.", "es", is_first=True)))
    await voice.aclose()

    assert voice.name == "local"
    check_promises(voice, "Vale, son 4 €.", pieces)
