"""The small words and letters of a text tell its language."""

import pytest

from app.llm.demo.language import in_language, language_of
from app.llm.demo.words import data


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿Qué hora es?", "es"),
        ("hola", "es"),
        ("dime algo", "es"),
        ("what is this", "en"),
        ("hello there", "en"),
        ("El servidor no ha respondido a tiempo.", "es"),
        ("One cannot divide by the zero.", "en"),
        ("GET https://example.com", None),
        ("haz un GET a https://example.com", "es"),
        ("calcula i*i", "es"),
        ("2+2", None),
        ("https://the.example/what/is", None),
    ],
)
def test_the_small_words_tell_the_language(text: str, language: str | None):
    assert language_of(text) == language


def test_a_sentence_is_kept_in_its_own_language_alone():
    assert in_language("This is the answer.", "en", "ours") == "This is the answer."
    assert in_language("This is the answer.", "es", "ours") == "ours"
    assert in_language(None, "en", "ours") == "ours"


@pytest.mark.parametrize("name", [name for name, own in data("sentences").items() if isinstance(own, list)])
def test_every_sentence_has_both_languages(name: str):
    spanish, english = data("sentences")[name]

    assert spanish and english
    assert spanish.count("{}") == english.count("{}")
