"""Numbers are read from digits and from words, as far as they go; and what arithmetic sees in a text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.demo.symbols import symbols_of
from app.llm.demo.words import tokens_of

_ES_UNITS = "cero uno dos tres cuatro cinco seis siete ocho nueve".split()
_EN_UNITS = "zero one two three four five six seven eight nine".split()
_ES_TENS = {
    3: "treinta",
    4: "cuarenta",
    5: "cincuenta",
    6: "sesenta",
    7: "setenta",
    8: "ochenta",
    9: "noventa",
}
_EN_TENS = {
    2: "twenty",
    3: "thirty",
    4: "forty",
    5: "fifty",
    6: "sixty",
    7: "seventy",
    8: "eighty",
    9: "ninety",
}


def read(text: str) -> str | None:
    symbols = symbols_of(tokens_of(text))
    return symbols[0].text if symbols and symbols[0].kind == "number" else None


def kinds(text: str) -> list[str]:
    return [symbol.kind for symbol in symbols_of(tokens_of(text))]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cero", "0"),
        ("dieciséis", "16"),
        ("veintidós", "22"),
        ("cien", "100"),
        ("ciento veinte", "120"),
        ("mil", "1000"),
        ("dos mil quinientos", "2500"),
        ("un millón doscientos mil", "1200000"),
        ("tres coma catorce", "3.14"),
        ("tres coma uno cuatro uno", "3.1410"),
        ("dos y medio", "2.5"),
        ("5 mil", "5*1000"),
        ("2 coma 5", "2.5"),
        ("one hundred and five", "105"),
        ("a thousand", "1000"),
        ("two hundred thousand", "200000"),
        ("three point one four", "3.14"),
        ("two and a half", "2.5"),
        ("1.5 million", "1.5*1000000"),
        ("1,2,3", "1"),
        ("3,5", "3,5"),
        ("12.75", "12.75"),
        (".5", ".5"),
        ("1e3", "1e3"),
    ],
)
def test_a_number_is_read_in_all_its_forms(text: str, value: str):
    assert read(text) == value


@given(tens=st.sampled_from(sorted(_ES_TENS)), unit=st.integers(1, 9), hundreds=st.booleans())
def test_spanish_tens_are_joined_by_y(tens: int, unit: int, hundreds: bool):
    text = f"{'ciento ' if hundreds else ''}{_ES_TENS[tens]} y {_ES_UNITS[unit]}"

    assert read(text) == str(100 * hundreds + 10 * tens + unit)


@given(tens=st.sampled_from(sorted(_EN_TENS)), unit=st.integers(1, 9), joint=st.sampled_from(" -"))
def test_english_tens_are_joined_by_a_hyphen_or_a_space(tens: int, unit: int, joint: str):
    assert read(f"{_EN_TENS[tens]}{joint}{_EN_UNITS[unit]}") == str(10 * tens + unit)


@pytest.mark.parametrize(
    ("text", "value"),
    [("dos y tres", "2"), ("two three", "2"), ("treinta y gatos", "30"), ("five and six", "5")],
)
def test_a_number_ends_where_another_begins(text: str, value: str):
    assert read(text) == value


@pytest.mark.parametrize("text", ["", "una casa", "a dog", "y", "perro", "hundred", "and five"])
def test_what_is_no_number_is_none(text: str):
    assert read(text) is None


def test_signs_and_words_give_the_same_kinds_of_symbols():
    assert kinds("25 * 4") == kinds("veinticinco por cuatro") == ["number", "op", "number"]


def test_a_number_inside_a_word_is_none():
    assert kinds("mp3")[0] == "word"


def test_an_ordinal_is_a_number_only_as_a_power():
    assert kinds("2 to the tenth")[-1] == "number"
    assert kinds("the tenth floor")[1] == "word"


def test_a_function_needs_its_parenthesis():
    assert kinds("log10(5)")[0] == "function"
    assert kinds("suma (3+4)")[0] == "verb"
