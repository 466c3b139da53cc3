"""A text is cut into words, numbers, signs, and passages that are not the user's own wording."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.demo.words import MAX_READ_CHARS, is_word, tokens_of


def slots(text: str, key: str) -> list[object]:
    return [token.value for token in tokens_of(text) if token.key == key]


@given(text=st.text())
def test_every_token_knows_where_it_stands(text: str):
    tokens = tokens_of(text)

    assert all(0 <= token.start < token.end <= len(text) for token in tokens)
    assert all(one.end <= other.start for one, other in pairwise(tokens))
    assert "".join("".join(text[token.start : token.end].split()) for token in tokens) == "".join(
        text.split()
    )


@given(text=st.text(alphabet="áéíóúñüÁÉÍÓÚÑ abcABC"))
def test_accents_and_case_do_not_count(text: str):
    def keys(written: str) -> list[str]:
        return [token.key for token in tokens_of(written)]

    assert keys(text) == keys(text.upper()) == keys(text.lower())


def test_quotations_addresses_and_json_are_no_words_of_the_user():
    tokens = tokens_of('di "hora" y {"clima": 1} en https://tiempo.example/hora')

    assert [token.key for token in tokens if is_word(token)] == ["di", "{quote}", "{json}", "en", "{url}"]


@pytest.mark.parametrize("text", ['"a b"', "“a b”", "«a b»", "‘a b’", "`a b`", "'a b'"])
def test_all_kinds_of_quotes_are_known(text: str):
    assert slots(f"di {text} ya", "{quote}") == ["a b"]


def test_an_apostrophe_is_no_quote():
    assert slots("what's London's weather and it's what", "{quote}") == []


def test_nested_json_is_one_value():
    assert slots('a {"b": {"c": [1]}} d', "{json}") == [{"b": {"c": [1]}}]


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("(https://a.example/x).", "https://a.example/x"),
        ("https://a.example/x_(y)", "https://a.example/x_(y)"),
        ("a.com?!", "a.com"),
    ],
)
def test_an_address_ends_before_the_sentence_does(written: str, url: str):
    assert slots(f"lee {written}", "{url}") == [url]


def test_only_the_beginning_of_a_text_is_read_but_for_json():
    assert tokens_of("a" * 5_000)[-1].end == MAX_READ_CHARS
    assert len(slots('{"a": "' + "b" * 5_000 + '"}', "{json}")) == 1
