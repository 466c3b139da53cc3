"""A WebSocket client that does what no well-behaved one does: it writes frames itself (RFC 6455 5.2)."""

import asyncio
import base64
import os
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

PATIENCE_S = 10
TEXT, BINARY, CLOSE, PING, PONG, CONTINUATION = 1, 2, 8, 9, 10, 0


def frame(
    opcode: int,
    payload: bytes = b"",
    *,
    fin: bool = True,
    rsv: int = 0,
    masked: bool = True,
    length: int | None = None,
) -> bytes:
    """One frame; `length` claims another length than the payload's."""
    size = len(payload) if length is None else length
    first = (0x80 if fin else 0) | rsv << 4 | opcode
    mask_bit = 0x80 if masked else 0
    if size < 126:
        head = struct.pack("!BB", first, mask_bit | size)
    elif size < 1 << 16:
        head = struct.pack("!BBH", first, mask_bit | 126, size)
    else:
        head = struct.pack("!BBQ", first, mask_bit | 127, size)
    if not masked:
        return head + payload
    key = os.urandom(4)
    return head + key + mask(payload, key)


def mask(payload: bytes, key: bytes) -> bytes:
    """XOR with the repeated key; its own inverse."""
    size = len(payload)
    repeated = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload) ^ int.from_bytes(repeated)).to_bytes(size) if size else b""


class RawClient:
    """An open WebSocket, as bytes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def sends(self, *frames: bytes) -> None:
        """Writes bytes as they are."""
        self.writer.write(b"".join(frames))
        await self.writer.drain()

    async def opens(self) -> None:
        """Makes a session."""
        await self.sends(frame(TEXT, b'{"type":"system"}'))
        await self.hears(TEXT)

    async def hears_frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload; opcode -1 where the connection ended without one."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                first, second = await self.reader.readexactly(2)
                size = second & 0x7F
                if size == 126:
                    (size,) = struct.unpack("!H", await self.reader.readexactly(2))
                elif size == 127:
                    (size,) = struct.unpack("!Q", await self.reader.readexactly(8))
                return first & 0x0F, await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            return -1, b""

    async def hears(self, opcode: int) -> bytes:
        """The payload of the next frame of this kind."""
        while True:
            kind, payload = await self.hears_frame()
            assert kind != -1, "the connection ended"
            if kind == opcode:
                return payload

    async def is_closed_with(self) -> int | None:
        """The code of the server's close frame; None where it left without one."""
        while True:
            kind, payload = await self.hears_frame()
            if kind == CLOSE:
                return struct.unpack("!H", payload[:2])[0]
            if kind == -1:
                return None


async def handshake(port: int, extra: bytes = b"", path: str = "/ws") -> tuple[bytes, RawClient]:
    """Asks for an upgrade; returns the head of the answer and the connection."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    key = base64.b64encode(os.urandom(16))
    writer.write(
        f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n".encode()
        + b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
        + b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: "
        + key
        + b"\r\n"
        + extra
        + b"\r\n"
    )
    async with asyncio.timeout(PATIENCE_S):
        head = await reader.readuntil(b"\r\n\r\n")
    return head, RawClient(reader, writer)


@asynccontextmanager
async def raw_client(port: int, extra: bytes = b"") -> AsyncIterator[RawClient]:
    """An upgraded connection."""
    head, client = await handshake(port, extra)
    assert head.startswith(b"HTTP/1.1 101"), head
    try:
        yield client
    finally:
        client.writer.transport.abort()
