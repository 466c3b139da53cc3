"""A fast stand-in for Azure OpenAI: streams paced tokens in events as large as the real ones.

The last message's text says what to stream: `Order.text()` writes it, `Order.parse` reads it. A JSON object
there is a request for a summary, which has twenty words. Nothing is checked; the strict stand-in is the
tests'.
"""

import argparse
import asyncio
import re
import sys
import time
from typing import NamedTuple, Self

import orjson
import uvloop

_WORDS = "Claro que sí, la respuesta llega palabra por palabra y nadie espera a que esté completa ".split(" ")

_ORDER = re.compile(r"\b(\d{1,5}) (\d{1,7}) ([01])\b")
"""A note may stand beside it."""

_HEAD = (
    b"HTTP/1.1 200 OK\r\n"
    b"transfer-encoding: chunked\r\n"
    b"content-type: text/event-stream; charset=utf-8\r\n"
    b"apim-request-id: 5b6d9a8c-0d5e-4c34-9a53-6f1f6f0c3a11\r\n"
    b"x-ratelimit-remaining-requests: 999\r\n"
    b"x-ratelimit-remaining-tokens: 99999\r\n"
    b"x-ms-region: Sweden Central\r\n"
    b"x-ms-deployment-name: bench\r\n"
    b"x-request-id: 8a3c1f1e-45b2-4b6b-8f0e-0d7b1c2e9f55\r\n\r\n"
)
_SAFE = {"filtered": False, "severity": "safe"}
_FILTERS = {"hate": _SAFE, "self_harm": _SAFE, "sexual": _SAFE, "violence": _SAFE}
_PROMPT_FILTER = {
    "choices": [],
    "created": 0,
    "id": "",
    "model": "",
    "object": "",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": _FILTERS}],
}


class Order(NamedTuple):
    """What one answer is to be.

    Attributes:
        tokens: How many pieces of text.
        gap_us: Time between them, in microseconds.
        is_stamped: Each piece is not a word but `sent/received`: when it was written and when its request had
            come, in nanoseconds of the machine's monotonic clock, which all its processes share.
    """

    tokens: int
    gap_us: int
    is_stamped: bool = False

    def text(self) -> str:
        """The order as a user's text."""
        return f"{self.tokens} {self.gap_us} {int(self.is_stamped)}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads `text()`, or what is to be summarised."""
        if text.startswith("{"):
            return cls(20, 1000)
        found = _ORDER.search(text[:2000])
        if found is None:
            return cls(20, 20_000)  # an attacker's
        return cls(int(found[1]), int(found[2]), found[3] == "1")


def _event(value: object) -> bytes:
    data = value if isinstance(value, bytes) else orjson.dumps(value)
    return b"%x\r\ndata: %b\n\n\r\n" % (len(data) + 8, data)


def _chunk(delta: dict[str, str], finish_reason: str | None = None) -> bytes:
    choice = {
        "content_filter_results": _FILTERS if delta.get("content") else {},
        "delta": delta,
        "finish_reason": finish_reason,
        "index": 0,
        "logprobs": None,
    }
    return _event(
        {
            "choices": [choice],
            "created": 1_750_000_000,
            "id": "chatcmpl-BrE6qVqGm0bV0lXk0m3kY9s2w1xYz",
            "model": "gpt-4o-2024-11-20",
            "object": "chat.completion.chunk",
            "system_fingerprint": "fp_ee1d74bde0",
        }
    )


_OPENING = _HEAD + _event(_PROMPT_FILTER) + _chunk({"content": "", "refusal": "", "role": "assistant"})
_ENDING = _chunk({}, "stop") + _event(b"[DONE]") + b"0\r\n\r\n"
_WORD_CHUNKS = [_chunk({"content": f"{word} "}) for word in _WORDS]


class Upstream(asyncio.Protocol):
    """One connection: requests one after the other."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        if not found:
            return
        length = int(head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0])
        if len(body) < length:
            return
        self._received = body[length:]
        order = Order.parse(orjson.loads(body[:length])["messages"][-1]["content"])
        self._transport.write(_OPENING)
        self._start = self._loop.time()
        self._received_ns = time.monotonic_ns()
        self._send_from(0, order)

    def _send_from(self, sent: int, order: Order) -> None:
        """Writes the tokens that are due; if this process was late, several."""
        if self._transport.is_closing():
            return
        gap_s = order.gap_us / 1e6
        now = self._loop.time() + 0.0005
        while sent < order.tokens and self._start + (sent + 1) * gap_s <= now:
            self._transport.write(self._token(sent, order))
            sent += 1
        if sent == order.tokens:
            self._transport.write(_ENDING)
        else:
            self._loop.call_at(self._start + (sent + 1) * gap_s, self._send_from, sent, order)

    def _token(self, number: int, order: Order) -> bytes:
        if order.is_stamped:
            return _chunk({"content": f"{time.monotonic_ns()}/{self._received_ns} "})
        return _WORD_CHUNKS[number % len(_WORD_CHUNKS)]


async def _serve(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Upstream, "127.0.0.1", port, backlog=1024)
    sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    uvloop.run(_serve(parser.parse_args().port))
