"""A text is made comparable without losing its place in the original."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.llm.demo.text import fold, json_spans, language_of, quotations, utterance


@given(text=st.text())
def test_the_comparable_form_is_as_long_as_the_written_one(text: str):
    said = utterance(text)

    assert len(said.plain) == len(said.raw)
    assert len(fold(text)) == len(text)


@given(text=st.text(alphabet="áéíóúñüÁÉÍÓÚÑ abcABC"))
def test_accents_and_case_are_folded(text: str):
    assert fold(text).isascii()
    assert fold(text) == fold(text.upper()) == fold(text.lower())


def test_quotations_addresses_and_json_are_no_words_of_the_user():
    said = utterance('di "hora" y {"clima": 1} y https://tiempo.example/hora')

    assert not {"hora", "clima", "tiempo"} & set(said.plain.replace("\ue000", " ").split())


def test_a_quoted_sum_stays_readable():
    assert "2+2" in utterance('calcula "2+2"').plain


@pytest.mark.parametrize("text", ['"a b"', "“a b”", "«a b»", "‘a b’", "`a b`", "'a b'"])
def test_all_kinds_of_quotes_are_known(text: str):
    assert [each.text for each in quotations(f"di {text} ya")] == ["a b"]


def test_an_apostrophe_is_no_quote():
    assert quotations("what's London's weather and it's what") == []


def test_nested_json_is_one_value():
    text = 'a {"b": {"c": [1]}} d'

    assert [(text[start:end], value) for start, end, value in json_spans(text)] == [
        ('{"b": {"c": [1]}}', {"b": {"c": [1]}})
    ]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("¿Qué hora es?", "es"),
        ("hola", "es"),
        ("dime algo", "es"),
        ("what is this", "en"),
        ("hello there", "en"),
        ("2+2", None),
        ("https://the.example/what/is", None),
    ],
)
def test_the_small_words_tell_the_language(text: str, language: str | None):
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("written", "mended"),
    [("calcla", "calcula"), ("wether", "weather"), ("cuento", "cuento"), ("wait", "wait")],
)
def test_a_slip_is_mended_and_a_word_is_not(written: str, mended: str):
    assert utterance(written).raw == mended
