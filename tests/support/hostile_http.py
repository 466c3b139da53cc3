"""A server that answers HTTP badly and without end, in a process of its own: only the client is measured.

`python -m tests.support.hostile_http` prints its port. The first part of a request's path says how it
misbehaves: see `MODES`. Ends with its standard input.
"""

import itertools
import socket
import subprocess
import sys
import threading
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = 1 << 16
PACKED = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n\r\n"
HINT = b"Link: </%b>\r\n" % (b"x" * 8000)
STREAM = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def _filled(piece: bytes) -> bytes:
    return piece * (BLOCK // len(piece) + 1)


def _endless(head: bytes, piece: bytes) -> Iterator[bytes]:
    return itertools.chain([head], itertools.repeat(_filled(piece)))


def _numbered(head: bytes, form: bytes) -> Iterator[bytes]:
    yield head
    for number in itertools.count():
        yield b"".join(form % (number * 1000 + line) for line in range(1000))


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


_DELTA = b'data: {"choices":[{"index":0,"delta":%b}]}\n\n'
_CALL = b'{"tool_calls":[{"index":%d,"id":"c","function":{"name":"x"}}]}'
_ARGUMENTS = b'{"tool_calls":[{"index":0,"function":{"arguments":"%b"}}]}' % (b"x" * 1000)


def _numbered_chunks(form: bytes) -> Iterator[bytes]:
    yield STREAM
    for number in itertools.count():
        yield _chunk(b"".join(form % (number * 100 + line) for line in range(100)))


@cache
def _bomb_of_bombs() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(_bomb() * 50) + packer.flush()


@cache
def _bomb() -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    return packer.compress(bytes(1 << 26)) + packer.flush()


MODES = {
    "100": lambda: _endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "102": lambda: _endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n"),
    "103": lambda: _endless(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "103-bare": lambda: _endless(b"", b"HTTP/1.1 103 X\n\n"),
    "199": lambda: _endless(b"", b"HTTP/1.0 199 Miscellaneous\r\nLink: </a>\r\n\r\n"),
    "103-large": lambda: _endless(b"", b"HTTP/1.1 103 X\r\n" + HINT * 7 + b"\r\n"),
    "101": lambda: _endless(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n", b"x"
    ),
    "headers": lambda: _numbered(b"HTTP/1.1 200 OK\r\n", b"x-%d: y\r\n"),
    "header": lambda: _endless(b"HTTP/1.1 200 OK\r\nx: ", b"y"),
    "status": lambda: _endless(b"HTTP/1.1 200 ", b"y"),
    "blank": lambda: _endless(b"", b"\r\n"),
    "h2": lambda: _endless(b"", b"\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64\0\x04\x40\0\0\0\0\x02\0\0\0\0"),
    "http09": lambda: _endless(b"", b"<html>hello</html>"),
    "alert": lambda: _endless(b"", b"\x15\x03\x01\0\x02\x02\x28"),
    "trailers": lambda: _numbered(STREAM + _chunk(b"data: x\n\n") + b"0\r\n", b"x-%d: y\r\n"),
    "extension": lambda: _endless(STREAM + b"1;a=", b"y"),
    "extensions": lambda: _endless(STREAM, b"1;" + b"a=b;" * 20 + b"\r\nx\r\n"),
    "tiny": lambda: _endless(STREAM, _chunk(b":")),
    "tiny-lines": lambda: _endless(STREAM, _chunk(b"\n")),
    "zeros": lambda: _endless(STREAM + b"0", b"0"),
    "comments": lambda: _endless(STREAM, _chunk(_filled(b":\n"))),
    "events": lambda: _endless(STREAM, _chunk(_filled(b"data: {}\n\n"))),
    "line": lambda: _endless(STREAM, _chunk(_filled(b"x"))),
    "bomb": lambda: _endless(PACKED, _bomb()),
    "gzip-empty": lambda: _endless(PACKED, zlib.compress(b"", wbits=31)),
    "redirects": lambda: iter([b"HTTP/1.1 302 Found\r\nLocation: /redirects\r\nContent-Length: 0\r\n\r\n"]),
    "redirect-body": lambda: _endless(b"HTTP/1.1 302 Found\r\nLocation: /redirect-body\r\n\r\n", b"x"),
    "cookies": lambda: _numbered(b"HTTP/1.1 200 OK\r\n", b"Set-Cookie: c%d=y; Path=/\r\n"),
    "lengths": lambda: _endless(b"HTTP/1.1 200 OK\r\n", b"Content-Length: 5\r\n"),
    "too-long": lambda: _endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n", b"x"),
    "codings": lambda: _endless(b"HTTP/1.1 200 OK\r\n", b"Transfer-Encoding: chunked\r\n"),
    "folded": lambda: _endless(b"HTTP/1.1 200 OK\r\nx: y\r\n", b" y\r\n"),
    "nul": lambda: _endless(b"HTTP/1.1 200 OK\r\nx: ", b"\0"),
    "returns": lambda: _endless(b"HTTP/1.1 200 OK\r\n", b"\r"),
    "spaces": lambda: _endless(STREAM + b"1", b" "),
    "hints-then-head": lambda: _endless(b"", b"HTTP/1.1 103 X\r\n\r\nHTTP/1.1 100 Continue\r\nx: y\r\n\r\n"),
    "packed-twice": lambda: _endless(PACKED.replace(b"gzip", b"gzip, gzip"), _bomb_of_bombs()),
    "deflate": lambda: _endless(PACKED.replace(b"gzip", b"deflate"), zlib.compress(bytes(1 << 26))),
    "members": lambda: _endless(PACKED, zlib.compress(b"x", wbits=31)),
    "data-lines": lambda: _endless(STREAM, _chunk(_filled(b"data: x\n"))),
    "carriages": lambda: _endless(STREAM, _chunk(_filled(b"\r"))),
    "empty-deltas": lambda: _endless(STREAM, _chunk(_filled(_DELTA % b"{}"))),
    "calls": lambda: _numbered_chunks(_DELTA % _CALL),
    "one-call": lambda: _endless(STREAM, _chunk(_filled(_DELTA % _ARGUMENTS))),
    "deep": lambda: _endless(STREAM, _chunk(b"data: " + b"[" * 60_000 + b"\n\n")),
    "refusal": lambda: _endless(b"HTTP/1.1 400 Bad\r\nContent-Type: text/plain\r\n\r\n", b"x"),
    "refusal-tiny": lambda: _endless(
        b"HTTP/1.1 500 Bad\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n", _chunk(b"x")
    ),
}  # fmt: skip
"""What is sent, by the name of the fault."""


def _serve(connection: socket.socket) -> None:
    with connection:
        try:
            head = b""
            while b"\r\n\r\n" not in head:
                if not (more := connection.recv(BLOCK)):
                    return
                head += more
            mode = head.split(b" ")[1].split(b"/")[1].partition(b"?")[0].decode()
            for piece in MODES[mode]():
                connection.sendall(piece)
        except OSError:
            pass  # The client has had enough, as it should.


def main() -> None:
    """Serves until standard input ends."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=1024)
    sys.stdout.write(f"{listener.getsockname()[1]}\n")
    sys.stdout.flush()

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=_serve, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    sys.stdin.read()


@contextmanager
def hostile_server() -> Iterator[int]:
    """Runs the server; gives its port."""
    command = [sys.executable, "-m", "tests.support.hostile_http"]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.terminate()


if __name__ == "__main__":
    main()
