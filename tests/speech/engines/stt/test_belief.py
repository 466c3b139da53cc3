"""Whether somebody speaks another language: rows with what Whisper base made of people and espeak-ng."""

import pytest

from app.errors import Locale
from app.speech.engines.stt.belief import is_foreign
from app.speech.engines.stt.whisper import Reading


@pytest.mark.parametrize(
    ("text", "seconds", "confidence", "ours", "rival", "is_noisy", "foreign"),
    [
        ("Bonsoir à tous, voici le titre d'actualité.", 2.8, 0.55, 0.028, 0.3, False, True),
        ("No puedo creer que tu abria ha hecho la cosa del género.", 3.5, 0.52, 0.132, 0.84, False, True),
        ("Good evening, my ladies and gentlemen", 4.0, 0.64, 0.009, 0.98, False, True),
        ("Good evening, here in the afflictio", 3.4, 0.64, 0.08, 0.75, False, True),
        ("Ratsamilmaras por Eklama.", 1.8, 0.46, 0.012, 0.49, False, True),
        ("Para bloquear, odes bloquear la conferencia.", 3.8, 0.8, 0.081, 0.83, False, False),
        ("Mensahes.", 0.9, 0.44, 0.026, 0.88, False, False),
        ("Silencio.", 1.1, 0.51, 0.03, 0.5, False, False),
        ("Dime qué hora es en Madrid", 2.0, 0.55, 0.2, 0.5, False, False),
        ("Dime qué hora es en Madrid", 2.0, 0.55, 0.05, 0.5, True, False),
    ],
    ids=[
        "French",
        "Italian",
        "German",
        "German, some likelihood",
        "Polish",
        "person",
        "short",
        "a word",
        "hardly likelier",
        "noise",
    ],
)
def test_sentence_is_foreign_where_another_language_is_far_likelier_and_it_reads_badly(
    text: str, seconds: float, confidence: float, ours: float, rival: float, is_noisy: bool, foreign: bool
):
    likelihoods: dict[Locale, float] = {"es": ours / 2, "en": ours / 2}
    reading = Reading(text, "es", likelihoods, confidence, 0.05, is_cut=False, rival=rival)

    assert is_foreign(reading, seconds, is_noisy=is_noisy) is foreign
