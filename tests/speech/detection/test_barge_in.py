"""Nodding lets the agent go on, a word against it stops it, and never later than after 1.2 s of speech."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from app.errors import Locale
from app.speech.detection.barge_in import LIMIT_MS, WORDLESS_MS, SpeechOver, Verdict, judge, prompt_for

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "cases" / "barge_in.json").read_text(encoding="utf-8")
)
LANGUAGES: tuple[Locale, ...] = ("es", "en")


def cases(**wanted: str) -> list[dict[str, Any]]:
    return [case for case in CASES if all(case[name] == value for name, value in wanted.items())]


def final(text: str | None, speech_ms: float = 600, language: Locale = "es", **values: Any) -> Verdict:
    return judge(SpeechOver(speech_ms, text, language, is_final=True, **values))


def so_far(text: str | None, speech_ms: float = 600, language: Locale = "es", **values: Any) -> Verdict:
    return judge(SpeechOver(speech_ms, text, language, **values))


def judged(case: dict[str, Any]) -> Verdict:
    return final(case["text"], case["duration_ms"], case["language"])


# The labelled set


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("label", ["assent", "interruption"])
def test_the_set_has_forty_of_each_and_holds_half_of_them_back(label: str, language: str):
    spoken = [case for case in cases(label=label, language=language) if case["text"]]

    assert len({case["text"] for case in spoken}) >= 40
    assert sum(case["split"] == "held" for case in spoken) * 2 == len(spoken)


@pytest.mark.parametrize("split", ["tune", "held"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_no_interruption_of_the_set_is_missed(language: str, split: str):
    said = cases(label="interruption", language=language, split=split)

    assert [case["text"] for case in said if judged(case) != "interruption"] == []


@pytest.mark.parametrize("split", ["tune", "held"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_at_most_one_in_twenty_assents_of_the_set_stops_the_agent(language: str, split: str):
    said = cases(label="assent", language=language, split=split)

    assert sum(judged(case) != "assent" for case in said) <= len(said) / 20


def heard_as_it_comes(case: dict[str, Any]) -> list[tuple[float, Verdict]]:
    """What is judged each 100 ms, with a transcript that is 300 ms behind and ends with a whole word."""
    words = case["text"].split()
    length = case["duration_ms"]
    verdicts: list[tuple[float, Verdict]] = []
    for ms in range(100, length + 100, 100):
        heard_ms = ms - 300
        text = " ".join(words[: int(len(words) * heard_ms / length)]) if heard_ms >= 300 else None
        verdicts.append((ms, so_far(text, ms, case["language"], heard_ms=heard_ms)))
    return [*verdicts, (length, judged(case))]


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_interruption_stops_the_agent_at_the_limit_at_the_latest_and_is_never_waved_through(language: str):
    for case in cases(label="interruption", language=language):
        verdicts = heard_as_it_comes(case)
        stopped = [ms for ms, verdict in verdicts if verdict == "interruption"]

        assert stopped and stopped[0] <= LIMIT_MS, case
        assert "assent" not in {verdict for _, verdict in verdicts}, case


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_assent_is_not_taken_for_more_while_it_is_heard_word_by_word(language: str):
    wrong = [
        case["text"]
        for case in cases(label="assent", language=language)
        if case["text"] and "interruption" in {verdict for _, verdict in heard_as_it_comes(case)}
    ]

    assert wrong == []


# Words


@pytest.mark.parametrize(
    "text", ["Sí, sí, sí, sí.", "Sí sí sí", "Ajá... ajá.", "¡Sííííí!", "VALE, VALE", "mmmhmmm"]
)
def test_assents_in_a_row_are_still_one(text: str):
    assert final(text, 2_000) == "assent"


@pytest.mark.parametrize(
    ("text", "language"),
    [("Muchas gracias.", "es"), ("Ya veo.", "es"), ("Thank you very much.", "en"), ("That's great!", "en")],
)
def test_thanks_and_praise_are_assents(text: str, language: Locale):
    assert final(text, 900, language) == "assent"


@pytest.mark.parametrize(
    "text", ["Sí, pero no.", "Ok, ¿y mañana?", "Vale, gracias, pero para.", "Yeah, but wait."]
)
def test_an_assent_with_more_behind_it_is_an_interruption(text: str):
    assert final(text) == "interruption"


@pytest.mark.parametrize("text", ["No pares.", "No, no, sigue.", "Don't stop.", "No, go on."])
def test_words_that_stop_elsewhere_may_ask_the_agent_to_go_on(text: str):
    assert final(text) == "assent"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Bale.", "es"),
        ("Bale, bale.", "es"),
        ("Yeahp, yeahp.", "en"),
        ("Exato.", "es"),
        ("Absolutly.", "en"),
        ("Yeahp.", "en"),
    ],
)
def test_a_misheard_assent_is_known_by_its_likeness(text: str, language: Locale):
    assert final(text, 500, language) == "assent"


@pytest.mark.parametrize(
    ("text", "language"), [("Callete.", "es"), ("Esperra", "es"), ("Stopp.", "en"), ("Be quite.", "en")]
)
def test_a_misheard_order_stops_before_it_ends(text: str, language: Locale):
    assert so_far(text, 500, language) == "interruption"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        *((word, "es") for word in "uno cuatro cinco ciento sexto ocho martes Carlos Eco Sandra".split()),
        *((word, "es") for word in "noche fuerza curso cola añade manda abierto usa".split()),
        *((word, "en") for word in "five nine eight fourteen nineteen eighty Hello Goodbye".split()),
        *((word, "en") for word in "added console caret alpha Mike joke house food night school".split()),
        *((word, "en") for word in "choose light control contract heavenly".split()),
    ],
)
def test_other_words_that_sound_a_little_like_a_nod_interrupt(text: str, language: Locale):
    assert final(text, 500, language) == "interruption"


def test_likeness_of_one_word_in_two_is_not_enough():
    assert final("That's wrong.", 700, "en") == "interruption"
    assert final("That's right.", 700, "en") == "assent"


@pytest.mark.parametrize("text", ["yeah", "right", "stop", "wait"])
def test_words_of_the_other_language_count_too(text: str):
    assert final(text, language="es") == final(text, language="en")


def test_a_very_long_transcript_is_judged_by_its_beginning_and_soon():
    assert final("mhh" * 60 + "x", 5_000) == "interruption"
    assert final("no " + "mhh" * 100_000, 5_000) == "interruption"


# While the user still speaks


@pytest.mark.parametrize("text", ["Para", "Espera", "Stop", "Cállate", "No, eso otro"])
def test_an_order_stops_the_agent_before_the_user_has_ended(text: str):
    assert so_far(text, 400) == "interruption"


def test_an_assent_is_not_judged_before_the_user_has_ended():
    """«Sí» may become «sí, pero…»."""
    assert so_far("Sí", 500) == "undecided"
    assert so_far("Sí", 500, heard_ms=400) == "undecided"


@pytest.mark.parametrize("text", ["No", "No, no", "Qué", "Don't"])
def test_a_beginning_that_may_become_an_assent_waits_for_the_rest(text: str):
    assert so_far(text, 500) == "undecided"
    assert so_far(text, LIMIT_MS, heard_ms=700) == "interruption"
    assert final(text) == "interruption"


def test_one_unknown_word_waits_and_two_do_not():
    assert so_far("Barcelona", 500) == "undecided"
    assert so_far("Barcelona mañana", 500) == "interruption"


def test_at_the_limit_an_assent_with_unheard_speech_behind_it_stops_the_agent():
    assert so_far("Sí", LIMIT_MS, heard_ms=500) == "interruption"
    assert so_far("Sí, sí, sí", LIMIT_MS, heard_ms=1_000) == "undecided"


def test_at_the_limit_speech_that_nobody_has_transcribed_stops_the_agent():
    assert so_far(None, LIMIT_MS - 1) == "undecided"
    assert so_far(None, LIMIT_MS) == "interruption"


# Sound without words


@pytest.mark.parametrize("speech_ms", [60, 400, 520, 600, 900, 1_200, 1_400, 3_000])
def test_a_cough_or_a_noise_lets_the_agent_go_on(speech_ms: float):
    assert final("", speech_ms) == "assent"
    assert final("...", speech_ms) == "assent"


def test_a_long_noise_of_which_all_was_searched_for_words_lets_it_go_on():
    assert so_far("", LIMIT_MS, heard_ms=LIMIT_MS - 300) == "assent"
    assert so_far("", 2 * LIMIT_MS, heard_ms=2 * LIMIT_MS - 300) == "assent"


def test_a_noise_waits_for_a_second_look_and_no_longer():
    assert so_far("", LIMIT_MS, heard_ms=600) == "undecided"
    assert so_far("", WORDLESS_MS, heard_ms=600) == "interruption"


def test_faint_sound_without_a_transcript_lets_it_go_on():
    assert so_far(None, LIMIT_MS, level_db=-20) == "assent"
    assert so_far(None, LIMIT_MS, above_noise_db=3) == "assent"
    assert so_far(None, LIMIT_MS, level_db=-3, above_noise_db=20) == "interruption"


def test_a_faint_order_is_an_order():
    assert final("Para.", 300, level_db=-20) == "interruption"


def test_where_recognition_failed_the_length_decides():
    assert final(None, 400) == "assent"
    assert final(None, LIMIT_MS) == "interruption"


# The modes


def test_never_lets_the_agent_finish_whatever_is_said():
    assert judge(SpeechOver(3_000, "Para. Cállate.", is_final=True), "never") == "assent"


def test_always_stops_at_any_speech_that_is_longer_than_a_click():
    assert judge(SpeechOver(100), "always") == "undecided"
    assert judge(SpeechOver(200), "always") == "interruption"
    assert judge(SpeechOver(200, "Ajá", is_final=True), "always") == "interruption"
    assert judge(SpeechOver(100, "", is_final=True), "always") == "assent"


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_recognisers_prompt_has_words_of_both_kinds(language: Locale):
    verdicts = {final(word, language=language) for word in re.split(r"(?<=\.) ", prompt_for(language))}

    assert verdicts == {"assent", "interruption"}


# What is misheard


@pytest.mark.parametrize(
    ("text", "language"),
    [("Abale", "es"), ("Por su puesto", "es"), ("I'll rate", "en"), ("A corse", "en"), ("Xactly", "en")],
)
def test_nod_that_is_spelt_in_another_way_is_one_by_ear(text: str, language: Locale):
    assert final(text, 500, language) == "assent"


@pytest.mark.parametrize(
    ("text", "language"),
    [("It hurt", "en"), ("Y mañana", "es"), ("What about you", "en"), ("Más tarde", "es"), ("My name", "en")],
)
def test_other_short_words_are_none_by_ear(text: str, language: Locale):
    assert final(text, 500, language) == "interruption"
