"""Expressions are found in signs, in words, and in both."""

import pytest

from app.llm.demo.expression import MAX_DEPTH, expressions_in
from app.llm.demo.text import utterance


def found(text: str) -> list[str]:
    return [each.text for each in expressions_in(utterance(text)) if each.operations]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ("veinticinco por cuatro", "25 * 4"),
        ("twenty-five times four", "25 * 4"),
        ("la raíz cuadrada de ciento cuarenta y cuatro", "sqrt(144)"),
        ("the cube root of 27", "cbrt(27)"),
        ("15% de 80", "15/100*80"),
        ("fifteen percent of eighty", "15/100*80"),
        ("la mitad de la raíz de 16", "(sqrt(16)/2)"),
        ("3 al cuadrado más 4 al cuadrado", "3**2 + 4**2"),
        ("two to the tenth power", "2**10"),
        ("2 elevado a la quinta", "2**5"),
        ("seno de 30 grados", "sin(radians(30))"),
        ("logaritmo en base 2 de 8", "log2(8)"),
        ("three quarters of 80", "3/4*80"),
        ("menos cinco más doce", "-5 + 12"),
        ("6 x 7", "6 * 7"),
        ("3x4", "3 * 4"),
        ("√2", "sqrt(2)"),
        ("5²", "5**2"),
        ("20 € más 5 €", "20 + 5"),
    ],
)
def test_words_become_signs(text: str, expression: str):
    assert found(text) == [expression]


@pytest.mark.parametrize(
    "text", ["2+2", "3 × (4 − 1)", "log(8, 2)", "10 % 3", "80*15%", "5!", "e**2", "1.5e-3*2", "2 * pi"]
)
def test_signs_stay_as_they_are(text: str):
    assert found(f"dime {text} ya") == [text]


@pytest.mark.parametrize(
    "text", ["más o menos", "por favor", "2 perros", "el 5 de mayo", "una y otra vez", "5G", "mp3 - mp4"]
)
def test_words_that_only_look_like_arithmetic_are_left_alone(text: str):
    assert found(text) == []


def test_a_conjunction_is_not_the_number_e():
    assert found("calcula 2*pi e informa") == ["2*pi"]


def test_too_many_parentheses_are_not_read():
    depth = MAX_DEPTH + 5

    assert found("(" * depth + "1+1" + ")" * depth) != ["(" * depth + "1+1" + ")" * depth]


def test_several_expressions_are_found_in_their_order():
    assert found("2+2 y luego 3*5, también 4-1") == ["2+2", "3*5", "4-1"]


def test_only_what_cannot_be_a_date_is_strong():
    strong = [each.strong for each in expressions_in(utterance("1/2/2024 y 2*3"))]

    assert strong == [False, True]
