"""The calculator tool, over every line of the shared cases."""

import time
import tracemalloc
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.errors import Locale
from app.tools.base import ToolError
from app.tools.calculate import run as calculate
from app.tools.support.arithmetic import Number
from tests.support.context import arguments_of, tool_context

CASES = Path(__file__).parent.parent / "cases" / "calc_cases.txt"
MAX_S = 0.1
MAX_BYTES = 8 * 1024 * 1024


def _cases() -> list[tuple[str, str]]:
    lines = CASES.read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return [(_built(text), expected) for text, expected in pairs]


def _built(text: str) -> str:
    # The file's own rule: these lines are Python that builds a text too long to be written down.
    return eval(text.removeprefix("gen:")) if text.startswith("gen:") else text


def _is_right(result: Number, expected: str) -> bool:
    if expected.lstrip("-").isdigit():
        return result == int(expected)
    return result == pytest.approx(float(expected), rel=1e-9)


def _label(value: object) -> str:
    return str(value)[:40] or "nothing"


@pytest.mark.parametrize(("expression", "expected"), _cases(), ids=_label)
async def test_every_case_has_its_value_or_a_sentence_in_time(expression: str, expected: str):
    async with tool_context() as ctx:
        args = arguments_of(calculate, expression=expression)
        started = time.perf_counter()

        if expected == "error":
            with pytest.raises(ToolError, match=r"^\S.*[.…]$"):
                calculate.run(args, ctx)
        else:
            assert _is_right(calculate.run(args, ctx).result, expected)

        assert time.perf_counter() - started < MAX_S


@pytest.mark.parametrize(
    "expression",
    ["9**9**9", "factorial(10**9)", "factorial(factorial(20))", "comb(10**9, 10**8)", "9^9999*9^9999*9^9999"],
)
async def test_hopeless_expressions_take_no_memory(expression: str):
    async with tool_context() as ctx:
        args = arguments_of(calculate, expression=expression)
        tracemalloc.start()

        with pytest.raises(ToolError):
            calculate.run(args, ctx)

        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < MAX_BYTES


async def test_result_repeats_the_expression():
    async with tool_context() as ctx:
        result = calculate.run(arguments_of(calculate, expression="2+2"), ctx)

    assert result.model_dump() == {"expression": "2+2", "result": 4}


async def test_integers_beyond_doubles_keep_all_their_digits():
    async with tool_context() as ctx:
        result = calculate.run(arguments_of(calculate, expression="2**64+1"), ctx)

    assert result.model_dump_json() == '{"expression":"2**64+1","result":18446744073709551617}'


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [("es", "No se puede dividir entre cero."), ("en", "Division by zero is not possible.")],
)
async def test_failure_is_told_in_the_users_language(locale, sentence: str):
    async with tool_context(locale=locale) as ctx:
        with pytest.raises(ToolError) as failure:
            calculate.run(arguments_of(calculate, expression="1/0"), ctx)

    assert str(failure.value) == sentence


def test_unknown_argument_is_refused_by_name():
    with pytest.raises(ValidationError, match="precision"):
        arguments_of(calculate, expression="1", precision=3)


def test_expression_is_the_one_required_argument():
    parameters = calculate.schema()["function"]["parameters"]

    assert parameters["required"] == ["expression"]
    assert parameters["additionalProperties"] is False


@pytest.mark.parametrize(
    ("locale", "result", "note"),
    [("es", 1001, "«1.000» se ha leído como 1000."), ("en", 2, "“1.000” was read as 1.")],
)
async def test_result_says_how_a_number_was_read(locale: Locale, result: int, note: str):
    async with tool_context(locale=locale) as ctx:
        computed = calculate.run(arguments_of(calculate, expression="1.000+1"), ctx)

    assert (computed.result, computed.note) == (result, note)
    assert computed.read_as == ("1000+1" if locale == "es" else "1.000+1")


def test_model_is_told_to_pass_on_what_the_user_wrote():
    [described] = calculate.schema()["function"]["parameters"]["properties"].values()

    assert "as the user wrote it" in described["description"]
