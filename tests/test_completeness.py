"""Where words sound finished. `tests/cases/turn_ends.txt` says how the sentences were written and halved."""

from pathlib import Path

import pytest

from app.completeness import sounds_finished
from app.errors import Locale

LINES = (Path(__file__).parent / "cases" / "turn_ends.txt").read_text(encoding="utf-8").splitlines()


def sentences(language: Locale, half: int) -> list[str]:
    """Those of the half that the lists were tuned on (0), or of the one held back (1)."""
    begin = LINES.index(f"[{language}]") + 1
    end = next((at for at in range(begin, len(LINES)) if LINES[at].startswith("[")), len(LINES))
    return LINES[begin:end][half::2]


@pytest.mark.parametrize("language", ["es", "en"])
@pytest.mark.parametrize(("half", "may_pass"), [(0, 2), (1, 2)], ids=["tuned on", "held back"])
def test_cuts_are_unfinished_and_whole_sentences_are_not(language: Locale, half: int, may_pass: int) -> None:
    lines = sentences(language, half)
    cuts = [line.partition("|")[0] for line in lines if "|" in line]

    passed = [cut for cut in cuts if sounds_finished(cut, language)]
    held_up = [line for line in lines if not sounds_finished(line.replace("| ", ""), language)]

    assert len(cuts) == 30
    assert len(passed) <= may_pass, passed
    assert held_up == []


@pytest.mark.parametrize("text", ["", "  ", "...", "¿?", ","])
def test_nothing_is_not_finished(text: str) -> None:
    assert not sounds_finished(text, "es")


@pytest.mark.parametrize("text", ["Quiero una mesa,", "Pues no sé...", "Mira…", "Enciende la luz -"])
def test_end_that_a_recogniser_left_open_is_unfinished(text: str) -> None:
    assert not sounds_finished(text, "es")


@pytest.mark.parametrize("ending", [".", "?", "!", '."', " "])
def test_full_stop_of_the_recogniser_proves_nothing(ending: str) -> None:
    assert not sounds_finished("Me gustaría que me dijeras" + ending, "es")


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿Qué hora es?", "es"),
        ("Dime dónde está", "es"),
        ("Hola, ¿puedes calcular dos más dos?", "es"),
        ("What time is it?", "en"),
        ("Can you tell me where it is?", "en"),
        ("What are you looking for?", "en"),
        ("Turn the lights off", "en"),
        ("When is the next train?", "en"),
        ("Don’t stop", "en"),
    ],
)
def test_questions_and_particles_may_end_like_that(text: str, language: Locale) -> None:
    assert sounds_finished(text, language)


def test_long_monologue_is_judged_by_its_end() -> None:
    assert sounds_finished("palabra " * 5000 + "fin", "es")
    assert not sounds_finished("palabra " * 5000 + "de la", "es")


@pytest.mark.parametrize(
    ("text", "language", "is_finished"),
    [
        ("Para reducir el volumen del audio.", "es", False),
        ("Para bloquear o desbloquear la conferencia.", "es", False),
        ("Y para decirle la verdad", "es", False),
        ("Para llegar antes, coge un taxi.", "es", True),
        ("Para ver si llueve dime el tiempo de hoy.", "es", True),
        ("Para cenar.", "es", True),
        ("Para ayer por la tarde.", "es", True),
        ("Para mi mujer.", "es", True),
        ("Para mañana a las dos.", "es", True),
        ("To change my password.", "en", False),
        ("In order to get there.", "en", False),
        ("So to reach him", "en", False),
        ("To look into your messages, press one.", "en", True),
        ("To the airport.", "en", True),
        ("To London.", "en", True),
    ],
)
def test_purpose_leans_on_what_is_to_be_done_for_it(text: str, language: Locale, is_finished: bool) -> None:
    assert sounds_finished(text, language) is is_finished
