"""The lists are written as the judgement reads them, and no phrase stands in two of them."""

import unicodedata

import pytest

from app.speech.detection.barge_in_words import ASSENTS, STOPS


def test_no_phrase_both_nods_and_stops():
    assert ASSENTS["both"] & STOPS["both"] == set()


@pytest.mark.parametrize("phrases", [*ASSENTS.values(), *STOPS.values()])
def test_phrases_are_plain(phrases: frozenset[str]):
    for phrase in phrases:
        assert phrase == phrase.strip().lower() and phrase
        assert not any(unicodedata.combining(char) for char in unicodedata.normalize("NFKD", phrase))
        assert len(phrase.split()) <= 4 or phrase == "i know what you mean", phrase
