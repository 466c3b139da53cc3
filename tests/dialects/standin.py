"""A service of one dialect on loopback: it refuses what its rules say, and answers as it does."""

import json
import re
from dataclasses import dataclass
from typing import Any

from tests.dialects.rules import Given
from tests.dialects.services import Service
from tests.support.answers import STREAM, Call, Text, begin_stream, chunk, usage_chunk
from tests.support.api_rules import strict_violations
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Exchange, Received

POISON = "veneno"
"""A text that holds it is refused, in whatever request it stands."""


class DialectStandin(AzureStandin):
    """The stand-in of one service.

    Attributes:
        service: Which.
        given: What it gave with its calls.
        broken: The rules that requests have broken, in the service's words.
        poisoned: How many requests held the poison.
    """

    def __init__(self, service: Service) -> None:
        super().__init__()
        self.service = service
        self.given = Given()
        self.broken: list[str] = []
        self.poisoned = 0

    def settings(self) -> dict[str, Any]:
        """Settings that make this the server's model."""
        return self.azure() if self.service.kind == "azure" else self.openai()

    async def _answer(self, exchange: Exchange) -> None:
        request = exchange.request
        if "chat/completions" not in request.path or self._refusal(request) is not None:
            await super()._answer(exchange)
            return
        words = next(
            (said for rule in self.service.rules if (said := rule.broken(request.messages, self.given))), None
        )
        if words is None and self.service.makes_grammar:
            words = no_grammar(request.body.get("tools"))
        if words is not None:
            self.requests.append(request)
            self.broken.append(words)
            status, body = self.service.refusal(words)
            await exchange.json(status, body)
        elif POISON in json.dumps(request.messages):
            self.requests.append(request)
            self.poisoned += 1
            await self._refuse_text(exchange)
        else:
            await super()._answer(exchange)

    async def _refuse_text(self, exchange: Exchange) -> None:
        refusal = self.service.refused_text
        if refusal is not None:
            await exchange.json(*refusal)
            return
        await exchange.start(200, STREAM)
        await exchange.event(chunk({"role": "assistant"}, "content_filter"))
        await exchange.event("[DONE]")
        await exchange.finish()

    def _content_refusal(self, request: Received) -> tuple[int, dict[str, Any]] | None:
        return None

    def strict(self) -> list[str]:
        """What the strictest of all dialects finds in the requests, but for what goes back to this one."""
        return [words for request in self.requests for words in strict_violations(_bare(request.messages))]

    def says(self, text: str, thoughts: str = "Veamos.") -> "Speaks":
        """An answer of words, in this service's manner."""
        return Speaks(self, text, thoughts)

    def calls(self, *calls: Call, text: str = "", thoughts: str = "Hace falta.") -> "CallsTools":
        """An answer that calls tools."""
        return CallsTools(self, calls, text, thoughts)


@dataclass(frozen=True)
class Speaks:
    """Words, one chunk each, with thoughts before them where the service thinks aloud."""

    standin: DialectStandin
    text: str
    thoughts: str

    async def send(self, exchange: Exchange) -> None:
        service = self.standin.service
        await begin_stream(exchange)
        await _think(exchange, service, self.thoughts)
        for piece in Text(self.text).pieces():
            await _say(exchange, service, piece)
        await _end(exchange, service, "stop")


