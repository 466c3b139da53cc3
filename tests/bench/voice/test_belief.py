"""What became of a recording, and that a reading is asked for once."""

from dataclasses import replace
from pathlib import Path

import pytest

import bench.voice.belief as belief
from app.speech.engines.stt.whisper import Asked, Reading
from app.speech.pcm import Samples
from bench.voice.belief import Judged, KeptReadings, half_of, report
from bench.voice.corpus import Spoken
from bench.voice.short_words import short_words
from tests.support.sounds import white

READING = Reading("uno", "es", {"es": 0.9, "en": 0.05}, 0.85, 0.01, is_cut=False)
ONE = Spoken("es/digits/1", "uno", "es", (), b"")
COUGH = Spoken("coughs/1", "", "es", (), b"")


@pytest.mark.parametrize(
    ("spoken", "first", "out", "kind"),
    [
        (ONE, "Uno.", "uno", "right"),
        (ONE, "1", "1", "right"),
        (ONE, "humo", "uno", "mended"),
        (ONE, "uno", "", "read right, thrown away"),
        (ONE, "humo", "", "read wrong, thrown away"),
        (ONE, "uno", "humo", "spoilt"),
        (ONE, "humo", "humo", "wrong"),
        (COUGH, "No, no, no.", "", "nothing out of nothing"),
        (COUGH, "No, no, no.", "No, no, no.", "words out of nothing"),
    ],
)
def test_recording_is_counted_by_what_became_of_it(spoken: Spoken, first: str, out: str, kind: str) -> None:
    assert Judged(spoken, first, out).kind == kind


def test_report_names_what_was_lost_and_the_words_that_are_wrong() -> None:
    lines = report("words", [Judged(ONE, "uno", ""), Judged(ONE, "uno", "uno")]).splitlines()

    assert lines[0] == "words: 2; read right, thrown away 1, right 1"
    assert lines[1] == "  es: words wrong 0.0% in the first readings, 50.0% in the end"
    assert lines[2] == "  read right, thrown away: es/digits/1 'uno' -> ''"


def test_same_question_about_the_same_sound_is_asked_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Asked, bool]] = []

    class Model:
        def __init__(self, folder: Path) -> None:
            pass

        def read(self, samples: Samples, question: Asked, *, full: bool = False) -> Reading:
            asked.append((question, full))
            return replace(READING, text=f"{len(asked)}")

    monkeypatch.setattr(belief, "Whisper", Model)
    auto, aided = Asked("auto", {}), Asked("auto", {"es": "Para."})
    for _ in range(2):
        kept = KeptReadings(tmp_path / "readings", tmp_path)
        texts = [kept.read(white(1), auto).text, kept.read(white(1), aided).text]
        texts += [kept.read(white(1), auto, full=True).text, kept.read(white(2), auto).text]
        assert texts == ["1", "2", "3", "4"]
        assert [reading.text for reading in kept.readings][:1] == ["1"]
    assert len(asked) == 4


def test_halves_stay_the_same_and_are_halves() -> None:
    names = [f"es/digits/{number}" for number in range(200)]

    assert half_of("es/digits/1") == half_of("es/digits/1")
    assert 80 <= sum(map(half_of, names)) <= 120


def test_words_without_their_recordings_are_none(tmp_path: Path) -> None:
    assert short_words(tmp_path) == []
