"""The real model over recordings: what a sound says of phrases that are given."""

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from app.speech.engines.stt.forced import Phrases
from app.speech.engines.stt.whisper import Asked, Whisper
from app.speech.pcm import Samples, to_floats, trimmed
from bench.voice.corpus import read_corpus
from tests.support.models import model

CASES = Path(__file__).parents[3] / "cases" / "over_the_agent" / "cases.json"
ENGLISH = Phrases("en", ("Hold on.", "Go on.", "Of course.", "Stop.", "Thank you.", "Right."), 4)


@cache
def whisper() -> Whisper:
    return Whisper(model("whisper-base"))


def sound_of(name: str) -> Samples:
    return to_floats(trimmed(next(one.pcm for one in read_corpus(CASES) if one.id == name)))


@pytest.mark.parametrize(
    ("name", "said"), [("en_hold_on", "Hold on."), ("en_of_course", "Of course.")], ids=["order", "nod"]
)
def test_what_is_said_gains_more_than_all_others(name: str, said: str):
    best, second, *_ = whisper().explained(sound_of(name), ENGLISH)

    assert best.phrase == said
    assert best.gain > 3
    assert best.gain - second.gain > 1


def test_silence_speaks_for_nothing_however_likely_it_makes_a_phrase():
    found = whisper().explained(np.zeros(16_000, np.float32), ENGLISH)

    assert all(abs(one.gain) < 0.5 for one in found)
    assert max(found, key=lambda one: one.likelihood).phrase == "Thank you."


def test_only_the_likeliest_are_looked_at_and_those_that_are_asked_for():
    near = ("Thank you.",)
    found = whisper().explained(sound_of("en_of_course"), Phrases("en", ENGLISH.known, 1, near))

    assert {one.phrase for one in found} == {"Of course.", *near}


def test_scores_leave_later_readings_as_they_were():
    sound, asked = sound_of("en_hold_on"), Asked("en", {})
    before = whisper().read(sound, asked)

    whisper().explained(sound, ENGLISH)

    assert whisper().read(sound, asked) == before
