import re
import unicodedata
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from app.speech.reading import ReadingToken, read_aloud, spoken_text

LOCALES: st.SearchStrategy[Locale] = st.sampled_from(["es", "en"])
SNIPPETS = [
    *(
        "**",
        "_",
        "`",
        "```\n",
        "# ",
        "\n- ",
        "[a](",
        "https://a.b/c?d=e",
        "www.x.es",
        "😀",
        "👩‍👩‍👧",
        "1️⃣",
        "|",
        "---",
    ),
    *(
        "1.234,5",
        "10:30",
        "2026-11-25",
        "$5",
        " €",
        "25 %",
        "-",
        "+",
        "=",
        "p. ej.",
        "EE. UU.",
        "Sr.",
        "3er",
        "XXI",
    ),
    *(
        " ",
        "\n",
        ".",
        ",",
        "hola",
        "Ñandú",
        "don't",
        "\u0301",
        "²",
        "٣",
        "漢字",
        "<b>",
        "&amp;",
        "x@y.es",
        "1/2",
        "°C",
    ),
    *(
        "$x^2$",
        "$\\frac{",
        "}",
        "\\(",
        "\\)",
        "\\sqrt",
        "10^",
        "⁻³",
        "₂",
        "H2O",
        "NaCl",
        "km/h",
        "m³",
        "90s",
        "'80s",
        "Привет",
        "שלום",
        "α",
        "C#",
        "src/a.py",
        "--all",
        "A1B2",
        "Louis XIV",
        "2½",
        "~5",
        "->",
        "#tag",
        "1 000",
    ),
]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(SNIPPETS), max_size=12).map("".join))


@given(TEXTS, LOCALES)
def test_places_rise_to_the_end_of_the_text(text: str, locale: Locale):
    tokens = read_aloud(text, locale)

    ends = [token.end for token in tokens]
    assert all(before < after for before, after in pairwise(ends))
    assert not ends or (ends[0] > 0 and ends[-1] == len(text))


@given(TEXTS, LOCALES)
def test_only_words_and_pauses_are_said(text: str, locale: Locale):
    for token in read_aloud(text, locale):
        assert token.words.strip()
        for char in token.words:
            is_of_a_word = char.isalpha() or unicodedata.category(char).startswith("M")
            assert is_of_a_word or char in " ,-'’", f"{char!r} is said for {text!r}"


@given(TEXTS, LOCALES)
def test_no_word_that_is_written_in_letters_is_lost(text: str, locale: Locale):
    plain = re.sub(r"[^a-zñ ]", " ", text)

    said = [token.words.lower() for token in read_aloud(plain, locale)]
    assert len(said) == len(plain.split())


def test_token_of_several_words_ends_where_the_number_does():
    assert read_aloud("Son 25 km, sí 👍", "es") == [
        ReadingToken("Son", 3),
        ReadingToken("veinticinco kilómetros", 9, ","),
        ReadingToken("sí", 15),
    ]


@pytest.mark.parametrize("text", ["", "   \n", "😀", "**", "---", "``", "…", "¿"])
def test_nothing_to_say_is_no_token(text: str):
    assert read_aloud(text, "es") == []


def test_line_that_ends_without_a_point_makes_a_pause():
    assert spoken_text(read_aloud("Lista\n\n- pan\n- vino\ny más", "es")) == "Lista. pan. vino, y más"


@pytest.mark.parametrize(
    "sign",
    [
        *(
            "-",
            "*",
            "[",
            "(",
            "<",
            "1",
            "1.",
            "#",
            "a.",
            "@",
            "&",
            "x@",
            "www.",
            "\n- ",
            "$",
            "${",
            "\\(",
            "^",
            "_",
        ),
        *("1-", "A-", "A1", "1/", "1 ", "/a", "a/", "H2", "α ", "'9", "$5-", "`-a", "\\sqrt", "XX ", "1°"),
    ],
)
def test_a_long_text_of_one_sign_is_read_in_time(sign: str):
    assert read_aloud(sign * 20_000 + "\n fin", "es")[-1].words == "fin"


@pytest.mark.parametrize(
    "command", ["frac", "sqrt", "hat", "sum_", "int^", "text{", "left(", "{", "x^", "vec{"]
)
def test_a_formula_as_deep_as_can_be_is_read_to_its_end(command: str):
    body = (f"\\{command}" if command[0].isalpha() and command[-1] != "^" else command) * 400

    for text in (f"${body[:900]}x$ fin", f"$${body[:900]}$$ fin"):
        assert read_aloud(text, "es")[-1].words.endswith("fin")


@given(st.text("\\fracsqt{}^_$()[]12xα+- ", max_size=60), LOCALES)
def test_a_formula_never_fails(body: str, locale: Locale):
    for token in read_aloud(f"$x^2 {body}$", locale):
        assert all(char.isalpha() or char in " ,-" for char in token.words)
