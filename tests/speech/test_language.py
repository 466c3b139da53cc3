"""Which voice a clause is for."""

import pytest

from app.speech.language import clause_language


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Son las diez y media.", "es"),
        ("¿Qué tal?", "es"),
        ("It is half past ten.", "en"),
        ("Sure, the answer is", "en"),
        ("Claro, la respuesta es", "es"),
    ],
)
def test_words_show_the_language(text: str, language: str):
    assert clause_language(text, "en" if language == "es" else "es") == language


@pytest.mark.parametrize("text", ["", "42", "OK", "Barcelona", "😀"])
def test_what_shows_none_is_in_the_talks(text: str):
    assert clause_language(text, "es") == "es"
    assert clause_language(text, "en") == "en"
