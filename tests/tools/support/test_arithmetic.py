"""Bounded arithmetic."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.arithmetic import (
    FUNCTIONS,
    MAX_BITS,
    ExpressionError,
    calling,
    checked,
    divide,
    factorial,
    floor_divide,
    power,
    readable,
    square_root,
    whole,
)


def call(name: str, *values: float) -> float:
    return calling(FUNCTIONS[name].compute, *values)


@given(st.integers(-(10**9), 10**9), st.integers(0, 60))
def test_powers_of_integers_are_exact(base: int, exponent: int):
    assert power(base, exponent) == base**exponent


@given(st.integers(0, 10**40))
def test_root_of_a_square_is_exact(root: int):
    assert square_root(root * root) == root


@pytest.mark.parametrize(("base", "exponent"), [(2, MAX_BITS + 1), (-3, 10**10), (10**50, 10**6)])
def test_power_that_would_be_too_large_is_refused_before_it_is_computed(base: int, exponent: int):
    with pytest.raises(ExpressionError, match="too large"):
        power(base, exponent)


@pytest.mark.parametrize("base", [0, 1, -1])
def test_bases_that_do_not_grow_take_any_exponent(base: int):
    assert power(base, 10**12) == base**2


@pytest.mark.parametrize(("text", "value"), [("2.5", 3), ("-2.5", -3), ("0.5", 1), ("2.4999", 2)])
def test_halves_are_rounded_away_from_zero(text: str, value: int):
    assert call("round", float(text)) == value


@pytest.mark.parametrize(
    ("value", "digits", "rounded"),
    [
        (2.675, 2, 2.68),
        (1234.5, -2, 1200),
        (1250, -2, 1300),
        (-1250, -2, -1300),
        (1e300, 2, 1e300),
        (7, 3, 7),
    ],
)
def test_digits_are_rounded_as_they_are_read(value: float, digits: int, rounded: float):
    assert call("round", value, digits) == rounded


@pytest.mark.parametrize("digits", [401, -401, 10**9])
def test_rounding_to_absurd_digits_is_refused(digits: int):
    with pytest.raises(ExpressionError):
        call("round", 2.5, digits)


def test_even_divisions_of_integers_stay_exact():
    assert divide(10**40, 10) == 10**39


def test_floor_division_rounds_down():
    assert floor_divide(-7, 2) == -4


def test_factorial_takes_whole_numbers_only():
    assert factorial(5.0) == 120
    for wrong in (2.5, -1):
        with pytest.raises(ExpressionError):
            factorial(wrong)


@pytest.mark.parametrize(("value", "shown"), [(0.1 + 0.2, 0.3), (4.0, 4), (1e20, 1e20), (-0.0, 0)])
def test_results_are_written_as_people_write_them(value: float, shown: float):
    assert readable(value) == shown
    assert str(readable(value)) == str(shown)


@pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 2 ** (MAX_BITS + 1)])
def test_what_is_no_usable_number_is_refused(value: float):
    with pytest.raises(ExpressionError):
        checked(value)


def test_whole_number_in_a_float_is_whole():
    assert whole(3.0) == 3


@pytest.mark.parametrize("name", ["sin", "cos", "tan"])
def test_angles_that_should_give_zero_do(name: str):
    angle = math.pi / 2 if name == "cos" else math.pi

    assert call(name, angle) == 0


def test_small_angles_keep_their_sine():
    assert call("sin", 1e-20) == 1e-20


@pytest.mark.parametrize(
    ("name", "values", "result"),
    [
        ("cbrt", (27,), 3),
        ("log", (8, 2), 3),
        ("log2", (1024,), 10),
        ("atan2", (0, 1), 0),
        ("asinh", (0,), 0),
        ("hypot", (3, 4), 5),
        ("comb", (5, 2), 10),
        ("ncr", (5, 7), 0),
        ("perm", (5, 2), 20),
        ("gcd", (48, 36, 8), 4),
        ("mcm", (4, 6, 10), 60),
        ("mod", (-5, 3), 1),
        ("pow", (2, 10), 1024),
        ("sign", (-4,), -1),
        ("abs", (-4,), 4),
        ("trunc", (-2.5,), -2),
        ("piso", (-2.5,), -3),
        ("ceil", (2.1,), 3),
        ("sum", (1, 2, 3), 6),
        ("media", (1, 2), 1.5),
        ("median", (3, 1, 2), 2),
        ("min", (3, 1), 1),
        ("maximo", (3, 1), 3),
    ],
)
def test_functions_give_their_value(name: str, values: tuple[float, ...], result: float):
    assert call(name, *values) == pytest.approx(result, rel=1e-12)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("sqrt", (-1,)),
        ("ln", (0,)),
        ("acosh", (0,)),
        ("exp", (1000,)),
        ("mod", (1, 0)),
        ("comb", (10**9, 10**6)),
        ("perm", (10**9, 10**6)),
        ("comb", (-1, 2)),
        ("lcm", (2**9000, 3**6000)),
        ("gcd", (2.5, 1)),
    ],
)
def test_what_has_no_value_is_an_error_with_both_sentences(name: str, values: tuple[float, ...]):
    with pytest.raises(ExpressionError) as failure:
        call(name, *values)

    assert failure.value.sentence("es") != failure.value.sentence("en")
