"""The language of a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.language import UNKNOWN, detect_language

SPANISH = """
    Hola|hola, ¿qué tal?|No me gusta nada|buenos días|El servicio es muy malo|Me encanta esta película|gracias
    |¿Qué hora es?|Esto es una prueba|calcula dos más dos|tengo hambre|La comida estaba fría|te quiero
    |perfecto|no funciona|Madrid es la capital de España|¡Qué guay!|HOLA AMIGO MÍO|El 5 de mayo
    |El producto es una basura
"""
ENGLISH = """
    Hello|hi there|I love this|Not good at all|good morning|The service is terrible|What time is it?|thanks
    |I am hungry|The food was cold|calculate two plus two|It works fine|no problem|okay|see you tomorrow
    |London is the capital of England|THIS IS A TEST|This product is rubbish|please help me|lol that was fun
"""


def _split(listed: str) -> list[str]:
    return [" ".join(text.split()) for text in listed.split("|")]


@pytest.mark.parametrize("text", _split(SPANISH))
def test_short_spanish_is_spanish(text: str):
    assert detect_language(text).code == "es"


@pytest.mark.parametrize("text", _split(ENGLISH))
def test_short_english_is_english(text: str):
    assert detect_language(text).code == "en"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("Bonjour, comment allez-vous ?", "fr"),
        ("Guten Morgen, wie geht es dir?", "de"),
        ("Buongiorno, come stai?", "it"),
        ("Não gosto disso, obrigado", "pt"),
        ("Bon dia, com estàs? Avui fa molt de fred", "ca"),
        ("今天天气很好", "zh"),
        ("今日はいい天気ですね", "ja"),
        ("Привет, как дела?", "ru"),
        ("مرحبا كيف حالك", "ar"),
        ("שלום מה שלומך", "he"),
    ],
)
def test_other_languages_are_found(text: str, code: str):
    assert detect_language(text).code == code


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "12345 67890",
        "😀😀😀",
        "...",
        "asdfgh qwerty zxcvb",
        "xkcd bzzt grmpf",
        "hfjdks hfjdks",
        "x",
    ],
)
def test_garbage_has_no_language_and_little_confidence(text: str):
    language = detect_language(text)

    assert language.code == UNKNOWN
    assert language.confidence < 0.5


def test_confidence_grows_with_the_text():
    long = "El tren de las ocho llegó tarde, así que perdimos la primera reunión de la mañana. " * 10

    assert detect_language(long).confidence > 0.9 > detect_language("Hola").confidence


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_gets_a_code_and_a_confidence(text: str):
    language = detect_language(text)

    assert language.code
    assert 0 <= language.confidence <= 1
