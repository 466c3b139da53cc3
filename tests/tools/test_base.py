"""How a tool is written."""

from typing import Any

import pytest
from pydantic import BaseModel, Field

from app.tools.base import Tool, ToolContext, tool


class Args(BaseModel):
    """What people read; no model does."""

    to: str = Field(description="Who gets it.")
    times: int = 1


class NoArgs(BaseModel):
    pass


async def send(args: Args, ctx: ToolContext) -> str:
    """Sends it.

    Only when asked.
    """
    return args.to


def count(args: NoArgs, ctx: ToolContext) -> int:
    """Counts."""
    return 1


def test_tool_is_named_after_its_file_and_described_by_its_docstring():
    made = tool("write", timeout_s=5, inline_wait_s=2, approval=True)(send)

    assert made == Tool("test_base", "Sends it.\n\nOnly when asked.", Args, send, "write", 5, 2, True)


def test_schema_is_what_the_api_takes():
    assert tool()(send).schema() == {
        "type": "function",
        "function": {
            "name": "test_base",
            "description": "Sends it.\n\nOnly when asked.",
            "parameters": {
                "type": "object",
                "properties": {
                    "to": {"type": "string", "title": "To", "description": "Who gets it."},
                    "times": {"type": "integer", "title": "Times", "default": 1},
                },
                "required": ["to"],
            },
        },
    }


def test_schema_without_arguments_has_empty_properties():
    assert tool()(count).schema()["function"]["parameters"] == {"type": "object", "properties": {}}


def test_plain_function_needs_a_thread_and_a_coroutine_function_does_not():
    assert tool()(send).is_async
    assert not tool()(count).is_async


def test_effect_may_depend_on_the_arguments():
    made = tool(lambda args: "write" if args.times > 1 else "read")(send)

    assert made.effect_of(Args(to="a")) == "read"
    assert made.effect_of(Args(to="a", times=2)) == "write"
    assert tool()(send).effect_of(Args(to="a")) == "read"


def without_annotation(args, ctx):  # pyright: ignore[reportMissingParameterType, reportUnknownParameterType]
    """Does it."""


def with_another_type(args: dict[str, Any], ctx: ToolContext) -> None:
    """Does it."""


def without_parameters() -> None:
    """Does it."""


def without_docstring(args: NoArgs, ctx: ToolContext) -> None:
    pass


@pytest.mark.parametrize(
    "function", [without_annotation, with_another_type, without_parameters, without_docstring]
)
def test_function_that_says_too_little_is_refused(function: Any):
    with pytest.raises(TypeError, match="test_base: "):
        tool()(function)
