"""An excerpt shows the words that were found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.storage.text import folded
from app.tools.support.excerpt import excerpt

FILLER = "palabra " * 100


def test_short_text_is_shown_whole_on_one_line():
    assert excerpt("mi tren\n\nsale  a las ocho", ["tren"], 100) == "mi tren sale a las ocho"


@pytest.mark.parametrize(
    ("before", "after", "starts", "ends"),
    [("", FILLER, "ÁRBOL", "…"), (FILLER, FILLER, "…", "…"), (FILLER, "", "…", "ÁRBOL.")],
)
def test_long_text_is_cut_around_the_word(before: str, after: str, starts: str, ends: str):
    shown = excerpt(f"{before}ÁRBOL. {after}", ["nada", "arbol"], 100)

    assert "ÁRBOL." in shown
    assert shown.startswith(starts)
    assert shown.endswith(ends)
    assert len(shown) <= 100


@pytest.mark.parametrize("odd", ["ß", "ﬁ", "e\u0301", "\u0301"])
def test_characters_that_fold_to_more_or_less_than_one_do_not_move_the_place(odd: str):
    assert "tren" in excerpt(odd * 3000 + " tren " + odd * 3000, ["tren"], 60)


def test_text_without_the_words_is_shown_from_its_beginning():
    assert excerpt("a" * 500, ["b"], 20) == "a" * 18 + "…"


@given(
    before=st.text(max_size=300), word=st.text("abcxyz", min_size=3, max_size=8), after=st.text(max_size=300)
)
def test_what_was_found_is_in_its_excerpt(before: str, word: str, after: str):
    shown = excerpt(f"{before} {word} {after}", [word], 80)

    assert len(shown) <= 80
    assert word in folded(shown)
