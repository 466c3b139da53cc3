"""Scripted answers of the stand-in service: each says how it behaves by its name."""

import asyncio
import json
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Protocol

from tests.support.http_wire import Exchange, Received

STREAM = {"content-type": "text/event-stream; charset=utf-8", "x-request-id": "req_standin"}

AZURE_FIRST_CHUNK = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": {"hate": {"filtered": False}}}],
}


class Answer(Protocol):
    """What the stand-in does with one request that it accepts."""

    async def send(self, exchange: Exchange) -> None: ...


def chunk(delta: Any = None, finish_reason: str | None = None, **fields: Any) -> dict[str, Any]:
    """One chunk of a streamed completion."""
    return {
        "id": "chatcmpl-standin",
        "object": "chat.completion.chunk",
        "created": 1_750_000_000,
        "model": "standin",
        "choices": [{"index": 0, "delta": {} if delta is None else delta, "finish_reason": finish_reason}],
        **fields,
    }


def usage_chunk(request: Received, completion_tokens: int) -> dict[str, Any]:
    """The chunk without choices that counts the tokens; the prompt's are estimated from its bytes."""
    prompt = len(json.dumps(request.messages, ensure_ascii=False).encode()) // 3
    counted = {"prompt_tokens": prompt, "completion_tokens": completion_tokens}
    return chunk(usage={**counted, "total_tokens": sum(counted.values())}) | {"choices": []}


async def begin_stream(exchange: Exchange) -> None:
    """Headers, and on Azure the chunk without choices."""
    await exchange.start(200, STREAM)
    if exchange.request.path.startswith("/openai/deployments/"):
        await exchange.event(AZURE_FIRST_CHUNK)


async def end_stream(exchange: Exchange, finish_reason: str, tokens: int) -> None:
    """The finish reason, the usage if it was asked for, `[DONE]` and the body's end."""
    await exchange.event(chunk(finish_reason=finish_reason))
    if (exchange.request.body.get("stream_options") or {}).get("include_usage"):
        await exchange.event(usage_chunk(exchange.request, tokens))
    await exchange.event("[DONE]")
    await exchange.finish()


@dataclass(frozen=True)
class Text:
    """Streams words, one chunk each, `delay_s` apart.

    Attributes:
        tokens: A text, which is cut after each blank, or the tokens themselves.
        delay_s: Before each token, in seconds.
    """

    tokens: str | Sequence[str]
    delay_s: float = 0
    finish_reason: str = "stop"

    def pieces(self) -> list[str]:
        if not isinstance(self.tokens, str):
            return list(self.tokens)
        words = self.tokens.split(" ")
        return [word + " " for word in words[:-1]] + words[-1:]

    async def send(self, exchange: Exchange) -> None:
        await begin_stream(exchange)
        await exchange.event(chunk({"role": "assistant", "content": ""}))
        pieces = self.pieces()
        for piece in pieces:
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await exchange.event(chunk({"content": piece}))
        await end_stream(exchange, self.finish_reason, len(pieces))


Call = tuple[str, dict[str, Any] | str]


