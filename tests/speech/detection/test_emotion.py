"""A user's mood is read from their words and pace, and the model is told of it in one sentence."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from app.chat import Mood
from app.errors import Locale
from app.speech.detection.emotion import SHOWN_FROM, EmotionEstimate, EmotionTracker, note_for

FOLDER = Path(__file__).parents[2] / "cases"
CASES: list[dict[str, Any]] = json.loads((FOLDER / "emotion.json").read_text(encoding="utf-8"))
MORE: list[dict[str, Any]] = json.loads((FOLDER / "emotion_more.json").read_text(encoding="utf-8"))
MOODS: tuple[Mood, ...] = ("neutral", "frustrated", "hurried", "pleased")
USUAL_PACE = 2.5


def label_of(case: dict[str, Any]) -> Mood:
    """What is said of a case's text, after its talk so far."""
    tracker = EmotionTracker()
    pace = USUAL_PACE * case["pace"] if "pace" in case else None
    for text in case.get("earlier", ()):
        tracker.judge(text, case["language"])
    for text in ("Hola.", "Buenos días.") if pace else ():
        tracker.judge(text, case["language"], USUAL_PACE)
    return tracker.judge(case["text"], case["language"], pace).label


def confusion(cases: list[dict[str, Any]]) -> Counter[tuple[str, str]]:
    """How often each label was taken for each; printed for whoever wants to see it."""
    found = Counter((case["label"], label_of(case)) for case in cases)
    for label in MOODS:
        print(label.ljust(12), *(str(found[label, said]).rjust(4) for said in MOODS))
    return found


def right(found: Counter[tuple[str, str]]) -> float:
    return sum(found[label, label] for label in MOODS) / found.total()


def mood(text: str, *before: str, language: Locale = "es") -> Mood:
    tracker = EmotionTracker()
    for each in before:
        tracker.judge(each, language)
    return tracker.judge(text, language).label


# The labelled sets


def test_the_set_has_a_hundred_and_twenty_sentences_a_third_hard_and_half_held_back():
    assert len({(case["text"], case["language"]) for case in CASES}) == 120
    assert sum(case["hard"] for case in CASES) == 40
    assert Counter(case["split"] for case in CASES) == {"tune": 60, "held": 60}
    assert Counter((case["language"], case["label"]) for case in CASES) == {
        (language, label): 15 for language in ("es", "en") for label in MOODS
    }


@pytest.mark.parametrize("split", ["tune", "held"])
def test_nine_in_ten_of_each_half_are_judged_as_labelled(split: str):
    assert right(confusion([case for case in CASES if case["split"] == split])) >= 0.9


@pytest.mark.parametrize("split", ["tune", "held"])
def test_three_in_four_of_the_hard_ones_are_judged_as_labelled(split: str):
    hard = [case for case in CASES if case["split"] == split and case["hard"]]

    assert right(confusion(hard)) >= 0.75


def test_of_sentences_that_no_cue_was_written_for_few_are_known_and_hardly_any_is_misread():
    """Idioms are out of reach of a list: they pass for neutral; no mood is made up."""
    found = confusion([case for case in MORE if case["split"] == "unseen"])

    assert right(found) >= 0.4
    assert all(found["neutral", label] == 0 for label in MOODS[1:])
    assert sum(found[a, b] for a in MOODS[1:] for b in MOODS[1:] if a != b) <= 2


def test_requests_for_tools_are_neutral():
    phrasings = json.loads((FOLDER / "demo_phrasings.json").read_text(encoding="utf-8"))
    texts = [
        text
        for tool, languages in phrasings.items()
        if isinstance(languages, dict) and tool != "_"
        for entries in languages.values()
        for entry in entries
        if isinstance(text := entry[0] if isinstance(entry, list) else entry, str)
    ]
    moved = [text for text in texts if mood(text) != "neutral"]

    assert len(texts) > 500
    assert len(moved) <= len(texts) / 200, moved


# Words


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("No estoy enfadado.", "neutral"),
        ("I'm not angry.", "neutral"),
        ("Not bad.", "pleased"),
        ("No está mal.", "pleased"),
        ("Not great.", "frustrated"),
        ("No tengo prisa.", "neutral"),
        ("I'm not in a hurry.", "neutral"),
    ],
)
def test_negation_turns_a_word_round(text: str, expected: Mood):
    assert mood(text) == expected


