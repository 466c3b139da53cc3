import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.errors import VoiceBusy, WorkerFailed
from app.speech.base import Speech
from app.speech.engines.tts.espeak import EspeakSynthesiser, load
from app.speech.engines.tts.espeak_engine import EspeakEngine, library_or_refusal, running
from app.speech.engines.tts.espeak_library import EspeakLibrary
from tests.support.context import settings_with
from tests.support.synthesis import all_of, check_promises, need_espeak, sound_of, words_in


@pytest.fixture
async def espeak() -> AsyncIterator[EspeakSynthesiser]:
    need_espeak()
    async with running(library_or_refusal()) as engine:
        yield EspeakSynthesiser(engine)


@pytest.mark.timeout(180)
async def test_voice_says_the_words(espeak: EspeakSynthesiser, tmp_path: Path):
    text = "**Son las 10:30**, y el resultado es 4. El tiempo en Barcelona es soleado. 😀"

    pieces = await all_of(espeak.speak(Speech(text, "es")))

    check_promises(espeak, text, pieces)
    assert 4 < len(sound_of(pieces)) / 48_000 < 12
    heard = await words_in(sound_of(pieces), "es", tmp_path)
    # "cuadro", as the recogniser has it with some processors' arithmetic.
    assert "media" in heard and "resultado" in heard and ("cuatro" in heard or "cuadro" in heard)


async def test_speed_and_language_are_heeded(espeak: EspeakSynthesiser):
    text = "The weather in Barcelona is sunny today."

    slow, fast = [
        len(sound_of(await all_of(espeak.speak(Speech(text, "en", speed=speed))))) for speed in (0.5, 2.0)
    ]
    spanish = sound_of(await all_of(espeak.speak(Speech(text, "es", speed=2.0))))

    assert slow > 2 * fast
    assert len(spanish) != fast


async def test_clause_is_as_long_as_ever_whatever_was_said_before(espeak: EspeakSynthesiser):
    first = sound_of(await all_of(espeak.speak(Speech("Son las dos.", "es"))))
    await all_of(espeak.speak(Speech("It is two.", "en", speed=2.0)))

    again = sound_of(await all_of(espeak.speak(Speech("Son las dos.", "es"))))
    # Its voice flutters a little by chance.
    assert len(again) == pytest.approx(len(first), rel=0.03)


async def test_text_with_nothing_to_say_asks_no_process():
    [piece] = await all_of(
        EspeakSynthesiser(EspeakEngine(EspeakLibrary("/nowhere"))).speak(Speech("😀", "es"))
    )

    assert piece.pcm == b"" and piece.words[-1].chars == 1


async def test_engine_that_is_not_running_is_a_failure():
    with pytest.raises(WorkerFailed):
        await all_of(EspeakSynthesiser(EspeakEngine(EspeakLibrary("/nowhere"))).speak(Speech("hola", "es")))


async def test_too_many_clauses_are_refused():
    engine = EspeakEngine(EspeakLibrary("/nowhere"), timeout_s=1, kind="tests.support.espeak_worker")
    await engine.start()
    espeak = EspeakSynthesiser(engine, queue=1)
    waiting = [
        asyncio.create_task(all_of(espeak.speak(Speech("hang", "en", owner=f"{number}"))))
        for number in range(6)
    ]

    results = await asyncio.gather(*waiting, return_exceptions=True)
    await espeak.aclose()

    assert isinstance(results[5], VoiceBusy)
    assert all(isinstance(result, WorkerFailed | VoiceBusy) for result in results)


async def test_clause_that_is_given_up_leaves_the_next_one_well(espeak: EspeakSynthesiser):
    task = asyncio.create_task(all_of(espeak.speak(Speech("palabra " * 200, "es"))))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait({task})

    assert sound_of(await all_of(espeak.speak(Speech("hola", "es"))))
    assert espeak.workers_lost == 0


async def test_settings_that_ask_for_it_get_it():
    need_espeak()
    voice = await load(settings_with(tts_provider="espeak"))

    assert voice.name == "espeak"
    await voice.aclose()
