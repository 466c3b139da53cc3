import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from app.speech.reading.numbers import LARGEST, cardinal, decimal, digits, integer, ordinal, year


@pytest.mark.parametrize(
    ("number", "spanish", "english"),
    [
        (0, "cero", "zero"),
        (16, "dieciséis", "sixteen"),
        (21, "veintiuno", "twenty-one"),
        (42, "cuarenta y dos", "forty-two"),
        (100, "cien", "one hundred"),
        (101, "ciento uno", "one hundred and one"),
        (777, "setecientos setenta y siete", "seven hundred and seventy-seven"),
        (1000, "mil", "one thousand"),
        (2026, "dos mil veintiséis", "two thousand and twenty-six"),
        (21_000, "veintiún mil", "twenty-one thousand"),
        (1_000_000, "un millón", "one million"),
        (31_000_001, "treinta y un millones uno", "thirty-one million and one"),
        (10**9, "mil millones", "one billion"),
        (10**12, "un billón", "one trillion"),
    ],
)
def test_numbers_are_said_as_people_say_them(number: int, spanish: str, english: str):
    assert cardinal(number, "es") == spanish
    assert cardinal(number, "en") == english


def test_spanish_number_agrees_with_its_noun():
    assert cardinal(21, "es", "masculine") == "veintiún"
    assert cardinal(31, "es", "feminine") == "treinta y una"
    assert cardinal(200, "es", "feminine") == "doscientas"
    assert cardinal(100, "es", "feminine") == "cien"
    assert cardinal(1_000_001, "es", "feminine") == "un millón una"


@given(st.integers(0, LARGEST), st.sampled_from(["es", "en"]))
def test_every_number_has_words_of_its_own(number: int, locale: Locale):
    said = cardinal(number, locale)

    assert said == " ".join(said.split()) and not any(char.isdigit() for char in said)
    assert said != cardinal(number + 1 if number < LARGEST else 0, locale)


def test_decimals_are_read_by_the_languages_sign():
    assert decimal("3", "14", "es") == "tres coma catorce"
    assert decimal("3", "05", "es") == "tres coma cero cinco"
    assert decimal("2", "718", "es") == "dos coma siete uno ocho"
    assert decimal("3", "14", "en") == "three point one four"


def test_leading_zeros_and_huge_numbers_are_digits():
    assert integer("007", "es") == "cero cero siete"
    assert integer("1" * 19, "en").startswith("one one one, one one one")
    assert integer("9" * 500, "es") == "un número de quinientas cifras"
    assert digits("1234", "en") == "one two three four"


def test_ordinals():
    assert ordinal(3, "es") == "tercero"
    assert ordinal(2, "es", feminine=True) == "segunda"
    assert ordinal(25, "es") == "veinticinco"
    said = [ordinal(number, "en") for number in (1, 12, 20, 32, 100)]
    assert said == ["first", "twelfth", "twentieth", "thirty-second", "one hundredth"]


def test_english_years_are_said_in_halves():
    said = [year(number, "en") for number in (1999, 1905, 1900, 2026, 2005)]

    assert said == [
        "nineteen ninety-nine",
        "nineteen oh five",
        "nineteen hundred",
        "twenty twenty-six",
        "two thousand and five",
    ]
    assert year(1999, "es") == "mil novecientos noventa y nueve"