class ToolCalls:
    """Asks for tools: `ToolCalls(("calculate", {"expression": "2+2"}), ...)`.

    Args:
        calls: Names and arguments; arguments that are text are sent as they are.
        ids: The calls' ids; by default `call_` and a number that this process uses once.
        text: What the model says before.
        piece_chars: How many characters of the arguments a chunk carries.
    """

    _used = 0

    def __init__(
        self, *calls: Call, ids: Sequence[str] | None = None, text: str = "", piece_chars: int = 8
    ) -> None:
        self.calls = calls
        self.text, self.piece_chars = text, piece_chars
        self.ids = list(ids) if ids is not None else [self._new_id() for _ in calls]

    @classmethod
    def _new_id(cls) -> str:
        cls._used += 1
        return f"call_{cls._used:08d}"

    def deltas(self) -> list[dict[str, Any]]:
        deltas: list[dict[str, Any]] = [{"role": "assistant", "content": self.text or None}]
        for index, ((name, arguments), call_id) in enumerate(zip(self.calls, self.ids, strict=True)):
            text = arguments if isinstance(arguments, str) else json.dumps(arguments)
            head = {
                "index": index,
                "id": call_id,
                "type": "function",
                "function": {"name": name, "arguments": ""},
            }
            deltas.append({"tool_calls": [head]})
            for start in range(0, len(text), self.piece_chars):
                piece = text[start : start + self.piece_chars]
                deltas.append({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        return deltas

    async def send(self, exchange: Exchange) -> None:
        await begin_stream(exchange)
        deltas = self.deltas()
        for delta in deltas:
            await exchange.event(chunk(delta))
        await end_stream(exchange, "tool_calls", len(deltas))


@dataclass(frozen=True)
class Deltas:
    """Streams the deltas exactly as given."""

    deltas: Sequence[Any]
    finish_reason: str = "stop"

    async def send(self, exchange: Exchange) -> None:
        await begin_stream(exchange)
        for delta in self.deltas:
            await exchange.event(chunk(delta))
        await end_stream(exchange, self.finish_reason, len(self.deltas))


@dataclass(frozen=True)
class Status:
    """Refuses with a status; the body is an error object unless one is given."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    code: str | None = None
    message: str = "The stand-in was told to say so."
    param: str | None = None

    async def send(self, exchange: Exchange) -> None:
        error = {"code": self.code, "message": self.message, "param": self.param, "type": None}
        headers = {"x-request-id": "req_standin", **self.headers}
        if isinstance(self.body, bytes):
            await exchange.whole(self.status, self.body, headers)
        else:
            await exchange.json(self.status, {"error": error} if self.body is None else self.body, headers)


def redirect(url: str) -> Status:
    """Sends the client somewhere else, asking it to repeat the whole request there."""
    return Status(307, {"location": url}, b"")


def html(text: str = "<html><body>Please log in</body></html>") -> Status:
    """The login page of a proxy, with status 200."""
    return Status(200, {"content-type": "text/html"}, text.encode())


@dataclass(frozen=True)
class Raw:
    """Streams exactly these bytes, then ends the body.

    Attributes:
        parts: Sent one by one.
        delay_s: Before each part, in seconds.
        end: `finish` ends the body properly, `cut` closes the connection, `reset` breaks it, `hang` waits
            until the client goes.
        chunked: False: the body's end is the connection's.
    """

    parts: Sequence[bytes]
    delay_s: float = 0
    end: str = "finish"
    headers: dict[str, str] = field(default_factory=lambda: dict(STREAM))
    chunked: bool = True

    async def send(self, exchange: Exchange) -> None:
        await exchange.start(200, self.headers, chunked=self.chunked)
        for part in self.parts:
            if self.delay_s:
                await asyncio.sleep(self.delay_s)
            await exchange.send(part)
        if self.end == "finish":
            await exchange.finish()
        elif self.end == "hang":
            await exchange.request.gone.wait()
        else:
            exchange.cut(reset=self.end == "reset")


def events(*values: Any) -> bytes:
    """The bytes of server-sent events: JSON values, or strings as they are."""
    texts = [value if isinstance(value, str) else json.dumps(value, ensure_ascii=False) for value in values]
    return "".join(f"data: {text}\n\n" for text in texts).encode()


def text_events(*tokens: str) -> bytes:
    """The bytes of chunks with text."""
    return events(*(chunk({"content": token}) for token in tokens))


def cut_after(answer: bytes, size: int, *, reset: bool = False) -> Raw:
    """The first bytes of a stream, then the connection breaks."""
    return Raw([answer[:size]], end="reset" if reset else "cut")


def stall(*tokens: str) -> Raw:
    """Headers and some tokens, then silence until the client goes."""
    return Raw([text_events(*tokens)] if tokens else [], end="hang")


@dataclass(frozen=True)
class StallBeforeHeaders:
    """Says nothing at all until the client goes."""

    async def send(self, exchange: Exchange) -> None:
        await exchange.request.gone.wait()
        exchange.keeps_alive = False


@dataclass(frozen=True)
class Reset:
    """Breaks the connection before any answer."""

    async def send(self, exchange: Exchange) -> None:
        exchange.cut(reset=True)


@dataclass(frozen=True)
class Endless:
    """Streams a token again and again until the client goes."""

    token: str = "bla "
    delay_s: float = 0

    async def send(self, exchange: Exchange) -> None:
        await begin_stream(exchange)
        token = chunk({"content": self.token})
        while True:
            await exchange.event(token)
            await asyncio.sleep(self.delay_s)


@dataclass(frozen=True)
class Drip:
    """Sends bytes that bring nothing on, again and again until the client goes."""

    part: bytes = b": still here\n\n"
    delay_s: float = 0.02
    first: bytes = b""

    async def send(self, exchange: Exchange) -> None:
        await exchange.start(200, STREAM)
        if self.first:
            await exchange.send(self.first)
        while True:
            await exchange.send(self.part)
            await asyncio.sleep(self.delay_s)


@dataclass(frozen=True)
class HugeLine:
    """One `data:` line without an end, up to `size` bytes."""

    size: int = 64 * 1024 * 1024

    async def send(self, exchange: Exchange) -> None:
        await exchange.start(200, STREAM)
        await exchange.send(b"data: ")
        for _ in range(self.size // 65536):
            await exchange.send(b"x" * 65536)
        await exchange.finish()


def gzip_bomb(size: int = 50 * 1024 * 1024) -> Raw:
    """A compressed stream that inflates to one line of `size` bytes, though nobody asked for compression."""
    packer = zlib.compressobj(level=9, wbits=zlib.MAX_WBITS | 16)
    parts = [
        packer.compress(b"data: "),
        *(packer.compress(b"x" * 65536) for _ in range(size // 65536)),
        packer.flush(),
    ]
    return Raw([part for part in parts if part], headers={**STREAM, "content-encoding": "gzip"})


def http_date(seconds_ahead: float) -> str:
    """An HTTP date, as `Retry-After` may hold one."""
    return format_datetime(datetime.now(UTC) + timedelta(seconds=seconds_ahead), usegmt=True)
