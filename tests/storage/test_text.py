"""What is replaced before a database sees it, and how words are searched."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage.text import REPLACEMENT, folded, storable, storable_json, words_of


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
def test_ordinary_text_stays_as_it_is(text: str):
    assert storable(text) == text


@pytest.mark.parametrize("odd", ["\x00", "\ud83d", "\ude00"])
def test_what_a_database_refuses_is_replaced(odd: str):
    assert storable(f"a{odd}b") == f"a{REPLACEMENT}b"


@given(st.text(st.characters()))
def test_every_text_becomes_storable(text: str):
    kept = storable(text)

    assert len(kept) == len(text)
    assert "\x00" not in kept.encode("utf-8").decode("utf-8")


def test_json_is_made_storable_in_its_depth():
    assert storable_json({"a\x00": [{"b": "\ud83d"}, 1, None, 2.5, True]}) == {
        f"a{REPLACEMENT}": [{"b": REPLACEMENT}, 1, None, 2.5, True]
    }


@pytest.mark.parametrize(("said", "asked"), [("ÁRBOL", "arbol"), ("Ñandú", "nandu"), ("Straße", "STRASSE")])
def test_case_and_accents_do_not_count(said: str, asked: str):
    assert folded(said) == folded(asked)


def test_words_are_each_counted_once_and_bounded():
    assert words_of("  El árbol, el ARBOL,  y ", 3) == ["el", "arbol,", "y"]
    assert words_of("a b c d", 2) == ["a", "b"]
    assert words_of(" \t\n", 5) == []
