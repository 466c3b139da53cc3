"""A text is cut into numbers, operators and functions; the rest is words."""

from app.llm.demo.math_tokens import tokens_of
from app.llm.demo.text import utterance


def kinds(text: str) -> list[str]:
    return [token.kind for token in tokens_of(utterance(text))]


def test_signs_and_words_give_the_same_kinds_of_tokens():
    assert kinds("25 * 4") == kinds("veinticinco por cuatro") == ["number", "op", "number"]


def test_a_double_sign_is_one_token():
    assert [token.text for token in tokens_of(utterance("2**3//4"))] == ["2", "**", "3", "//", "4"]


def test_a_number_inside_a_word_is_none():
    assert "number" not in kinds("mp3 covid19 5G")


def test_an_ordinal_is_a_number_only_as_a_power():
    assert kinds("2 to the tenth")[-1] == "number"
    assert kinds("the tenth floor")[1] == "word"


def test_a_function_needs_its_parenthesis():
    assert kinds("log10(5)")[0] == "function"
    assert kinds("suma (3+4)")[0] == "word"


def test_every_token_knows_where_it_stands():
    said = utterance("¿cuánto es 3 más 4?")

    assert [said.raw[token.start : token.end] for token in tokens_of(said) if token.kind != "word"] == [
        "3",
        "más",
        "4",
    ]
