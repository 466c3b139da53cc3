"""The measure itself."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from bench.voice.word_errors import WordErrors, errors_between, total, word_errors, words_of

WORDS = st.lists(st.sampled_from("a b c d".split()), max_size=8)


@pytest.mark.parametrize(
    ("said", "heard", "errors"),
    [
        ("hola", "hola", WordErrors(words=1)),
        ("dime qué hora es", "dime que ahora es", WordErrors(wrong=1, words=4)),
        ("dime qué hora es", "dime es", WordErrors(missing=2, words=4)),
        ("hola", "hola a todos", WordErrors(extra=2, words=1)),
        ("", "gracias", WordErrors(extra=1)),
        ("sí", "", WordErrors(missing=1, words=1)),
        ("a b c d", "b c d e", WordErrors(missing=1, extra=1, words=4)),
    ],
)
def test_errors_are_counted_by_their_kind(said: str, heard: str, errors: WordErrors):
    assert word_errors(said, heard, "es") == errors


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("¿Cuánto es 2 más 2?", "cuanto es dos mas dos", "es"),
        ("Cuesta 25 euros.", "cuesta veinticinco euros", "es"),
        ("It is 15% off", "it is fifteen percent off", "en"),
        ("Me gustaría, [0.8 s de pausa] sí", "me gustaria si", "es"),
        ("WAIT -- stop!", "wait stop", "en"),
    ],
)
def test_what_sounds_the_same_is_the_same(one: str, other: str, language: Locale):
    assert words_of(one, language) == words_of(other, language)


@pytest.mark.parametrize(
    ("said", "heard", "count"),
    [
        ("Room four five two, please", "Room 452, please.", 0),
        ("The year two thousand and four", "The year 2004", 0),
        ("Código uno dos, y son trescientos doce", "Código 12, y son 312", 0),
        ("Código uno dos", "Código 13", 1),
    ],
)
def test_figures_stand_for_either_way_to_read_them(said: str, heard: str, count: int):
    assert word_errors(said, heard, "en" if said[0] in "RT" else "es").count == count


def test_rates_add_up_by_words_and_not_by_sentences():
    errors = total([word_errors("a b c d e f g h i", "a b c d e f g h i", "en"), word_errors("x", "y", "en")])

    assert errors.rate == 0.1
    assert WordErrors().rate == 0
    assert WordErrors(extra=3).rate == 1


@given(WORDS, WORDS)
def test_errors_are_no_more_than_replacing_everything_and_none_only_for_the_same(
    said: list[str], heard: list[str]
):
    errors = errors_between(said, heard)

    assert errors.words == len(said)
    assert abs(len(said) - len(heard)) <= errors.count <= max(len(said), len(heard))
    assert (errors.count == 0) is (said == heard)
    assert len(said) - errors.missing + errors.extra == len(heard)
    assert errors_between(heard, said).count == errors.count
