"""Connections for httpcore whose peers cannot send heads without end, or fill the memory."""

import socket
import ssl
import time
from collections.abc import Iterable
from typing import Any, Final, cast

import httpcore

from app.outbound.answer_head import AnswerHead, BadHead

HEAD_LIMIT_S: Final = 60.0
"""How long the head of an answer may take for a client without a deadline of its own, in seconds."""

# Between two reads h11 takes apart all that the first one brought: hundreds of chunks of one byte.
_READ_BYTES = 1024
# The event loop reads all that the system has taken, before anybody can tell it to stop: megabytes, where the
# system chooses the size.
_RECEIVE_BUFFER = (socket.SOL_SOCKET, socket.SO_RCVBUF, 64 * 1024)


def asyncio_backend() -> httpcore.AsyncNetworkBackend:
    """Return what opens connections under asyncio."""
    # httpcore declares this class twice, once for environments without anyio; checkers see the wrong one.
    return cast(httpcore.AsyncNetworkBackend, httpcore.AnyIOBackend())


class BoundedNetwork(httpcore.AsyncNetworkBackend):
    """Connects as another backend does.

    Each read brings a little and lets the event loop go round, so that no peer keeps others waiting.
    """

    def __init__(self, backend: httpcore.AsyncNetworkBackend) -> None:
        self._backend = backend

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect, with a receive buffer of a fixed size."""
        options = (*(socket_options or ()), _RECEIVE_BUFFER)
        stream = await self._backend.connect_tcp(host, port, timeout, local_address, options)
        return _BoundedStream(stream)

    async def connect_unix_socket(
        self,
        path: str,
        timeout: float | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a socket of this machine."""
        return _BoundedStream(await self._backend.connect_unix_socket(path, timeout, socket_options))

    async def sleep(self, seconds: float) -> None:
        """Wait between two tries to connect."""
        await self._backend.sleep(seconds)


class _BoundedStream(httpcore.AsyncNetworkStream):
    def __init__(self, stream: httpcore.AsyncNetworkStream) -> None:
        self._stream = stream
        self._head = AnswerHead()

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        data = await self._stream.read(min(max_bytes, _READ_BYTES), timeout)
        _show(self._head, data)
        return data

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head.begin()
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        await self._stream.aclose()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.AsyncNetworkStream:
        return _BoundedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class BoundedBlockingNetwork(httpcore.NetworkBackend):
    """The same for clients that block; a head that drips ends after `HEAD_LIMIT_S`."""

    def __init__(self, backend: httpcore.NetworkBackend, head_limit_s: float = HEAD_LIMIT_S) -> None:
        self._backend = backend
        self._head_limit_s = head_limit_s

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect."""
        stream = self._backend.connect_tcp(host, port, timeout, local_address, socket_options)
        return _BoundedBlockingStream(stream, self._head_limit_s)


class _BoundedBlockingStream(httpcore.NetworkStream):
    def __init__(self, stream: httpcore.NetworkStream, head_limit_s: float) -> None:
        self._stream = stream
        self._head = AnswerHead()
        self._head_limit_s = head_limit_s
        self._asked_at = time.monotonic()

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        if not self._head.is_over and time.monotonic() - self._asked_at > self._head_limit_s:
            raise httpcore.ReadTimeout(f"no head of an answer within {self._head_limit_s:g} s")
        data = self._stream.read(max_bytes, timeout)
        _show(self._head, data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._head.begin()
        self._asked_at = time.monotonic()
        self._stream.write(buffer, timeout)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, timeout)
        return _BoundedBlockingStream(stream, self._head_limit_s)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _show(head: AnswerHead, data: bytes) -> None:
    try:
        head.feed(data)
    except BadHead as exc:
        raise httpcore.RemoteProtocolError(str(exc)) from exc
