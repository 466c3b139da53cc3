"""The load: WebSocket clients lean enough to be no part of what they measure."""

import asyncio
import base64
import os
import random
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.upstream import Order

CONNECT_TIMEOUT_S = 30
_TEXT, _BINARY, _CLOSE, _PING, _PONG = 1, 2, 8, 9, 10


class LoadError(Exception):
    """The server did not do its part; the text says what came instead."""


@dataclass(slots=True)
class MetricsRecorder:
    """What clients have received.

    Attributes:
        tokens: The upstream's pieces of text.
        alone: Those that came in a frame of their own; a server may join what waits.
        first_chunk_ns: For each turn, how much later than the upstream wrote it and took the request the
            first token came: what the server adds on the way there and back.
        token_ns: For each later token, the time from the upstream's write to its arrival.
    """

    tokens: int = 0
    alone: int = 0
    first_chunk_ns: list[int] = field(default_factory=list)
    token_ns: list[int] = field(default_factory=list)

    @property
    def alone_share(self) -> float:
        """The share of tokens that came in a frame of their own, from 0 to 1."""
        return self.alone / self.tokens if self.tokens else 0.0


class Client(asyncio.Protocol):
    """One client that speaks protocol v1 over RFC 6455, as far as a measurement needs it."""

    PATH = b"/ws"

    HEADERS = b""
    """What its handshake says beside the necessary."""

    READY = "session_created"
    """The message that says that its session exists."""

    def __init__(self, metrics: MetricsRecorder) -> None:
        self.metrics = metrics
        self._received = bytearray()
        self._is_upgraded = False
        self._waiter: asyncio.Future[None] | None = None
        self._awaited = ""
        self._is_stamped = False
        self._asked_ns = 0
        self._is_first = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        key = base64.b64encode(os.urandom(16))
        transport.write(
            b"GET "
            + self.PATH
            + b" HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Key: " + key + b"\r\nSec-WebSocket-Version: 13\r\n" + self.HEADERS + b"\r\n"
        )

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(f"the connection was lost: {exc}")

    def expect(self, message_type: str) -> asyncio.Future[None]:
        """Done when a message of this type has come; fails with an `error` message or the connection."""
        self._awaited = message_type
        self._waiter = asyncio.get_running_loop().create_future()
        return self._waiter

    def ask(self, order: Order) -> asyncio.Future[None]:
        """Sends a text; done when it has been answered."""
        self._is_stamped, self._is_first = order.is_stamped, True
        answered = self.expect("response_complete")
        self._asked_ns = time.monotonic_ns()
        self._send(self.text(order))
        return answered

    def opening(self) -> dict[str, Any]:
        """The first message."""
        return {"type": "system", "user_id": "bench", "content": ""}

    def text(self, order: Order) -> dict[str, Any]:
        """The message that asks for an answer."""
        return {"type": "text", "content": order.text(), "user_id": "bench"}

    def close(self) -> None:
        self._waiter = None
        self._transport.close()

    def data_received(self, data: bytes) -> None:
        now_ns = time.monotonic_ns()
        self._received += data
        if not self._is_upgraded and not self._upgrade():
            return
        while (frame := self._next_frame()) is not None:
            opcode, payload = frame
            if opcode == _TEXT:
                self.take(orjson.loads(payload), now_ns)
            elif opcode == _BINARY:
                self.hear(payload, now_ns)
            elif opcode == _PING:
                self._write_frame(_PONG, payload)
            elif opcode == _CLOSE:
                self._fail(f"the server closed: {int.from_bytes(payload[:2])}")

    def _upgrade(self) -> bool:
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return False
        if not self._received.startswith(b"HTTP/1.1 101"):
            self._fail(f"no WebSocket: {bytes(self._received[:100])!r}")
        del self._received[: end + 4]
        self._is_upgraded = True
        self._send(self.opening())
        return True

    def _next_frame(self) -> tuple[int, bytes] | None:
        received = self._received
        if len(received) < 2:
            return None
        size, start = received[1], 2
        if size >= 126:
            start = 4 if size == 126 else 10
            size = int.from_bytes(received[2:start])
        end = start + size
        if len(received) < end:
            return None
        frame = received[0] & 15, bytes(received[start:end])
        del received[:end]
        return frame

    def take(self, message: dict[str, Any], now_ns: int) -> None:
        """Counts a message of the server, which came at `now_ns`."""
        message_type = message["type"]
        if message_type == "response_chunk":
            pieces = message["content"].split()
            self.metrics.tokens += len(pieces)
            self.metrics.alone += len(pieces) == 1
            if self._is_stamped:
                self._take_stamps(pieces, now_ns)
        elif message_type == "error":
            self._fail(f"an error: {message['content']}")
        elif message_type == self._awaited and self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def hear(self, sound: bytes, now_ns: int) -> None:
        """Takes sound of the server; nobody listens."""

    def _take_stamps(self, stamps: Iterable[str], now_ns: int) -> None:
        for stamp in stamps:
            sent, _, received = stamp.partition("/")
            if self._is_first:
                self._is_first = False
                upstream_ns = int(sent) - int(received)
                self.metrics.first_chunk_ns.append(now_ns - self._asked_ns - upstream_ns)
            else:
                self.metrics.token_ns.append(now_ns - int(sent))

    def _fail(self, what: str) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(LoadError(what))

    def _send(self, message: dict[str, Any]) -> None:
        self._write_frame(_TEXT, orjson.dumps(message))

    def _write_frame(self, opcode: int, payload: bytes) -> None:
        # A client's frames are masked; the mask 0 leaves the bytes as they are.
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2)
        self._transport.write(bytes((0x80 | opcode,)) + length + bytes(4) + payload)


async def connect(port: int, client: Client, awaited: str | None = None) -> None:
    """Connects a client; its session exists when this returns.

    Raises:
        LoadError: The server refused.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(CONNECT_TIMEOUT_S):
        ready = client.expect(awaited or client.READY)
        await loop.create_connection(lambda: client, "127.0.0.1", port)
        await ready


async def connect_all(
    port: int, count: int, metrics: MetricsRecorder, kind: Callable[[MetricsRecorder], Client] = Client
) -> list[Client]:
    """That many clients of one kind, connected one after the other."""
    clients = [kind(metrics) for _ in range(count)]
    for client in clients:
        await connect(port, client)
    return clients


async def one_turn_each(clients: Sequence[Client], order: Order) -> None:
    """Every client asks once, spread over one gap between tokens, so that tokens do not come in volleys."""

    async def ask_in_a_moment(number: int, client: Client) -> None:
        await asyncio.sleep(order.gap_us / 1e6 * number / len(clients))
        await client.ask(order)

    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(ask_in_a_moment(number, client))


async def keep_asking(clients: Sequence[Client], order: Order, turns: int) -> None:
    """Every client takes turns with pauses of chance length, as people do; all begin at different moments."""
    answer_s = order.tokens * order.gap_us / 1e6
    chance = random.Random(len(clients))  # the same pauses in every run

    async def talk(client: Client) -> None:
        await asyncio.sleep(chance.uniform(0, answer_s))
        for _ in range(turns):
            await client.ask(order)
            await asyncio.sleep(chance.uniform(0, answer_s / 10))

    async with asyncio.TaskGroup() as group:
        for client in clients:
            group.create_task(talk(client))


async def ask_in_bursts(clients: Sequence[Client], order: Order, turns: int) -> None:
    """All clients ask in the same moment; when all are answered, they do so again."""
    for _ in range(turns):
        await asyncio.gather(*(client.ask(order) for client in clients))
