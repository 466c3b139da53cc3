"""The tools of a request, and the keys under which models write calls to them."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, cast

from app.llm.base import FunctionCall, ToolSchema

NAME_KEYS: Final = ("name", "tool_name", "function_name", "tool", "function", "recipient_name", "action")
ARGUMENT_KEYS: Final = (
    "arguments", "parameters", "args", "input", "params", "action_input", "tool_input", "kwargs", "tool_args",
)  # fmt: skip
LIST_KEYS: Final = (
    "tool_calls",
    "tool_call",
    "function_call",
    "function_calls",
    "calls",
    "tools",
    "functions",
)
_SPACES: Final = ("functions.", "function.", "tools.", "tool.", "default_api.", "multi_tool_use.", "mcp.")
"""What models write before a tool's name: where any word might be one, any text might be a call."""

_TOKENS: Final = re.compile("<[|\uff5c].*", re.DOTALL)
"""Tokens of a template, from which some services do not tell the name: `calculate<|channel|>commentary`."""


class OfferedTools:
    """The tools of one request, as a reader of written calls needs them.

    Args:
        schemas: As the request offers them.
    """

    def __init__(self, schemas: Sequence[ToolSchema]) -> None:
        self.parameters: dict[str, dict[str, Any]] = {}
        for schema in schemas:
            function: dict[str, Any] = schema.get("function") or {}
            self.parameters[str(function.get("name"))] = function.get("parameters") or {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.parameters)

    def named(self, name: object) -> str | None:
        """Return the tool that a model means by this name, which may have a namespace before it."""
        if not isinstance(name, str):
            return None
        name = _TOKENS.sub("", name).strip(" \t\r\n\"'`").partition(":")[0]
        space, dot, bare = name.rpartition(".")
        if name in self.parameters:
            return name
        return bare if space + dot in _SPACES and bare in self.parameters else None

    def meant(self, call: FunctionCall) -> FunctionCall:
        """Return the call by the name of the tool that is meant; as it is where that is none of these."""
        name = call.name if call.name in self.parameters else self.named(call.name)
        return call if name in (None, call.name) else replace(call, name=name)

    def may_name(self, begun: str) -> bool:
        """Return whether a tool's name, or a namespace before it, may begin like this."""
        space, dot, last = begun.rpartition(".")
        tried = (begun, last) if space + dot in _SPACES else (begun,)
        return any(name.startswith(tried) for name in self.parameters) or any(
            space.startswith(begun) for space in _SPACES
        )

    def properties(self, name: str) -> Mapping[str, Any]:
        """Return the schemas of a tool's arguments."""
        return cast("Mapping[str, Any]", self.parameters[name].get("properties") or {})
