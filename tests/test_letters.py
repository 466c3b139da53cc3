"""The forms of letters, and that no text takes long."""

import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.letters import MAX_MARKS, bare, composed

RISING, BELOW = "\u0301", "\u0316"
MANY_MARKS = RISING + BELOW


def reference(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@pytest.mark.parametrize(
    ("text", "plain"),
    [("ÁRBOL", "arbol"), ("Ñandú", "nandu"), ("Straße", "strasse"), ("①ﬁ", "1fi"), ("", "")],
)
def test_case_and_marks_go(text: str, plain: str):
    assert bare(text) == plain


@given(st.text())
def test_bare_is_what_taking_apart_and_leaving_out_gives(text: str):
    assert bare(text) == reference(text)


@given(st.text())
def test_composed_is_nfc(text: str):
    assert composed(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize("form", [bare, composed], ids=["bare", "composed"])
@pytest.mark.parametrize("run", [MANY_MARKS, "\u0f73\u0301", "\U0001d165\u0301\u0316", "a" + MANY_MARKS * 14])
def test_a_megabyte_of_marks_holds_nobody_up(form: type, run: str):
    """Sorted by insertion it takes minutes."""
    text = run * (500_000 // len(run))
    began = time.process_time()

    form(text)

    assert time.process_time() - began < 5


def test_more_marks_than_a_letter_has_are_left_out():
    assert composed("n\u0303" + MANY_MARKS * 100 + "x").endswith("x")
    assert len(composed("e" + MANY_MARKS * 100)) <= 1 + MAX_MARKS


def test_every_mark_is_known():
    """A newer Unicode may have marks elsewhere; then the bounds of the search must follow."""
    beyond = [chr(code) for code in [*range(0x300), *range(0x20000, sys.maxunicode + 1)]]

    assert not any(unicodedata.combining(unicodedata.normalize("NFD", char)[0]) for char in beyond)
