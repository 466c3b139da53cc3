"""The pieces of a clause, joined from a worker's steps; and the real model, heard by whisper."""

import asyncio
from array import array
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.base import Speech
from app.speech.engines.tts.espeak_engine import library_or_refusal, running
from app.speech.engines.tts.kokoro import SHORTEST, Front, KokoroSynthesiser, pool_of
from app.speech.engines.tts.load import TtsAdmission
from app.speech.engines.workers import WorkerPool
from app.speech.models.catalogue import KOKORO, VOICES_FILE
from tests.support.models import model
from tests.support.step_worker import SILENT, STEPS_PER_TOKEN
from tests.support.synthesis import all_of, check_promises, letters, need_espeak, sound_of, words_in

SAMPLES = 300
LEAD_IN = 5


@asynccontextmanager
async def stepping(
    options: dict[str, Any] | None = None, answers: TtsAdmission | None = None, **values: Any
) -> AsyncIterator[KokoroSynthesiser]:
    """Kokoro with workers that count steps instead of speaking."""
    pool = WorkerPool("tests.support.step_worker", options, **{"queue": 8, "timeout_s": 20, **values})
    await pool.start()
    kokoro = KokoroSynthesiser(pool, letters, {"es": "ef_dora", "en": "af_heart"}, answers or TtsAdmission(1))
    try:
        yield kokoro
    finally:
        await kokoro.aclose()


