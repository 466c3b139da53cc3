import shutil
import subprocess
from collections.abc import AsyncIterator

import pytest

from app.errors import Locale, WorkerFailed
from app.speech.engines.tts.espeak_engine import EspeakEngine, library_or_refusal, running
from app.speech.engines.tts.kokoro_symbols import NUMBERS, phrases_of
from app.speech.engines.tts.phonemes import in_symbols
from app.speech.reading import read_aloud
from bench.voice.sentences import TEXTS
from tests.support.synthesis import need_espeak


@pytest.fixture
async def engine() -> AsyncIterator[EspeakEngine]:
    need_espeak()
    async with running(library_or_refusal()) as engine:
        yield engine


async def test_spanish_and_english_words_in_the_models_symbols(engine: EspeakEngine):
    spanish = await engine.phonemes(["hola", "chico", "la tarde"], "es")
    english = await engine.phonemes(["judge", "my house", "go now"], "en")

    assert spanish == ["ˈola", "ʧˈiko", "la tˈaɾðe"]
    assert english == ["ʤˈʌʤ", "mI hˈWs", "ɡˌO nˈW"]


async def test_all_symbols_are_known_to_the_model(engine: EspeakEngine):
    spanish = "el jefe llevó veinte cañas y un whisky a la ciudad de México rápido"
    english = "the better little bird heard a measure of pleasure in the church with joy and fire"

    for phonemes in await engine.phonemes([spanish], "es") + await engine.phonemes([english], "en"):
        assert set(phonemes) <= set(NUMBERS)


async def test_each_phrase_has_its_own_phonemes_however_long(engine: EspeakEngine):
    phrases = ["sí", "palabra " * 150, " ", "no"]

    first, long, nothing, last = await engine.phonemes(phrases, "es")

    assert (first, nothing, last) == ("sˈi", "", "nˈo")
    assert len(long.split()) == 150


async def test_word_of_another_language_shows_no_sign_of_the_switch(engine: EspeakEngine):
    [phonemes] = await engine.phonemes(["la palabra мир"], "es")

    assert "(" not in phonemes and ")" not in phonemes


async def test_signs_of_espeaks_own_are_no_orders(engine: EspeakEngine):
    """`[[...]]` holds phonemes and `<...>` marks for espeak-ng, where it is told so."""
    [brackets, inside] = await engine.phonemes(["[[kwIk]] hello", "kwIk hello"], "en")

    assert brackets == inside


async def test_text_that_ends_early_for_c_is_said_whole(engine: EspeakEngine):
    assert await engine.phonemes(["sí\0no"], "es") == ["sˈi nˈo"]


async def test_phrase_without_end_is_a_failure_and_the_next_one_is_not(engine: EspeakEngine):
    with pytest.raises(WorkerFailed, match="too_long"):
        await engine.phonemes(["a " * 20_000], "es")

    assert await engine.phonemes(["hola"], "es") == ["ˈola"]
    assert engine.workers_lost == 0


async def test_nothing_has_no_phonemes(engine: EspeakEngine):
    assert await engine.phonemes([], "es") == []


def program_says(phrases: list[str], voice: str) -> list[str]:
    """By the program; a phrase for which it writes several lines, or none, is left to itself."""
    lines: list[str] = []
    for phrase in phrases:
        done = subprocess.run(
            ["espeak-ng", "-q", "--ipa", "--tie=^", "-v", voice],
            input=phrase.encode(),
            capture_output=True,
            timeout=20,
            check=True,
        )
        lines.append(" ".join(line.strip() for line in done.stdout.decode().splitlines() if line.strip()))
    return lines


@pytest.mark.parametrize(("locale", "voice"), [("es", "es"), ("en", "en-us")])
@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="the program espeak-ng is not here to compare")
async def test_phonemes_are_those_of_the_program(engine: EspeakEngine, locale: Locale, voice: str):
    """Of release 1.51 and 1.52: a few words in a hundred phrases may sound otherwise, no more."""
    texts = [text for group in TEXTS[locale].values() for text in group][:60]
    phrases = [
        " ".join(phrase.words)
        for text in texts
        for phrase in phrases_of([(token.words, token.pause) for token in read_aloud(text, locale)])
    ]

    ours = await engine.phonemes(phrases, locale)
    theirs = [in_symbols(line, locale) for line in program_says(phrases, voice)]

    differing = [pair for pair in zip(ours, theirs, strict=True) if pair[0] != pair[1]]
    assert len(phrases) > 50
    assert len(differing) <= len(phrases) * 0.03, differing
