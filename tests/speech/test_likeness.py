"""How alike short phrases sound."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from app.speech.likeness import alike, sounds_of

rows = st.text("aeioubdgkmnprst", max_size=12)


@pytest.mark.parametrize(
    ("one", "other", "language"),
    [
        ("bale", "vale", "es"), ("ah vale", "abale", "es"), ("por su puesto", "por supuesto", "es"),
        ("qui ero", "kiero", "es"), ("all right", "allright", "en"), ("yeahp", "yep", "en"),
        ("i see", "easy", "en"), ("xakt", "ksact", "en"),
    ],
)  # fmt: skip
def test_what_is_spelt_in_another_way_sounds_the_same(one: str, other: str, language: Locale):
    assert sounds_of(one, language) == sounds_of(other, language)


@pytest.mark.parametrize(
    ("near", "far", "said"),
    [("bano", "kano", "pano"), ("tona", "sona", "dona"), ("misa", "mika", "niza"), ("cola", "coma", "cora")],
)
def test_what_is_often_mixed_up_is_more_alike(near: str, far: str, said: str):
    heard = sounds_of(said, "es")

    assert alike(heard, sounds_of(near, "es")) > alike(heard, sounds_of(far, "es"))


@given(rows, rows)
def test_likeness_has_its_bounds_and_no_direction(one: str, other: str):
    assert 0 <= alike(one, other) <= 1
    assert alike(one, other) == pytest.approx(alike(other, one))
    assert alike(one, one) == 1
