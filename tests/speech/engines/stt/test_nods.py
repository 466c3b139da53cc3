"""Nods that were misheard, and orders that are none: by figures, and by the real model over recordings."""

import json
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from app.errors import Locale
from app.speech.detection.barge_in import SpeechOver, judge
from app.speech.detection.vad import VoiceActivity
from app.speech.engines.stt.contrary import Looks
from app.speech.engines.stt.forced import Explained, Phrases
from app.speech.engines.stt.nods import NODS, OTHERS, misheard_nod
from app.speech.engines.stt.whisper import Reading, Whisper
from app.speech.pcm import Samples
from bench.voice.corpus import Spoken, read_corpus
from bench.voice.interruptions import Ear
from tests.support.models import MODELS_DIR, model
from tests.support.sounds import white

CASES = Path(__file__).parents[3] / "cases" / "over_the_agent" / "cases.json"
MEANT = {one["id"]: one["meant"] for one in json.loads(CASES.read_text(encoding="utf-8"))}

Figures = tuple[str, float, float]
"""A phrase, its likelihood and its gain."""


class Told:
    """A model whose readings are known, and which says these figures of the sound."""

    def __init__(self, nod: Figures, other: Figures) -> None:
        self._best = {True: nod, False: other}
        self.asked: list[Phrases] = []

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        self.asked.append(phrases)
        return (Explained(*self._best[phrases.known in NODS.values()]),)


def read(text: str, language: Locale, confidence: float = 0.5) -> Reading:
    return Reading(text, language, {"es": 0.4, "en": 0.4}, confidence, 0.02, is_cut=False)


def heard(
    text: str,
    nod: Figures,
    other: Figures,
    language: Locale = "en",
    confidence: float = 0.5,
    seconds: float = 0.5,
) -> tuple[Reading, list[Phrases]]:
    told: Any = Told(nod, other)
    looks = Looks(cast(Whisper, told))
    looks.readings.append(read(text, language, confidence))
    return misheard_nod(looks.readings[0], looks, white(seconds)), told.asked


NOTHING: Figures = ("No.", -12.0, -4.0)


@pytest.mark.parametrize(
    ("text", "language", "nod", "other", "taken"),
    [
        ("I'm close.", "en", ("Of course.", -6.5, 4.2), ("What?", -10.7, -1.4), "Of course."),
        ("Cabrín.", "es", ("Qué bien.", -6.4, 5.7), ("¿Cómo?", -17.2, -5.4), "Qué bien."),
        ("Potsupuerstos.", "es", ("Por supuesto.", -11.6, 1.7), ("Para.", -15.3, -2.3), "Por supuesto."),
        ("Come on.", "en", ("Go on.", -4.4, 6.0), ("Come on.", -6.9, 3.5), "Come on."),
        ("Golzie.", "es", ("Comprendo.", -18.6, 4.9), ("Gracias.", -4.0, 1.0), "Golzie."),
        ("It half.", "en", ("Good.", -6.7, 1.1), ("Enough.", -6.7, 4.8), "It half."),
        ("Kill him.", "en", ("Keep going.", -10.5, 0.4), NOTHING, "Kill him."),
        ("The tall house.", "en", ("Nice.", -4.2, 6.0), NOTHING, "The tall house."),
        ("Yesterday.", "en", ("Yes.", -4.6, 5.0), NOTHING, "Yesterday."),
        ("19", "en", ("Nice.", -4.6, 5.0), NOTHING, "19"),
    ],
    ids=[
        "nod in English",
        "nod in Spanish",
        "hardly more than silence, but nothing else",
        "another phrase is nearly as likely",
        "unlikely",
        "an order is likelier",
        "no more than silence",
        "unlike what was read",
        "an answer",
        "a number",
    ],
)
def test_nod_wins_where_the_sound_speaks_for_it_and_for_nothing_else(
    text: str, language: Locale, nod: Figures, other: Figures, taken: str
):
    reading, _ = heard(text, nod, other, language)

    assert reading.text == taken
    assert reading.is_doubtful is (taken != text)


def test_word_that_is_longer_than_the_nod_can_be_is_none():
    short, _ = heard("Yes sir.", ("Yes.", -4.6, 5.0), NOTHING, seconds=0.6)
    long, _ = heard("Yes sir.", ("Yes.", -4.6, 5.0), NOTHING, seconds=0.9)

    assert (short.text, long.text) == ("Yes.", "Yes sir.")


@pytest.mark.parametrize(
    ("text", "confidence"),
    [("Stop.", 0.9), ("Go on.", 0.9), ("", 0.0)],
    ids=["order", "nod", "no words"],
)
def test_what_is_known_anyhow_is_not_held_against_the_sound(text: str, confidence: float):
    reading, asked = heard(text, ("Go on.", -1.0, 9.0), NOTHING, confidence=confidence)

    assert reading.text == text
    assert not asked


def test_order_costs_no_second_look_where_no_nod_is_likely():
    _, asked = heard("Slow it down.", ("Go on.", -18.0, -6.0), NOTHING)

    assert [one.known for one in asked] == [NODS["en"]]


def test_phrases_that_sound_like_what_was_read_are_looked_at_in_any_case():
    _, asked = heard("Out high.", ("Right.", -9.0, 0.0), NOTHING)

    assert "Uh-huh." in asked[0].near


@pytest.mark.parametrize("language", ["es", "en"])
def test_every_nod_is_judged_as_one_and_no_other_phrase_but_thanks(language: Locale):
    def verdict(phrase: str) -> str:
        return judge(SpeechOver(600, phrase, language, is_final=True))

    assert {verdict(nod) for nod in NODS[language]} == {"assent"}
    assert {phrase for phrase in OTHERS[language] if verdict(phrase) == "assent"} <= {
        "Gracias.",
        "Thank you.",
        "You.",
    }


@cache
def whisper() -> Whisper:
    return Whisper(model("whisper-base"))


@pytest.mark.parametrize("spoken", read_corpus(CASES), ids=lambda one: one.id)
def test_recording_over_the_agent_is_taken_for_what_it_is(spoken: Spoken):
    model("silero_vad.onnx")
    looks: Any = Looks(whisper())
    ear = Ear(looks, VoiceActivity(MODELS_DIR).stream, is_prompted=True)

    judged = ear.judge(spoken, "", MEANT[spoken.id])

    assert judged.is_right, judged.line
