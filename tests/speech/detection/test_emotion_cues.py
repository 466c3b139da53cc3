"""The cues are weights and patterns for plain text, and none of them costs time on a hostile one."""

import time
import unicodedata

import pytest

from app.speech.detection.emotion_cues import CUES, NEGATION, Cue


@pytest.mark.parametrize("cue", CUES, ids=lambda cue: f"{cue.mood}-{cue.weight}")
def test_a_cue_weighs_something_and_is_written_for_plain_text(cue: Cue):
    plain = "".join(
        c for c in unicodedata.normalize("NFKD", cue.pattern.pattern) if not unicodedata.combining(c)
    )

    assert 0 < cue.weight < 1
    assert not cue.pattern.fullmatch("")
    assert plain.casefold() == cue.pattern.pattern.replace("\ufe0f", "").casefold() or "❤" in plain


@pytest.mark.parametrize("text", ["been " * 100, "no has " * 70, "told " * 100, "." * 500, "llevo " * 80])
def test_a_hostile_text_is_searched_at_once(text: str):
    """Takes about a millisecond; a pattern that goes back and forth would take seconds."""
    begun = time.perf_counter()
    for cue in CUES:
        cue.pattern.search(text)

    assert time.perf_counter() - begun < 2


def test_a_negation_reaches_over_two_words():
    assert NEGATION.search("no estoy nada ")
    assert not NEGATION.search("no, eso es ")
    assert not NEGATION.search("no lo que yo digo es ")
