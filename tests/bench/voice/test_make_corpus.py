"""The made recordings are what their list says, the same for the same seed, and not made twice."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterator
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from app.errors import Locale
from app.speech.base import AudioPiece, Speech
from app.speech.models.catalogue import VOICES_FILE
from bench.voice.corpus import read_corpus
from bench.voice.make_corpus import (
    KINDS,
    NOISES,
    OTHER_ESPEAK_VOICES,
    OVER_THE_AGENT,
    Sound,
    Speak,
    by_espeak,
    by_synthesiser,
    changed,
    espeak_pool,
    make_corpus,
    mixed_voices,
    noise,
)
from bench.voice.sentences import TEXTS
from bench.voice.short_texts import SHORT_TEXTS
from tests.support.synthesis import need_espeak

HZ = 16_000


def tone(text: str, language: Locale, speed: float) -> Sound:
    """Stands in for speech: as long as the text."""
    times = np.arange(int(len(text) * 400 / speed)) / HZ
    return (0.3 * np.sin(2 * np.pi * (1_000 + 200 * np.sin(9 * times)) * times)).astype(np.float32)


def level(sound: Sound, low_hz: float, high_hz: float) -> float:
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    frequencies = np.fft.rfftfreq(len(sound), 1 / HZ)
    return float(spectrum[(frequencies >= low_hz) & (frequencies < high_hz)].sum())


@pytest.mark.parametrize("language", ["es", "en"])
def test_there_are_as_many_texts_of_each_kind_as_are_measured(language: Locale):
    counts = {group: len(set(texts)) for group, texts in TEXTS[language].items()}

    assert counts == {"sentence": 40, "assent": 20, "interruption": 20, "pause": 20}
    assert all(text.count(" / ") == 1 for text in TEXTS[language]["pause"])


def test_the_corpus_is_made_once_and_can_be_read(tmp_path: Path):
    spoken: list[str] = []

    def counting(text: str, language: Locale, speed: float) -> Sound:
        spoken.append(text)
        return tone(text, language, speed)

    entries = make_corpus(tmp_path, {"tone": counting})
    made, times = len(spoken), {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.wav")}
    again = make_corpus(tmp_path, {"tone": counting})

    assert again == entries
    assert len(spoken) == made
    assert {path: path.stat().st_mtime_ns for path in tmp_path.glob("*.wav")} == times
    assert len(entries) == len(times) == 2 * (40 * len(KINDS["sentence"]) + 60) + len(NOISES) * 12
    assert sum(entry.seconds for entry in entries if entry.group == "noise") == pytest.approx(600)
    paused = [entry for entry in entries if entry.group == "pause"]
    assert all(entry.pause_at_s and entry.pause_at_s < entry.seconds - 0.8 for entry in paused)
    assert [entry.id for entry in entries if entry.pause_at_s] == [entry.id for entry in paused]

    (tmp_path / "few.json").write_text(_first(tmp_path / "corpus.json", 6))
    read = read_corpus(tmp_path / "few.json")
    assert [(one.text, one.kind) for one in read] == [(entry.text, entry.kind) for entry in entries[:6]]


def test_other_texts_and_fewer_groups_are_made_without_the_noise(tmp_path: Path):
    entries = make_corpus(tmp_path, {"tone": tone}, texts=SHORT_TEXTS, groups=OVER_THE_AGENT)

    counts = Counter((entry.language, entry.group) for entry in entries)
    assert counts == {(language, group): 20 for language in ("es", "en") for group in OVER_THE_AGENT}
    assert not {entry.text for entry in entries} & {
        text for groups in TEXTS.values() for said in groups.values() for text in said
    }


def test_voices_are_mixed_with_their_neighbours(tmp_path: Path):
    mixed = np.load(mixed_voices(VOICES_FILE, tmp_path / "voices.npz"))
    usual = np.load(VOICES_FILE)

    for name in usual.files:
        assert mixed[name].shape == usual[name].shape
        assert not np.allclose(mixed[name], usual[name])


def _first(listing: Path, count: int) -> str:
    return json.dumps(json.loads(listing.read_text())[:count])


def test_a_telephone_carries_its_band_alone():
    rng = np.random.default_rng(1)
    sound = rng.standard_normal(HZ).astype(np.float32) * 0.1

    narrow = changed(sound, "telephone", rng)

    assert level(narrow, 3_600, 8_000) < level(narrow, 400, 3_300) / 1_000
    assert level(narrow, 0, 200) < level(narrow, 400, 3_300) / 1_000


def test_noise_is_ten_decibels_below_the_speech():
    sound = tone("x" * 80, "es", 1)

    noisy = changed(sound, "10 dB", np.random.default_rng(1))
    ratio = np.mean(sound**2) / np.mean((noisy - sound) ** 2)

    assert 10 * np.log10(ratio) == pytest.approx(10, abs=1.5)


@pytest.mark.parametrize("name", NOISES)
def test_a_noise_is_the_same_for_the_same_seed_and_never_too_loud(name: str):
    made = [noise(name, np.random.default_rng(seed), tone) for seed in (1, 1, 2)]

    assert np.array_equal(made[0], made[1])
    assert not np.array_equal(made[0], made[2])
    assert all(len(each) == 10 * HZ and np.abs(each).max() <= 1 for each in made)


class Beeper:
    """A synthesiser of the server's kind, at another rate than the ears'."""

    name: Literal["local"] = "local"
    sample_rate_hz = 24_000

    def __init__(self) -> None:
        self.asked: list[Speech] = []

    async def speak(self, speech: Speech) -> AsyncGenerator[AudioPiece, None]:
        self.asked.append(speech)
        for _ in range(2):
            yield AudioPiece(bytes(2 * 12_000))

    def give_up(self, talk: str) -> None:
        """Keeps no time for anybody."""

    def heard(self, talk: str) -> None:
        """Counts nothing."""

    async def aclose(self) -> None:
        """Holds nothing."""


def test_the_servers_own_synthesisers_can_speak_the_corpus():
    beeper = Beeper()

    with asyncio.Runner() as runner:
        sound = by_synthesiser(beeper, {"es": "ef_dora", "en": "af_heart"}, runner)("Hola.", "en", 1.1)

    assert len(sound) == HZ
    assert beeper.asked == [Speech("Hola.", "en", "af_heart", 1.1)]


@pytest.fixture
def speaker() -> Iterator[Callable[[dict[Locale, str]], Speak]]:
    need_espeak()
    with asyncio.Runner() as runner:
        pool = runner.run(espeak_pool())
        yield lambda voices: by_espeak(pool, voices, runner)
        runner.run(pool.aclose())


def test_espeak_speaks_faster_when_asked_to(speaker: Callable[[dict[Locale, str]], Speak]):
    espeak = speaker({"es": "es", "en": "en-us"})
    slow, fast = (espeak("Dime qué hora es en Tokio.", "es", speed) for speed in (0.9, 1.1))

    assert len(fast) < len(slow)
    assert 1 < len(fast) / HZ < 5


def test_other_voices_are_not_the_usual_ones(speaker: Callable[[dict[Locale, str]], Speak]):
    usual = speaker({"es": "es", "en": "en-us"})("What time is it?", "en", 1.0)
    other = speaker(OTHER_ESPEAK_VOICES)("What time is it?", "en", 1.0)

    assert not np.array_equal(usual, other)
