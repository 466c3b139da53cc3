import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.speech.reading.clauses import FIRST_WORDS, MOST_CHARS, MOST_WORDS, ClauseSplitter

SNIPPETS = [
    *(
        "hola",
        " ",
        "  ",
        "\n",
        "\n\n",
        ". ",
        ", ",
        "1.234,5",
        "3.",
        "10:30",
        "Sr. ",
        "p. ej.",
        "EE. UU. ",
        "`a. b`",
        "`",
    ),
    *(
        "[x. y](https://a.b/c.d, e)",
        "https://a.b/c,d?e=f. ",
        "```py\nx. y\n```\n",
        "- ",
        "1. ",
        "¿Sí? ",
        "…",
        "😀",
        "5 %",
    ),
]
TEXTS = st.one_of(st.text(max_size=80), st.lists(st.sampled_from(SNIPPETS), max_size=25).map("".join))


def clauses_of(text: str, size: int = 4) -> list[str]:
    """The clauses of an answer that comes in pieces of so many characters."""
    splitter = ClauseSplitter()
    clauses = [
        clause for start in range(0, len(text), size) for clause in splitter.feed(text[start : start + size])
    ]
    return clauses + splitter.flush()


@given(TEXTS, st.integers(1, 30))
def test_clauses_joined_are_the_answer(text: str, size: int):
    clauses = clauses_of(text, size)

    assert "".join(clauses) == text
    assert all(clauses)


@given(st.lists(st.sampled_from(["uno", "dos,", "tres.", "1.234,56", "10:30", "Sr.", "25 %"]), max_size=60))
def test_no_clause_is_longer_than_can_be_said_in_a_breath(words: list[str]):
    for number, clause in enumerate(clauses_of(" ".join(words))):
        limit = FIRST_WORDS if number == 0 else MOST_WORDS
        # An abbreviation at the limit stays whole, and so does a number, which may have blanks in it.
        words_said = re.sub(r"\d[\d.,:%]*(?: [\d.,:%]+)*", "1", clause)
        assert len(re.findall(r"\w\S*", words_said)) <= limit + 4


def test_first_clause_leaves_at_the_first_comma():
    splitter = ClauseSplitter()

    assert splitter.feed("Claro") == []
    assert splitter.feed(",") == []
    assert splitter.feed(" ahora") == ["Claro, "]


def test_first_clause_leaves_after_some_words_where_no_comma_comes():
    splitter = ClauseSplitter()

    assert splitter.feed("una frase sin ninguna") == []
    assert splitter.feed(" coma y sigue") == ["una frase sin ninguna "]


def test_later_clauses_are_sentences_or_a_dozen_words():
    text = (
        "Sí, son las diez, creo, y media. Vale. "
        "Esto es una frase larga de al menos doce palabras bien contadas, y después de la coma viene más."
    )

    assert clauses_of(text) == [
        "Sí, ",
        "son las diez, creo, y media. ",
        "Vale. ",
        "Esto es una frase larga de al menos doce palabras bien contadas, ",
        "y después de la coma viene más.",
    ]


def test_long_sentence_without_commas_ends_between_two_words():
    clauses = clauses_of("palabra " * 50)

    counts = [clause.count("palabra") for clause in clauses]
    assert counts == [FIRST_WORDS, MOST_WORDS, MOST_WORDS, 6]


@pytest.mark.parametrize(
    "whole",
    [
        *(
            "1.234,56",
            "3.703,68 €",
            "10:30",
            "25/11/2026",
            "5 %",
            "20 €",
            "2 + 2 = 4",
            "5 p. m.",
            "12 km",
        ),
        *("Sr. López", "p. ej.", "EE. UU.", "Dr. Smith", "e.g. this", "vs. otro", "J. Pérez"),
        *("https://example.com/a,b.c?d=1", "`a.b, c. d`", "[un enlace, largo. Sí](https://x.y/z)"),
        "```python\nprint('a. b, c')\n\nx = 1\n```",
        "1. primero",
    ],
)
@pytest.mark.parametrize("before", range(4, 8))
@pytest.mark.parametrize("size", [1, 5, 1000])
def test_what_belongs_together_is_never_cut(whole: str, before: int, size: int):
    is_of_lines = whole.startswith(("`", "1. "))
    text = (
        "voz " * before + ("\n" if is_of_lines else "") + whole + ("\n" if is_of_lines else " ") + "fin. " * 3
    )

    assert any(whole in clause for clause in clauses_of(text, size))


def test_items_of_a_list_are_clauses():
    assert clauses_of("Tengo:\n\n- pan\n- vino\n\nNada más.", 1000) == [
        "Tengo:\n\n",
        "- pan\n",
        "- vino\n\n",
        "Nada más.",
    ]


def test_endless_text_without_blanks_is_cut_somewhere():
    assert max(map(len, clauses_of("a" * 5000))) <= MOST_CHARS


def test_long_answer_is_cut_in_time():
    text = "Una frase, con coma, que no acaba nunca. " * 2000 + "```\n" + "x = 1\n" * 10_000 + "```\nfin"

    assert clauses_of(text, 1000)[-1] == "fin"


def test_splitter_can_go_on_after_a_flush():
    splitter = ClauseSplitter()
    splitter.feed("Voy a mirar")

    assert splitter.flush() == ["Voy a mirar"]
    assert splitter.feed(" el tiempo. Ya") == [" el tiempo. "]
    assert splitter.flush() == ["Ya"]
    assert splitter.flush() == []


@pytest.mark.parametrize(
    "formula",
    [
        "$a + b = c, d + e = f, g + h = i$",
        "$$x = \\frac{1}{2}. y = 3, z = 4, w = 5$$",
        "\\(a, b, c, d, e, f, g, h, i, j\\)",
        "\\[ x = 1. y = 2. z = 3. \\]",
    ],
)
@pytest.mark.parametrize("size", [1, 7, 500])
def test_formula_is_never_cut(formula: str, size: int):
    text = f"La fórmula, claro, es {formula} y ya está."

    assert any(formula in clause for clause in clauses_of(text, size))


@pytest.mark.parametrize("measure", ["120 km/h", "90 mg/dL", "1 000 000 kWh", "25 °C", "3 GHz"])
@pytest.mark.parametrize("before", range(5, 9))
def test_number_stays_with_its_unit(measure: str, before: int):
    text = f"{'uno ' * before}{measure} y otra cosa más que decir aquí."

    assert any(measure in clause for clause in clauses_of(text, 3))
