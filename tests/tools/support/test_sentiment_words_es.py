"""The Spanish lexicon."""

import unicodedata

import pytest

from app.tools.support.sentiment_words_es import BOOSTERS, EMOJI, NEGATIONS, PHRASES, strengths

WORDS = strengths()


@pytest.mark.parametrize(
    "form",
    "bueno buena buenos buenas excelente excelentes odio odia odiaba odiamos encantaron sufriendo".split(),
)
def test_marked_words_have_their_forms(form: str):
    assert form in WORDS


def test_praise_is_positive_and_blame_negative():
    assert WORDS["feliz"] > WORDS["barato"] > 0 > WORDS["caro"] > WORDS["horrible"]


def test_words_are_written_as_the_rules_look_them_up():
    for word in [*WORDS, *BOOSTERS, *NEGATIONS, *PHRASES]:
        assert word == word.lower() == unicodedata.normalize("NFD", word)


def test_no_word_both_rates_and_changes_others():
    assert not (WORDS.keys() & (BOOSTERS.keys() | NEGATIONS))


def test_strengths_stay_on_the_scale():
    assert all(0 < abs(strength) <= 4 for strength in WORDS.values())


def test_emoji_stand_for_rated_words():
    assert WORDS[EMOJI["😀"]] > 0 > WORDS[EMOJI["😡"]]
