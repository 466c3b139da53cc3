"""What the demo's tests have in common: the built-in tools' schemas, and a talk with the demo."""

import json
from datetime import UTC, datetime
from typing import Any

from app.errors import Locale
from app.llm.base import ChatRequest, Completion, FunctionCall
from app.llm.demo import DemoModel
from app.llm.demo.extractors import Intent
from app.llm.demo.understanding import understand
from app.tools.support.arithmetic import ExpressionError
from app.tools.support.expression import compute
from app.tools.support.time_zones import UnknownZone, find_zone
from tests.support.context import settings_with


def schema(*required: str, **properties: str) -> dict[str, Any]:
    """A parameter schema: names and JSON types, and which of them are required."""
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(required),
    }


TOOLS: dict[str, dict[str, Any]] = {
    "calculate": schema("expression", expression="string"),
    "get_current_time": schema(timezone="string"),
    "text_analysis": schema("text", text="string"),
    "get_weather_info": schema("location", location="string"),
    "make_http_request": schema(
        "url", url="string", method="string", headers="object", body="string", json="object"
    ),
    "get_public_ip": schema(),
    "placeholder_api_call": schema(delay_s="number"),
    "remember": schema(note="string", name="string", language="string", forget="string"),
    "search_talk": schema("query", query="string", limit="integer"),
}


def calls(
    text: str, *, earlier: Intent | None = None, **more: dict[str, Any]
) -> list[tuple[str, dict[str, Any]]]:
    """The calls that a text leads to: names and arguments; sums without their spaces."""
    intents = understand(text, TOOLS | more, earlier).intents
    return [(each.tool, each.arguments) for each in intents if not each.missing]


def meant(tool: str, arguments: dict[str, Any], locale: Locale) -> tuple[str, dict[str, Any]]:
    """A call as the tool reads it: a sum by its value, a place by its clock all year."""
    read: dict[str, Any] = {"expression": lambda text: _value(text, locale), "timezone": _clock}
    return tool, {name: read.get(name, lambda value: value)(value) for name, value in arguments.items()}


def _value(expression: str, locale: Locale) -> object:
    try:
        return compute(expression, locale).value
    except ExpressionError:
        return expression


def _clock(name: str) -> object:
    try:
        _, zone = find_zone(name)
    except UnknownZone:
        return name
    return [datetime(2026, month, 15, tzinfo=UTC).astimezone(zone).utcoffset() for month in range(1, 13)]


def _without_spaces(arguments: dict[str, Any]) -> dict[str, Any]:
    return {
        name: "".join(value.split()) if name == "expression" else value for name, value in arguments.items()
    }


def api_tools(tools: dict[str, dict[str, Any]] = TOOLS) -> list[dict[str, Any]]:
    """The tools as a request names them."""
    return [
        {"type": "function", "function": {"name": name, "description": name, "parameters": parameters}}
        for name, parameters in tools.items()
    ]


class Talk:
    """A talk with the demo: keeps the messages as the server would."""

    def __init__(
        self, *, tools: dict[str, dict[str, Any]] = TOOLS, locale: str = "es", **settings: Any
    ) -> None:
        self.demo = DemoModel(settings_with(**settings), token_delay_s=0)
        self.messages: list[dict[str, Any]] = [{"role": "system", "content": "You are an assistant."}]
        self.tools = api_tools(tools)
        self.locale: Any = locale

    async def says(self, text: str) -> str:
        """The user says something; what the demo answers in words."""
        self.messages.append({"role": "user", "content": text})
        return await self.goes_on()

    async def goes_on(self) -> str:
        """Asks the demo for its next answer, and keeps it."""
        text = ""
        async for piece in self.demo.stream(ChatRequest(self.messages, self.tools, self.locale)):
            if isinstance(piece, Completion):
                self.completion = piece
            else:
                text += piece
        self.messages.append(_assistant(text, self.completion.tool_calls))
        return text

    async def gets(self, *contents: dict[str, Any]) -> str:
        """Answers the calls of the last message, one content each; what the demo makes of them."""
        for call, content in zip(self.calls, contents, strict=True):
            message = {
                "role": "tool",
                "tool_call_id": call.id,
                "content": json.dumps(content, ensure_ascii=False),
            }
            self.messages.append(message)
        return await self.goes_on()

    async def hears_late(self, name: str, arguments: dict[str, Any], content: dict[str, Any]) -> str:
        """A background call's result comes as a pair of its own; what the demo makes of it."""
        call = FunctionCall("call_late", name, json.dumps(arguments))
        self.messages.append(_assistant("", (call,)))
        self.completion = Completion("tool_calls", (call,))
        return await self.gets(content)

    @property
    def calls(self) -> tuple[FunctionCall, ...]:
        """What the last answer calls."""
        return self.completion.tool_calls

    @property
    def called(self) -> list[tuple[str, dict[str, Any]]]:
        """The same, as names and arguments."""
        return [(call.name, json.loads(call.arguments)) for call in self.calls]


def _assistant(text: str, tool_calls: tuple[FunctionCall, ...]) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": text or None}
    if tool_calls:
        message["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call in tool_calls
        ]
    return message
