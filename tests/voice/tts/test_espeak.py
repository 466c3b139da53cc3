import asyncio
import os
from contextlib import aclosing
from pathlib import Path

import pytest

from app.errors import NotAvailable, VoiceBusy, WorkerFailed
from app.voice.base import Speech
from app.voice.tts.espeak import Espeak, load
from tests.support.context import settings_with
from tests.support.synthesis import all_of, check_promises, need_espeak, sound_of, words_in


def program(path: Path, script: str) -> str:
    """A program in espeak-ng's place."""
    file = path / "espeak"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return str(file)


@pytest.mark.timeout(180)
async def test_program_says_the_words(tmp_path: Path):
    need_espeak()
    espeak = Espeak()
    text = "**Son las 10:30**, y el resultado es 4. El tiempo en Barcelona es soleado. 😀"

    pieces = await all_of(espeak.speak(Speech(text, "es")))

    check_promises(espeak, text, pieces)
    assert 4 < len(sound_of(pieces)) / 48_000 < 12
    heard = await words_in(sound_of(pieces), "es", tmp_path)
    assert all(word in heard for word in ("media", "resultado", "barcelona"))


async def test_speed_and_language_are_heeded():
    need_espeak()
    espeak = Espeak()
    text = "The weather in Barcelona is sunny today."

    slow, fast = [
        len(sound_of(await all_of(espeak.speak(Speech(text, "en", speed=speed))))) for speed in (0.5, 2.0)
    ]
    spanish = sound_of(await all_of(espeak.speak(Speech(text, "es", speed=2.0))))

    assert slow > 2 * fast
    assert len(spanish) != fast


async def test_text_that_looks_like_an_option_is_said():
    need_espeak()

    assert sound_of(await all_of(Espeak().speak(Speech("--version", "es"))))


async def test_text_with_nothing_to_say_starts_no_program():
    [piece] = await all_of(Espeak(program="/nowhere").speak(Speech("😀", "es")))

    assert piece.pcm == b"" and piece.words[-1].chars == 1


async def test_missing_program_is_not_available():
    espeak = Espeak(program="/nowhere/espeak")

    assert not espeak.is_there
    with pytest.raises(NotAvailable):
        await all_of(espeak.speak(Speech("hola", "es")))


@pytest.mark.parametrize("script", ["exit 3", "cat >/dev/null; printf short", "exec sleep 60"])
async def test_program_that_fails_or_hangs_is_a_failure(script: str, tmp_path: Path):
    espeak = Espeak(program=program(tmp_path, script), timeout_s=0.5)

    with pytest.raises(WorkerFailed):
        await all_of(espeak.speak(Speech("hola", "es")))


async def test_too_many_clauses_are_refused(tmp_path: Path):
    espeak = Espeak(program=program(tmp_path, "exec sleep 60"), at_once=1, queue=1, timeout_s=1)
    waiting = [asyncio.create_task(all_of(espeak.speak(Speech("hola", "es")))) for _ in range(3)]

    results = await asyncio.gather(*waiting, return_exceptions=True)

    assert [type(result) for result in results] == [WorkerFailed, WorkerFailed, VoiceBusy]


async def test_cancelled_clause_ends_its_program(tmp_path: Path):
    mark = tmp_path / "pid"
    espeak = Espeak(program=program(tmp_path, f"echo $$ > {mark}.new; mv {mark}.new {mark}; exec sleep 60"))

    async def speak() -> None:
        async with aclosing(espeak.speak(Speech("hola", "es"))) as pieces:
            await anext(pieces)

    task = asyncio.create_task(speak())
    while not mark.exists():  # noqa: ASYNC110 - the program tells by a file
        await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.wait({task})

    with pytest.raises(ProcessLookupError):
        os.kill(int(mark.read_text()), 0)


async def test_settings_that_ask_for_it_get_it():
    need_espeak()

    assert (await load(settings_with(tts_provider="espeak"))).name == "espeak"
