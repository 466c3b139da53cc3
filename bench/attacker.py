"""An attacker: one address, up to fifty sockets, and whatever a minute has room for.

`python -m bench.attacker PORT KIND SECONDS` runs on loopback alone and ends by itself.
"""

import asyncio
import base64
import os
import random
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

import uvloop

SOCKETS = 50
_TEXT, _BINARY, _PING, _PONG = 1, 2, 9, 10
_MIB = 1024 * 1024
_LIFE_S = 5.0
"""A socket that the server bears for so long is given up for a new one now and then, in seconds."""


def frame(opcode: int, payload: bytes = b"", *, is_last: bool = True, claims: int | None = None) -> bytes:
    """A masked frame; the mask 0 leaves the bytes as they are."""
    size = len(payload) if claims is None else claims
    if size < 126:
        length = bytes([0x80 | size])
    elif size < 65_536:
        length = b"\xfe" + size.to_bytes(2)
    else:
        length = b"\xff" + size.to_bytes(8)
    return bytes([opcode | (0x80 if is_last else 0)]) + length + bytes(4) + payload


def text(content: str) -> bytes:
    """A frame with a JSON text."""
    return frame(_TEXT, content.encode())


def _burst(one: bytes) -> Callable[[], Iterator[bytes]]:
    """The same frame without end, in large writes."""

    def pieces() -> Iterator[bytes]:
        many = one * max(1, 65_536 // len(one))
        while True:
            yield many

    return pieces


def _unfinished(size: int, claims: int) -> Callable[[], Iterator[bytes]]:
    """The beginning of one large frame, and then silence."""

    def pieces() -> Iterator[bytes]:
        yield frame(_TEXT, b"x" * size, claims=claims)

    return pieces


def _fragments(piece: bytes) -> Callable[[], Iterator[bytes]]:
    """A message in pieces that never ends."""

    def pieces() -> Iterator[bytes]:
        yield frame(_TEXT, b"", is_last=False)
        yield from _burst(frame(0, piece, is_last=False))()

    return pieces


def _drops() -> Iterator[bytes]:
    """A frame's bytes, one by one."""
    for byte in frame(_TEXT, b"x" * 1000):
        yield bytes([byte])


def _nothing() -> Iterator[bytes]:
    return iter(())


_BIG = '{"type":"text","content":"' + "x" * (_MIB - 40) + '"}'
_QUOTES = '",' * (_MIB // 2 - 10)
_CLIP = '{"type":"audio","content":"' + base64.b64encode(bytes(7 * _MIB)).decode() + '"}'
_RESUME = (
    '{"type":"resume","session_id":"00000000-0000-4000-8000-000000000000","resume_token":"x","last_seq":0}'
)

KINDS: dict[str, Callable[[], Iterator[bytes]]] = {
    "garbage": _burst(text("{")),
    "empty texts": _burst(frame(_TEXT)),
    "empty binary": _burst(frame(_BINARY)),
    "sound": _burst(frame(_BINARY, bytes(640))),
    "unknown types": _burst(text('{"type":"nope"}')),
    "pings": _burst(text('{"type":"ping"}')),
    "playback": _burst(text('{"type":"playback","turn_id":"x","played_ms":1}')),
    "frames of ping": _burst(frame(_PING, bytes(125))),
    "frames of pong": _burst(frame(_PONG)),
    "texts": _burst(text('{"type":"text","content":"20 20000 0"}')),
    "texts of 1 MiB": _burst(text(_BIG)),
    "quotes": _burst(text(_QUOTES)),
    "clips": _burst(text(_CLIP)),
    "fragments of 1 byte": _fragments(b"x"),
    "empty fragments": _fragments(b""),
    "fragments of 60 KiB": _fragments(b"x" * 61_440),
    "half a message": _unfinished(950_000, _MIB),
    "half a clip": _unfinished(9_500_000, 10_000_000),
    "15 of 16 MiB": _unfinished(15 * _MIB, 16 * _MIB),
    "guesses": _burst(text(_RESUME)),
    "byte by byte": _drops,
    "nothing": _nothing,
    "come and go": _nothing,
}
"""What a socket sends."""


@dataclass(frozen=True, slots=True)
class Attack:
    """What one socket does.

    Attributes:
        opening: What it says first: nothing, or a message that makes a session.
    """

    kind: str
    subprotocol: bytes
    opening: bytes


def _draw(kind: str | None, chance: random.Random) -> Attack:
    subprotocol = chance.choice([b"", b"voice-agent.v2"])
    opening = b""
    if chance.random() < 0.5:
        opening = text('{"type":"start","user_id":"x"}' if subprotocol else '{"type":"system"}')
    return Attack(kind or chance.choice(list(KINDS)), subprotocol, opening)


async def open_socket(port: int, attack: Attack) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """An upgraded connection, which has said its opening."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    offer = b"Sec-WebSocket-Protocol: " + attack.subprotocol + b"\r\n" if attack.subprotocol else b""
    writer.write(
        b"GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n" + offer + b"\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    writer.write(attack.opening)
    return reader, writer


async def _pieces(attack: Attack) -> AsyncIterator[bytes]:
    for piece in KINDS[attack.kind]():
        yield piece
        if len(piece) == 1:
            await asyncio.sleep(0.5)


async def _send(writer: asyncio.StreamWriter, attack: Attack) -> None:
    async for piece in _pieces(attack):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    if attack.kind != "come and go":
        await asyncio.sleep(3600)


async def _read(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def _one_life(port: int, attack: Attack, until: float, chance: random.Random) -> None:
    """From connecting to when the server has had enough, or the attacker."""
    _, writer = pair = await open_socket(port, attack)
    tasks = {asyncio.create_task(_send(writer, attack)), asyncio.create_task(_read(pair[0]))}
    left_s = min(until - time.monotonic(), _LIFE_S * chance.uniform(1, 6))
    try:
        await asyncio.wait(tasks, timeout=max(0.0, left_s), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        writer.transport.abort()


async def _socket(port: int, kind: str | None, until: float, number: int) -> int:
    chance = random.Random(number)
    lives = 0
    while time.monotonic() < until:
        with suppress(OSError, asyncio.IncompleteReadError):
            await _one_life(port, _draw(kind, chance), until, chance)
        lives += 1
        await asyncio.sleep(0)
    return lives


async def attack(port: int, kind: str | None, seconds: float) -> int:
    """Attack a server on this machine; returns how many connections that took.

    Args:
        kind: One of `KINDS`; None for all of them, by chance.
    """
    until = time.monotonic() + seconds
    lives = await asyncio.gather(*(_socket(port, kind, until, number) for number in range(SOCKETS)))
    return sum(lives)


def main() -> None:
    port, kind, seconds = int(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    os.nice(19)  # it shares its core with those whose delay is measured
    sys.stdout.write(f"{uvloop.run(attack(port, None if kind == 'all' else kind, seconds))}\n")


if __name__ == "__main__":
    main()
