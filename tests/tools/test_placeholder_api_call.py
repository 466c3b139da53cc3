"""The placeholder waits, reports, and says what it is."""

import itertools
from typing import Any

import pytest
from pydantic import ValidationError

from app.tools import placeholder_api_call
from tests.support.context import arguments_of, tool_context

TOOL = placeholder_api_call.run


async def call(locale: Any = "es", **values: Any) -> tuple[dict[str, Any], list[Any]]:
    async with tool_context(locale=locale) as ctx:
        result = await TOOL.run(arguments_of(TOOL, **values), ctx)
        return result, ctx.progress.seen


@pytest.mark.parametrize(("locale", "words"), [("es", "marcador de posición"), ("en", "placeholder")])
async def test_it_says_in_the_users_language_that_it_is_a_placeholder(locale: str, words: str):
    result, _ = await call(locale)

    assert result["placeholder"] is True
    assert words in result["notice"]


async def test_without_a_delay_it_returns_at_once():
    result, _ = await call()

    assert result["requested_delay_s"] == 0
    assert result["waited_s"] < 0.2


async def test_it_waits_as_long_as_asked_and_reports_on_the_way():
    result, reports = await call(delay_s=1.2)

    fractions = [fraction for _, fraction in reports]
    assert 1.2 <= result["waited_s"] < 2
    assert len(fractions) >= 3
    assert all(earlier < later for earlier, later in itertools.pairwise(fractions))
    assert fractions[-1] == 1.0
    assert reports[0][0] == "Esperando como lo haría una API lenta"


@pytest.mark.parametrize("delay_s", [-1, 25.1, float("nan"), float("inf"), "soon", None])
def test_a_delay_outside_its_bounds_is_refused_by_name(delay_s: object):
    with pytest.raises(ValidationError, match="delay_s"):
        arguments_of(TOOL, delay_s=delay_s)


def test_the_longest_delay_is_25_seconds():
    assert arguments_of(TOOL, delay_s=25).delay_s == 25


def test_unknown_arguments_are_refused_by_name():
    with pytest.raises(ValidationError, match="seconds"):
        arguments_of(TOOL, seconds=3)


def test_it_changes_nothing():
    assert TOOL.effect == "read"
