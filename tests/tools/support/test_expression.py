"""The calculator's language."""

import time
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.arithmetic import MAX_BITS, ExpressionError
from app.tools.support.expression import MAX_CHARS, MAX_DEPTH, evaluate


@dataclass(frozen=True)
class Written:
    """An expression together with the value that Python computed while it was being put together."""

    text: str
    value: int


def _sum(left: Written, right: Written) -> Written:
    return Written(f"({left.text} + {right.text})", left.value + right.value)


def _difference(left: Written, right: Written) -> Written:
    return Written(f"({left.text}-{right.text})", left.value - right.value)


def _product(left: Written, right: Written) -> Written:
    return Written(f"{_held(left)}×{_held(right)}", left.value * right.value)


def _quotient(left: Written, right: Written) -> Written:
    return Written(f"({_held(left)}//{_held(right)})", left.value // right.value) if right.value else left


def _remainder(left: Written, right: Written) -> Written:
    return Written(f"({_held(left)} % {_held(right)})", left.value % right.value) if right.value else left


def _negative(part: Written) -> Written:
    return Written(f"-{_held(part)}", -part.value)


def _square(part: Written) -> Written:
    return Written(f"{_held(part)}^2", part.value**2)


def _held(part: Written) -> str:
    return f"({part.text})"


NUMBERS = st.integers(0, 10**12).map(lambda value: Written(str(value), value))


def _larger(parts: st.SearchStrategy[Written]) -> st.SearchStrategy[Written]:
    pairs = [st.builds(join, parts, parts) for join in (_sum, _difference, _product, _quotient, _remainder)]
    return st.one_of(*pairs, st.builds(_negative, parts), st.builds(_square, parts))


EXPRESSIONS = st.recursive(NUMBERS, _larger, max_leaves=12)


@given(EXPRESSIONS)
def test_integer_arithmetic_agrees_with_python_to_the_last_digit(written: Written):
    if len(written.text) > MAX_CHARS or abs(written.value) >= 10**1000:
        return
    try:
        assert evaluate(written.text) == written.value
    except ExpressionError:
        # Only a step on the way may be over the limit.
        assert "^2" in written.text


@given(st.floats(1e-6, 1e6), st.floats(1e-6, 1e6))
def test_decimal_arithmetic_agrees_with_python(left: float, right: float):
    assert evaluate(f"{left!r}*{right!r}-{left!r}/{right!r}") == pytest.approx(
        left * right - left / right, rel=1e-9, abs=1e-9
    )


ANY_TEXT = st.text(max_size=300) | st.text(alphabet="0123456789.,+-*/^%!()√²eπsqrtmax x", max_size=300)


@given(ANY_TEXT)
def test_any_text_ends_soon_in_a_number_or_a_sentence(text: str):
    started = time.thread_time()
    try:
        assert isinstance(evaluate(text), int | float)
    except ExpressionError as exc:
        assert exc.es.endswith((".", "…).")) and exc.en.endswith((".", "…)."))

    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    "text",
    [
        "9^9000" + "*9" * 900,
        "1" + "+9^3000" * 270,
        "lcm(" + ",".join(f"9^{3000 - n}" for n in range(280)) + ")",
        "gcd(" + ",".join(f"7^{3000 - n}" for n in range(280)) + ")",
        "3!" + "!" * 1900,
        "√" * 1900 + "2",
        "-" * 1900 + "2",
        "2" + "^2" * 900,
        "(" * 900 + "1" + ")" * 900,
        "max(" * 450 + "1",
        "1 " + "% " * 900,
        "9" * 1999,
    ],
    ids=lambda text: text[:12],
)
def test_worst_that_fits_into_the_limit_is_quick(text: str):
    assert len(text) <= MAX_CHARS
    started = time.thread_time()
    try:
        evaluate(text)
    except ExpressionError:
        pass

    assert time.thread_time() - started < 1


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("15% de 80", 12),
        ("15% of 80", 12),
        ("50%+1", 1.5),
        ("10 % -3", -2),
        ("10 % (3)", 1),
        ("200*5%", 10),
        ("3 x 4", 12),
        ("3·4", 12),
        ("2²", 4),
        ("-2²", -4),
        ("2¹⁰", 1024),
        ("√16+2", 6),
        ("√√16", 2),
        ("2(3+4)", 14),
        ("(1+2)(3+4)", 21),
        ("2π", 6.28318530717959),
        ("2+2=", 4),
        ("¿2+2?", 4),
        ("(3,5)*2", 7),
        ("1.234.567,5*2", 2469135),
        ("Raíz(16)", 4),
        ("SEN(0)", 0),
    ],
)
def test_people_write_sums_in_many_ways(text: str, value: float):
    assert evaluate(text) == pytest.approx(value, rel=1e-12)


def test_comma_inside_a_call_separates_arguments_at_any_depth():
    assert evaluate("max(3,5)+min((1+1),(2))") == 7


def test_whole_results_are_integers():
    assert [type(evaluate(text)) for text in ("8/2", "2.5*2", "1e3", "sqrt(9)")] == [int] * 4


def test_noise_behind_the_fifteenth_digit_is_not_shown():
    assert repr(evaluate("0.1+0.2")) == "0.3"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("2+", "incompleta"),
        ("(2+3", "cerrar"),
        ("2+3)", "«)»"),
        ("foo(2)", "«foo»"),
        ("sqrt", "paréntesis"),
        ("sqrt(1, 2, 3)", "3 argumentos"),
        ("", "vacía"),
        ("2 & 3", "«&»"),
        ("1.234.56", "«1.234.56»"),
        ("factorial(2.5)", "enteros"),
        ("sqrt(-1)", "real"),
        ("10^1000", "demasiado grande"),
    ],
)
def test_error_says_what_is_wrong(text: str, part: str):
    with pytest.raises(ExpressionError) as failure:
        evaluate(text)

    assert part in failure.value.es


def test_unreadable_characters_are_not_repeated():
    with pytest.raises(ExpressionError) as failure:
        evaluate("2\x1b[31m")

    assert "\x1b" not in failure.value.en


@pytest.mark.parametrize(("levels", "is_taken"), [(MAX_DEPTH, True), (MAX_DEPTH + 1, False)])
def test_nesting_ends_at_its_limit(levels: int, is_taken: bool):
    text = "(" * levels + "1" + ")" * levels

    if is_taken:
        assert evaluate(text) == 1
    else:
        with pytest.raises(ExpressionError, match=str(MAX_DEPTH)):
            evaluate(text)


def test_length_ends_at_its_limit():
    assert evaluate("1" + "+1" * ((MAX_CHARS - 1) // 2)) == MAX_CHARS // 2
    with pytest.raises(ExpressionError, match=str(MAX_CHARS)):
        evaluate("1" * (MAX_CHARS + 1))


def test_steps_on_the_way_may_be_larger_than_a_result():
    assert 2**MAX_BITS > 10**1000
    assert evaluate("900!/898!") == 809100
