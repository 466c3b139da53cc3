"""The word lists are fit for being compared with folded text."""

import pytest

from app.llm.demo import vocabulary
from app.llm.demo.text import fold

LISTS = {name: words for name, words in vars(vocabulary).items() if isinstance(words, frozenset)}


@pytest.mark.parametrize("name", LISTS)
def test_every_word_is_folded(name: str):
    assert {fold(word) for word in LISTS[name]} == LISTS[name]


def test_a_word_that_is_mended_to_is_never_mended_away():
    assert not vocabulary.TYPO_TARGETS & vocabulary.NO_TYPOS
