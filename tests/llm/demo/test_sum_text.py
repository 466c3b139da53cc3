"""Numbers are put as the calculator reads them, and what is no sum is told apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import Locale
from app.llm.demo.sum_text import has_clock_at, is_equation, rewritten
from app.llm.demo.text import utterance


@given(number=st.integers(1_000, 10**12), gap=st.sampled_from([" ", "_", "\u00a0", "\u2009", "\u202f"]))
def test_groups_of_three_are_joined_whatever_parts_them(number: int, gap: str):
    grouped = f"{number:,}".replace(",", gap)

    assert rewritten(utterance(f"{grouped} + 1"), None).plain == f"{number} + 1"


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("1.500 + 1", "es", "1500 + 1"),
        ("1.500 + 1", "en", "1.500 + 1"),
        ("1.500 + 1", None, "1.500 + 1"),
        ("1,500 + 1", "en", "1500 + 1"),
        ("1,500 + 1", "es", "1,500 + 1"),
        ("1.500 + 3.14", "es", "1.500 + 3.14"),
        ("1.234.567,8", "es", "1234567,8"),
        ("max(1,000)", "en", "max(1,000)"),
        ("12 34", "es", "12 34"),
        ("|3-5|", None, "abs(3-5)"),
        ("a | b", None, "a | b"),
    ],
)
def test_grouping_signs_go_where_it_is_certain_that_they_group(
    text: str, language: Locale | None, expected: str
):
    said = rewritten(utterance(text), language)

    assert (said.plain, said.raw) == (expected, expected)


@pytest.mark.parametrize(
    ("text", "is_one"),
    [("2x+3=7", True), ("x = 4", True), ("2 x 3 = 6", False), ("2+2=", False), ("x+1", False)],
)
def test_an_equation_has_an_unknown_and_two_sides(text: str, is_one: bool):
    assert is_equation(utterance(text)) is is_one


def test_a_sum_that_takes_its_numbers_from_a_clock_is_known():
    assert has_clock_at(utterance("12:30 + 2"), 3, 9)
    assert not has_clock_at(utterance("a las 12:30: 3 + 2"), 13, 18)