@dataclass(frozen=True)
class CallsTools:
    """Tool calls, as the service streams them."""

    standin: DialectStandin
    calls: tuple[Call, ...]
    text: str
    thoughts: str

    async def send(self, exchange: Exchange) -> None:
        service = self.standin.service
        await begin_stream(exchange)
        await _think(exchange, service, self.thoughts)
        if service.writes_calls is not None:
            await self._write(exchange, service, service.writes_calls)
            return
        for piece in Text(self.text).pieces() if self.text else ():
            await _say(exchange, service, piece)
        pieces = [piece for n, call in enumerate(self.calls) for piece in self._pieces(n, call)]
        content = {"content": service.content_beside_calls}
        if service.calls_at_once:
            await exchange.event(chunk({**content, "tool_calls": pieces}, service.calls_reason))
            await _end(exchange, service, None)
            return
        for piece in pieces:
            await exchange.event(chunk({**content, "tool_calls": [piece]}))
        await _end(exchange, service, service.calls_reason)

    async def _write(self, exchange: Exchange, service: Service, form: str) -> None:
        """The calls as text; what is nothing but calls says nothing else."""
        for name, arguments in self.calls:
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            for piece in _cut(form.format(name=name, arguments=text)):
                await _say(exchange, service, piece)
        await _end(exchange, service, "stop")

    def _pieces(self, place: int, call: Call) -> list[dict[str, Any]]:
        service, given = self.standin.service, self.standin.given
        name, arguments = call
        text = arguments if isinstance(arguments, str) else json.dumps(arguments)
        index = {"counted": {"index": place}, "zero": {"index": 0}, "none": {}}[service.index]
        head = {
            **index,
            "id": service.new_id(),
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        if service.signs and place == 0:  # of parallel calls only the first is signed
            signature = f"sig-{len(given.signatures)}"
            given.signatures[name, text] = signature
            head["extra_content"] = {"google": {"thought_signature": signature}}
        if service.wants_thoughts and place == 0:
            given.thoughts[name, text] = self.thoughts
        if service.calls_at_once:
            head["function"]["arguments"] = text
            return [head]
        cut = len(text) // 2
        rest = [{**index, "function": {"arguments": part}} for part in (text[:cut], text[cut:])]
        return [head, *rest]


async def _think(exchange: Exchange, service: Service, thoughts: str) -> None:
    await exchange.event(chunk({"role": "assistant", "content": None}))
    thoughts = service.own_thoughts or thoughts
    if service.thinks_in_text is not None:
        before, behind = service.thinks_in_text
        for piece in [*_cut(before), *Text(thoughts).pieces(), *_cut(behind)]:
            await _say(exchange, service, piece)
    if service.thoughts is not None:
        for piece in Text(thoughts).pieces():
            await exchange.event(chunk({"content": None, service.thoughts: piece}))


async def _say(exchange: Exchange, service: Service, piece: str) -> None:
    reason = "stop" if service.reason_on_each else None
    await exchange.event(chunk({"content": piece, **dict(service.in_each_delta)}, reason))


def _cut(text: str) -> list[str]:
    """Tokens of a text without blanks to cut at."""
    return [text[at : at + 3] for at in range(0, len(text), 3)]


def no_grammar(tools: Any) -> str | None:
    """Why no grammar can be made of the tools, in the service's words; None where it can."""
    for tool in tools or []:
        written = json.dumps(tool["function"].get("parameters", {}))
        bounds = re.findall(r'"(?:max|min)(?:Length|Items|Properties)": (\d+)', written)
        is_odd = re.search(r'"\$ref"|"pattern"|"properties": \{\}|: \{\}|\{"description": "[^"]*"\}', written)
        if is_odd or any(int(bound) >= 2000 for bound in bounds):
            return "Failed to initialize samplers: failed to parse grammar"
    return None


async def _end(exchange: Exchange, service: Service, reason: str | None) -> None:
    last = dict(service.last_fields)
    if reason is not None:
        await exchange.event(chunk({}, reason, **last))
    if (exchange.request.body.get("stream_options") or {}).get("include_usage"):
        await exchange.event(usage_chunk(exchange.request, 5))
    await exchange.event("[DONE]")
    await exchange.finish()


def _bare(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages without what goes back to a service."""
    bare: list[dict[str, Any]] = []
    for message in messages:
        kept = {name: value for name, value in message.items() if name != "reasoning_content"}
        if "tool_calls" in kept:
            kept["tool_calls"] = [
                {name: value for name, value in call.items() if name != "extra_content"}
                for call in kept["tool_calls"]
            ]
        bare.append(kept)
    return bare
