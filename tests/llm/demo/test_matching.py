"""A sentence is near the examples that have the same rare words, and far from those that have other ones."""

import pytest

from app.llm.demo.extractors import EXTRACTORS
from app.llm.demo.matching import HEAD, LEAST, Match, examples, read
from app.llm.demo.words import data


def nearest(text: str) -> Match:
    sentence = read(text)
    return examples().nearest(sentence, sentence)


def test_an_example_is_nearest_to_itself():
    assert nearest("¿qué hora es en Lima?")[:2] == ("get_current_time", 1.0)


def test_a_sentence_with_other_words_is_less_near():
    assert LEAST < nearest("¿y tú sabes qué hora es ya en Lima?").score < 1


def test_what_is_near_nothing_has_no_intent():
    assert nearest("xyzzy plugh").intent == ""
    assert nearest("").intent == ""


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("analiza este texto: hola, qué tal", "hola, qué tal"),
        ("recuerda que tengo frío. Y ya.", "tengo frío"),
        ("busca trenes en nuestra conversación", "trenes"),
    ],
)
def test_an_open_slot_takes_what_stands_there(text: str, rest: str):
    match = nearest(text)

    assert match.rest is not None
    assert match.rest.written == rest


def test_every_table_of_examples_has_both_languages_and_every_tool_has_one():
    tables = {name: table for name, table in data("examples").items() if isinstance(table, dict)}
    del tables["words"]

    assert set(EXTRACTORS) <= set(tables)
    assert all(set(table) == {"es", "en"} for table in tables.values())


def test_beginnings_of_known_words_are_known():
    assert "temperatura" in examples().known
    assert "temperatura"[:HEAD] + "*" in examples().known