@pytest.mark.parametrize(
    "text", ["Genial, otra vez lo mismo.", "Great, the same error again.", "Gracias por nada."]
)
def test_praise_beside_a_complaint_is_a_complaint(text: str):
    assert mood(text) == "frustrated"


@pytest.mark.parametrize(
    "text", ["Traduce «estoy harto» al inglés.", "Analiza: me encanta este sitio", 'What does "shit" mean?']
)
def test_what_is_quoted_is_not_what_the_user_feels(text: str):
    assert mood(text) == "neutral"


def test_words_of_the_other_language_count_too():
    assert mood("Esto es bullshit.") == "frustrated"
    assert mood("ASAP, por favor", language="es") == "hurried"


def test_capitals_make_a_plain_request_an_angry_one_only_with_another_sign():
    assert mood("DIME LA HORA EN LIMA") == "neutral"
    assert mood("DIME LA HORA OTRA VEZ") == "frustrated"


# The talk


def test_a_repeated_request_is_a_sign_of_frustration_and_more_so_each_time():
    tracker = EmotionTracker()
    said = [tracker.judge("¿Cuánto cuesta el billete a Madrid?", "es") for _ in range(3)]

    assert [each.label for each in said] == ["neutral", "frustrated", "frustrated"]
    assert said[2].confidence > said[1].confidence


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("¿Cuánto es 7 por 8?", "¿Cuánto es 7 por 9?"),
        ("¿Qué hora es en Lima?", "¿Qué hora es en Tokio?"),
        ("Sí", "Sí"),
    ],
)
def test_another_sum_or_place_and_a_short_word_are_no_repeats(first: str, second: str):
    assert mood(second, first) == "neutral"


def test_thanks_said_twice_are_still_thanks():
    assert mood("Muchas gracias por todo", "Muchas gracias por todo") == "pleased"


def test_a_request_of_long_ago_is_forgotten():
    request = "¿Cuánto cuesta el billete a Madrid?"

    assert mood(request, request, *(f"¿Cuánto es {n} por {n}?" for n in range(10))) == "neutral"


def test_somebody_who_speaks_much_faster_than_usual_is_in_a_hurry():
    tracker = EmotionTracker()
    for pace in (2.4, 2.6, 2.5):
        assert tracker.judge("Dime la hora.", "es", pace).label != "hurried"

    assert tracker.judge("La dirección del hospital.", "es", 4.0).label == "hurried"


def test_a_fast_speaker_is_not_in_a_hurry_and_a_first_pace_says_nothing():
    tracker = EmotionTracker()

    assert [tracker.judge(f"Suma {n} y dos", "es", 4.5).label for n in range(4)] == ["neutral"] * 4


@pytest.mark.parametrize("pace", [0.0, -1.0, None])
def test_a_pace_that_is_none_is_left_out(pace: float | None):
    tracker = EmotionTracker()
    for _ in range(4):
        assert tracker.judge("Hola.", "es", pace).label == "neutral"


def test_talks_know_nothing_of_each_other():
    assert mood("Quiero el billete a Madrid") == mood("Quiero el billete a Madrid") == "neutral"


@pytest.mark.parametrize("text", ["", "   ", "...", "🙂", "x" * 100_000, "no " * 5_000, '"' * 5_000])
def test_any_text_has_a_label_and_a_confidence(text: str):
    emotion = EmotionTracker().judge(text, "es")

    assert emotion.label in MOODS
    assert 0 <= emotion.confidence <= 1


def test_a_mood_is_told_only_from_a_confidence_on():
    for case in (*CASES, *MORE):
        emotion = EmotionTracker().judge(case["text"], case["language"])
        assert emotion.label == "neutral" or emotion.confidence >= SHOWN_FROM


# What the model is told


def test_the_note_is_one_sentence_in_the_talks_language_with_the_confidence():
    note = note_for(EmotionEstimate("frustrated", 0.82), "es")

    assert note.startswith("El usuario parece frustrado (confianza 0.8): ")
    assert note.count(".") == 2
    assert note_for(EmotionEstimate("hurried", 0.5), "en").startswith(
        "The user seems to be in a hurry (confidence 0.5): "
    )


@pytest.mark.parametrize("locale", ["es", "en"])
def test_each_mood_but_neutral_has_its_note(locale: Locale):
    notes = {label: note_for(EmotionEstimate(label, 0.9), locale) for label in MOODS}

    assert notes.pop("neutral") == ""
    assert len(set(notes.values())) == 3 and all(notes.values())