def steps_in(pcm: bytes) -> list[int]:
    """The step in the middle of each step's samples, where no fade reaches."""
    return array("h", pcm)[SAMPLES // 2 + 10 :: SAMPLES].tolist()


async def test_pieces_joined_are_the_clause_without_its_silent_head():
    text = "uno dos tres cuatro cinco seis"
    async with stepping() as kokoro:
        pieces = await all_of(kokoro.speak(Speech(text, "es")))

    check_promises(kokoro, text, pieces)
    assert steps_in(sound_of(pieces)) == list(range(SILENT - LEAD_IN, SILENT + 6 * STEPS_PER_TOKEN))
    assert len(pieces[0].pcm) == SHORTEST * SAMPLES * 2
    assert len(pieces) > 3


async def test_words_come_with_the_piece_in_which_they_end():
    async with stepping() as kokoro:
        pieces = await all_of(kokoro.speak(Speech("uno dos 25 fin", "es")))

    ends = [(word.chars, word.ms) for piece in pieces for word in piece.words]
    step_ms = 12.5
    assert ends == [
        (chars, (LEAD_IN + STEPS_PER_TOKEN * number) * step_ms)
        for chars, number in ((3, 1), (7, 2), (10, 3), (14, 4), (14, 4))
    ]
    assert pieces[0].words == pieces[0].words[:1]


async def test_clause_that_is_too_long_for_the_model_is_said_in_parts():
    text = "uno dos tres cuatro cinco"
    async with stepping({"most_tokens": 2}) as kokoro:
        pieces = await all_of(kokoro.speak(Speech(text, "es")))

    check_promises(kokoro, text, pieces)
    ends = [word.chars for piece in pieces for word in piece.words]
    assert ends == [3, 7, 12, 19, 25, 25]


async def test_text_with_nothing_to_say_makes_no_sound():
    async with stepping() as kokoro:
        [piece] = await all_of(kokoro.speak(Speech("😀 ", "es")))

    assert piece.pcm == b"" and piece.words[-1].chars == 2


async def test_first_clause_of_another_talk_comes_between_the_pieces_of_a_later_one():
    order: list[str] = []

    async def say(kokoro: KokoroSynthesiser, speech: Speech, mark: str, begun: asyncio.Event) -> None:
        async for piece in kokoro.speak(speech):
            order.append(mark if piece.pcm else mark.upper())
            begun.set()

    async with stepping() as kokoro:
        begun = asyncio.Event()
        long = Speech("palabra " * 20, "es", talk="a")
        later = asyncio.create_task(say(kokoro, long, "a", begun))
        await begun.wait()
        await say(kokoro, Speech("ya", "es", talk="b", is_first=True), "b", begun)
        await later

    assert order.index("B") < order.index("A")


async def test_closing_the_generator_frees_the_worker():
    async with stepping() as kokoro:
        async with aclosing(kokoro.speak(Speech("palabra " * 20, "es"))) as pieces:
            await anext(pieces)
        assert len(await all_of(kokoro.speak(Speech("ya", "es")))) == 2


async def test_dead_worker_fails_its_clause_alone():
    async with stepping() as kokoro:
        with pytest.raises(WorkerFailed):
            await all_of(kokoro.speak(Speech("muere", "es")))
        assert sound_of(await all_of(kokoro.speak(Speech("ya", "es"))))


async def test_clause_that_the_worker_refuses_is_a_failure():
    async with stepping() as kokoro:
        with pytest.raises(WorkerFailed, match="unspeakable"):
            await all_of(kokoro.speak(Speech("imposible", "es")))


async def test_too_many_clauses_are_refused():
    async with stepping(queue=0) as kokoro:
        async with aclosing(kokoro.speak(Speech("palabra " * 20, "es"))) as pieces:
            await anext(pieces)
            several = [asyncio.create_task(all_of(kokoro.speak(Speech("ya", "es")))) for _ in range(8)]
            results = await asyncio.gather(*several, return_exceptions=True)

    assert any(isinstance(result, VoiceBusy) for result in results)


@pytest.mark.parametrize(("ratio", "steps"), [(0.5, SHORTEST), (0.8, SHORTEST), (1.2, 48), (3.0, 80)])
async def test_first_piece_is_the_longer_the_longer_the_next_one_takes(ratio: float, steps: int):
    answers = TtsAdmission(1)
    for _ in range(100):
        answers.measure(ratio, 1.0, asyncio.get_running_loop().time())
    async with stepping({"seconds_per_step": ratio / 80}, answers) as kokoro:
        pieces = await all_of(kokoro.speak(Speech("palabra " * 10, "es", talk="a", is_first=True)))

    assert len(pieces[0].pcm) == steps * SAMPLES * 2


async def test_sound_for_later_waits_while_a_user_is_being_understood():
    answers, now = TtsAdmission(1), asyncio.get_running_loop().time
    async with stepping(answers=answers) as kokoro:
        answers.begin("a", now())
        made: list[float] = []
        has_enough = asyncio.Event()

        async def say() -> None:
            async for _ in kokoro.speak(Speech("palabra " * 20, "es", talk="a", is_first=True)):
                made.append(answers.ahead_s("a", now()))
                if made[-1] > 1:
                    has_enough.set()

        with kokoro.haste.hearing():
            saying = asyncio.create_task(say())
            # What the listener waits for is made all the same.
            await has_enough.wait()
            await asyncio.wait({saying}, timeout=0.3)
            assert max(made) < 4
        await saying

    assert made[-1] > 4


async def test_talk_is_told_when_a_listener_waits_for_sound():
    async with stepping() as kokoro:
        async with aclosing(kokoro.speak(Speech("palabra " * 20, "es", talk="a"))) as pieces:
            piece = asyncio.ensure_future(anext(pieces))
            while not kokoro.haste.is_speaking:
                assert not piece.done()
                await asyncio.sleep(0)
            await piece
        assert not kokoro.haste.is_speaking


@pytest.mark.parametrize(
    ("voice", "language", "chosen"),
    [
        ("em_alex", "es", "em_alex"),
        ("am_michael", "en", "am_michael"),
        ("em_alex", "en", "af_heart"),
        ("nobody", "es", "ef_dora"),
        ("", "en", "af_heart"),
    ],
)
async def test_unknown_voice_is_the_languages_default(voice: str, language: Any, chosen: str):
    async with stepping() as kokoro:
        assert kokoro.voice_of(Speech("x", language, voice)) == chosen


def test_small_rest_is_made_with_the_piece_before_it():
    front = Front(b"", 100, 0, [], 0)

    assert front.end_after(0, 40) == 40
    assert front.end_after(40, 40) == 100


def test_pieces_fade_into_each_other():
    front = Front(b"", 100, 0, [], 0)
    loud, quiet = array("h", [1000] * 60 * SAMPLES).tobytes(), array("h", [0] * 60 * SAMPLES).tobytes()

    sound, tail = front.joined(loud, 0, 40, b"")
    after, _ = front.joined(quiet, 40, 80, tail)

    faded = array("h", after)[:121].tolist()
    assert len(sound) == len(after) == 40 * SAMPLES * 2
    assert faded == sorted(faded, reverse=True) and 900 < faded[0] < 1000 and faded[-1] == 0


@pytest.fixture
async def kokoro() -> AsyncIterator[KokoroSynthesiser]:
    need_espeak()
    pool = pool_of(model(KOKORO.files[0].path), VOICES_FILE, size=1, threads=2, queue=8, timeout_s=60)
    await pool.start()
    async with running(library_or_refusal()) as engine:
        yield KokoroSynthesiser(pool, engine.phonemes, {"es": "ef_dora", "en": "af_heart"}, TtsAdmission(1))
    await pool.aclose()


@pytest.mark.timeout(240)
async def test_real_voice_says_the_words(kokoro: KokoroSynthesiser, tmp_path: Path):
    spanish = "Claro que sí, son las 10:30 y hace 21 grados en Barcelona."
    english = "It is **half past ten**, and 25 percent is the better answer. 😀"

    said = await all_of(kokoro.speak(Speech(spanish, "es", "em_alex")))
    check_promises(kokoro, spanish, said)
    heard = await words_in(sound_of(said), "es", tmp_path)
    assert all(word in heard for word in ("claro que sí", "10", "media", "21", "grados", "barcelona"))

    said = await all_of(kokoro.speak(Speech(english, "en", speed=1.2)))
    check_promises(kokoro, english, said)
    heard = await words_in(sound_of(said), "en", tmp_path)
    assert all(word in heard for word in ("half past", "25", "better answer"))


@pytest.mark.timeout(240)
async def test_real_voice_is_slower_at_half_the_speed(kokoro: KokoroSynthesiser):
    slow = sound_of(await all_of(kokoro.speak(Speech("Buenos días.", "es", speed=0.5))))
    fast = sound_of(await all_of(kokoro.speak(Speech("Buenos días.", "es", speed=2.0))))

    assert len(slow) > 2 * len(fast)
