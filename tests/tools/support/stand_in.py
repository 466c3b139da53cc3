"""Servers on loopback that stand for the internet, good and bad ones, and the network that leads to them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpcore
import trustme

from app.tools.support.name_lookup import LookupFailed

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Runs the handler for each connection; gives the port. Leaving ends all connections."""
    connections: set[asyncio.Task[None]] = set()

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        connections.add(task)
        try:
            await handler(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # The client has hung up, as it may.
        finally:
            writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()


@dataclass
class Request:
    method: str
    target: str
    headers: dict[str, str]
    body: bytes


async def read_request(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii")
    first, *lines = head.strip().split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return Request(method, target, headers, body)


def response(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    fields = {"content-length": str(len(body))} | {
        key.replace("_", "-"): value for key, value in headers.items()
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + body


@dataclass
class Site:
    """Answers the nth request with the nth answer, and goes on with the last one."""

    answers: list[bytes] = field(default_factory=lambda: [response(body=b"ok")])
    requests: list[Request] = field(default_factory=list)

    async def __call__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await read_request(reader))
        writer.write(self.answers[min(len(self.requests), len(self.answers)) - 1])
        await writer.drain()


def answering(raw: bytes, *, abort: bool = False) -> Handler:
    """A server that sends these bytes to whoever asks, then closes (or resets) the connection."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(raw)
        await writer.drain()
        if abort:
            writer.transport.abort()

    return handle


class RecordingBackend(httpcore.AsyncNetworkBackend):
    """Notes who would be connected to, and connects to a stand-in: one for port 443, one for all others."""

    def __init__(self, plain_port: int = 0, tls_port: int = 0, dead: tuple[str, ...] = ()) -> None:
        self.contacts: list[tuple[str, int]] = []
        self._ports = (plain_port, tls_port)
        self._dead = dead
        self._real = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        self.contacts.append((host, port))
        if host in self._dead:
            raise httpcore.ConnectError("dead")
        return await self._real.connect_tcp("127.0.0.1", self._ports[port == 443], timeout)


class ScriptedResolver:
    """Answers the nth question for a name with its nth list of addresses; unknown names do not exist."""

    def __init__(self, names: dict[str, list[list[str]]] | None = None) -> None:
        self._names = {name: list(answers) for name, answers in (names or {}).items()}
        self.asked: list[str] = []

    async def __call__(self, host: str) -> list[str]:
        self.asked.append(host)
        if host not in self._names:
            raise LookupFailed(is_final=True)
        answers = self._names[host]
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def nobody(address: object) -> bool:
    """A machine without addresses."""
    return False


class Authority:
    """A certificate authority of the tests' own."""

    def __init__(self) -> None:
        self._ca = trustme.CA()
        self.trust = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._ca.configure_trust(self.trust)

    def server_context(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._ca.issue_cert(*names).configure_cert(context)
        return context
