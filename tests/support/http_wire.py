"""A small HTTP/1.1 server that leaves every byte to the test: it can cut, stall, drip and lie."""

import asyncio
import json
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Received:
    """A request as it came.

    `gone` is set when the client has closed its side, or the answer's connection is lost.
    """

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    raw_body: bytes
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    is_answered: bool = False

    @property
    def body(self) -> dict[str, Any]:
        return json.loads(self.raw_body or b"{}")

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body.get("messages", [])

    @property
    def last_text(self) -> str:
        """The last message's content."""
        return str(self.messages[-1].get("content")) if self.messages else ""


class ClientGone(Exception):
    """The client has closed the connection; nobody reads what would be written."""


class Exchange:
    """One request and the answer that is being written to it."""

    def __init__(self, request: Received, wire: "Wire") -> None:
        self.request = request
        self.wire = wire
        self.has_started = False
        self.keeps_alive = True
        self._is_chunked = False

    async def start(
        self, status: int, headers: dict[str, str] | None = None, *, chunked: bool = True
    ) -> None:
        """Sends the status line and the headers; `chunked=False` ends the body by closing."""
        self.has_started, self._is_chunked = True, chunked
        lines = [
            f"HTTP/1.1 {status} Reason",
            *(f"{name}: {value}" for name, value in (headers or {}).items()),
        ]
        lines += ["transfer-encoding: chunked"] if chunked else ["connection: close"]
        self.keeps_alive = chunked
        await self.wire.write(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def send(self, data: bytes) -> None:
        """Sends a piece of the body."""
        await self.wire.write(b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data)

    async def event(self, value: Any) -> None:
        """Sends a server-sent event with a JSON value, or `[DONE]`."""
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        await self.send(f"data: {text}\n\n".encode())

    async def finish(self) -> None:
        """Ends the body."""
        if self._is_chunked:
            await self.wire.write(b"0\r\n\r\n")
        else:
            self.wire.close()

    async def whole(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """Sends an answer with a known length."""
        self.has_started = True
        lines = [f"HTTP/1.1 {status} Reason", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        await self.wire.write(("\r\n".join(lines) + "\r\n\r\n").encode() + body)

    async def json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        """Sends a JSON answer."""
        await self.whole(
            status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})}
        )

    def cut(self, *, reset: bool = False) -> None:
        """Breaks the connection, with a goodbye of TCP or (`reset`) without one."""
        self.keeps_alive = False
        self.wire.close(reset=reset)


class Wire(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, serve: Callable[["Wire"], Awaitable[None]], tasks: set[asyncio.Task[None]]) -> None:
        self._serve, self._tasks = serve, tasks
        self._buffer = bytearray()
        self._changed = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()
        self.transport: asyncio.Transport
        self.is_closed = False
        self.request: Received | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        task = asyncio.get_running_loop().create_task(self._run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _run(self) -> None:
        try:
            await self._serve(self)
        except ClientGone:
            pass
        finally:
            self.transport.close()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        self._changed.set()

    def eof_received(self) -> None:
        self._note_closed()

    def connection_lost(self, exc: Exception | None) -> None:
        self._note_closed()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def _note_closed(self) -> None:
        self.is_closed = True
        self._changed.set()
        self._writable.set()
        if self.request is not None:
            self.request.gone.set()

    async def write(self, data: bytes) -> None:
        if self.is_closed:
            raise ClientGone
        self.transport.write(data)
        await self._writable.wait()

    def close(self, *, reset: bool = False) -> None:
        if reset:
            sock: socket.socket = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.transport.abort()
        else:
            self.transport.close()

    async def next_request(self) -> Received:
        """Waits for a whole request.

        Raises:
            ClientGone: The client hung up instead, or does not speak HTTP.
        """
        while not self._buffer:
            await self._more()
        if not self._buffer[:1].isalpha():
            # A TLS handshake on a plain port: answered as common servers do.
            await self.write(b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\n\r\n")
            raise ClientGone
        head = await self._take_until(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        method, target, _ = lines[0].split(" ")
        headers = {
            name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])
        }
        body = await self._take(int(headers.get("content-length", "0")))
        url = urlsplit(target)
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        self.request = Received(method, url.path, query, headers, body)
        return self.request

    async def _take_until(self, mark: bytes) -> bytes:
        while (end := self._buffer.find(mark)) < 0:
            await self._more()
        taken = bytes(self._buffer[:end])
        del self._buffer[: end + len(mark)]
        return taken

    async def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            await self._more()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    async def _more(self) -> None:
        if self.is_closed:
            raise ClientGone
        self._changed.clear()
        await self._changed.wait()


class WireServer:
    """Listens on loopback and hands each request to `answer`."""

    def __init__(
        self, answer: Callable[[Exchange], Awaitable[None]], ssl_context: ssl.SSLContext | None = None
    ) -> None:
        self._answer = answer
        self._ssl = ssl_context
        self._tasks: set[asyncio.Task[None]] = set()
        self._wires: set[Wire] = set()
        self._server: asyncio.Server | None = None
        self.connections = 0

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *exc_info: object) -> None:
        await self.stop()

    async def start(self, port: int = 0, host: str = "127.0.0.1") -> Self:
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._new_wire, host, port, ssl=self._ssl, backlog=1024)
        return self

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        tasks = list(self._tasks)
        for wire in list(self._wires):
            wire.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        assert self._server is not None
        return self._server.sockets[0].getsockname()[1]

    @property
    def open_connections(self) -> int:
        return len(self._wires)

    def close_idle(self) -> None:
        """Closes every connection on which no answer is under way, as a service does after a while."""
        for wire in list(self._wires):
            if wire.request is None or wire.request.is_answered:
                wire.transport.close()

    def _new_wire(self) -> Wire:
        return Wire(self._serve, self._tasks)

    async def _serve(self, wire: Wire) -> None:
        self.connections += 1
        self._wires.add(wire)
        try:
            while True:
                exchange = Exchange(await wire.next_request(), wire)
                await self._answer(exchange)
                exchange.request.is_answered = True
                if not exchange.keeps_alive:
                    return
        finally:
            self._wires.discard(wire)
            if wire.request is not None and wire.is_closed:
                wire.request.gone.set()
