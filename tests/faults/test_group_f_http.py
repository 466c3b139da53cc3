"""Attacks over HTTP and in handshakes, byte by byte, on the server as it is started for users."""

import asyncio
import os
import re
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.support.process import ROOT, ServerProcess, server_process
from tests.support.raw_client import BINARY, PATIENCE_S, TEXT, RawClient, frame, handshake

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

STATIC = {path.name: path.read_bytes() for path in (ROOT / "static").iterdir() if path.is_file()}
KEY = b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
ROUTE = b"POST /sessions/none/messages HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
CHUNKED = ROUTE + b"Transfer-Encoding: chunked\r\n\r\n"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[ServerProcess]:
    async with server_process(tmp_path_factory.mktemp("http")) as process:
        await process.starts()
        yield process
        assert not [line for line in process.log if "Traceback" in line]


async def answered(server: ServerProcess, data: bytes, *, ends: bool = True) -> bytes:
    """What comes back; with `ends` the server must close the connection by itself."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(data)
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await (reader.read() if ends else reader.readuntil(b"\r\n\r\n"))
    finally:
        writer.transport.abort()


def upgrade(extra: bytes = b"", path: bytes = b"/ws", host: bytes = b"127.0.0.1", key: bytes = KEY) -> bytes:
    head = b"GET %b HTTP/1.1\r\nHost: %b\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" % (path, host)
    return head + b"Sec-WebSocket-Version: 13\r\n" + key + extra + b"\r\n"


async def next_talk_works(server: ServerProcess) -> None:
    head, client = await handshake(server.port)
    assert head.startswith(b"HTTP/1.1 101")
    await client.opens()
    await client.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
    await hears_all(client)
    client.writer.transport.abort()


async def hears_all(client: RawClient) -> bytes:
    heard = b""
    while b"response_complete" not in heard:
        heard += await client.hears(TEXT)
    return heard


# F16


@pytest.mark.parametrize(
    "path",
    [
        "/static/..%2f.env",
        "/static/..%2fmain.py",
        "/static/%2e%2e/main.py",
        "/static/%252e%252e/main.py",
        "/static/..\\main.py",
        "/static/..%5cmain.py",
        "/static//etc/passwd",
        "//etc/passwd",
        "/static/%2fetc%2fpasswd",
        "/static/....//main.py",
        "/static/app.js%00.css",
        "/static/app.js/",
        "/static/.",
        "/static/%c0%ae%c0%ae/main.py",
        "/.env",
        "/main.py",
    ],
)
async def test_f16_path_that_leads_elsewhere_is_not_found(server: ServerProcess, path: str) -> None:
    answer = await answered(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"root:" not in answer and b"import" not in answer


# F17


async def test_f17_ranges_are_not_taken_apart(server: ServerProcess) -> None:
    ranges = ",".join(f"{i}-{i}" for i in range(8000))
    started = time.monotonic()
    part = await server.asks("GET", "/static/app.js", headers={"Range": f"bytes={ranges}"})

    assert part.status_code == 200
    assert part.content == STATIC["app.js"]
    assert time.monotonic() - started < 5


async def test_f17_body_of_a_gibibyte_is_refused_on_every_route(server: ServerProcess) -> None:
    schema = (await server.asks("GET", "/openapi.json")).json()
    routes = [(method, path) for path, methods in schema["paths"].items() for method in methods]
    routes += [("get", "/"), ("get", "/static/app.js"), ("get", "/openapi.json"), ("post", "/nothing")]

    for method, path in routes:
        url = re.sub(r"\{.*?\}", "1", path)
        head = f"{method.upper()} {url} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {1 << 30}\r\n\r\n"
        assert (await answered(server, head.encode())).startswith(b"HTTP/1.1 413"), (method, path)
    assert len(routes) > 10


async def test_f17_multipart_bomb_is_read_by_nobody(server: ServerProcess) -> None:
    part = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\n1\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    started = time.monotonic()
    answer = await server.asks("POST", "/sessions/none/messages", content=part * 15_000, headers=headers)

    assert answer.status_code in (404, 422)
    assert time.monotonic() - started < 1


# F23


@pytest.mark.parametrize(
    "request_bytes",
    [
        ROUTE + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        ROUTE + b"Content-Length: 5, 5\r\n\r\nhello",
        ROUTE + b"Content-Length: +5\r\n\r\nhello",
        ROUTE + b"Content-Length: -1\r\n\r\nhello",
        ROUTE
        + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\nGET / HTTP/1.1\r\n",
        ROUTE + b"Transfer-Encoding: xchunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ROUTE + b"Transfer-Encoding: chunked, identity\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ROUTE + b"Content-Length : 5\r\n\r\nhello",
        CHUNKED + b"-5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"0x5\r\nhello\r\n0\r\n\r\n",
        CHUNKED + b"5\r\nhelloXX0\r\n\r\n",
        CHUNKED + b"5\nhello\n0\n\n",
        b"GET / HTTP/1.1\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\r\n b: c\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
    ],
    ids=lambda data: re.sub(r"[^\w+,:-]+", " ", data.decode("latin-1").partition("json")[2] or repr(data))[
        :40
    ],
)
async def test_f23_request_that_could_be_two_is_400_and_closed(
    server: ServerProcess, request_bytes: bytes
) -> None:
    answer = await answered(server, request_bytes)

    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1 ") == 1, "something behind it was taken for a request"


# F24


async def test_f24_every_answer_tells_browsers_what_it_may_not_be_used_for(server: ServerProcess) -> None:
    paths = ["/", *(f"/static/{name}" for name in STATIC)]
    paths += ["/agent/health", "/openapi.json", "/sessions", "/users/ana/sessions", "/nothing"]
    for path in paths:
        headers = (await server.asks("GET", path)).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"], path
        assert "unsafe" not in headers["content-security-policy"], path
        assert headers["x-content-type-options"] == "nosniff", path
        assert headers["referrer-policy"] == "no-referrer", path
    assert "microphone=(self)" in (await server.asks("GET", "/")).headers["permissions-policy"]


# F27


async def test_f27_pickled_bytes_and_templates_are_plain_input(server: ServerProcess, tmp_path: Path) -> None:
    mark = tmp_path / "run"
    pickled = b"cos\nsystem\n(S'touch " + os.fsencode(mark) + b"'\ntR."
    for name in (b"{{''.__class__}}", b"${''.__class__}", b"{0.__class__}", b"%(x)s%n", b"<%= self %>"):
        _, client = await handshake(server.port)
        await client.sends(
            frame(TEXT, b'{"type":"system","user_id":"%b"}' % name),
            frame(BINARY, pickled),
            frame(TEXT, b'{"type":"text","content":"%b"}' % name),
        )
        heard = await hears_all(client)
        client.writer.transport.abort()
        assert heard.count(b'"error"') == 1  # for the bytes
        assert b"<class" not in heard

    assert not mark.exists()


# F29


@pytest.mark.parametrize(
    "value", [b"\xff\xfe", b"\x01\x1b[31m", "ñ€".encode()], ids=["FFFE", "control", "UTF-8"]
)
@pytest.mark.parametrize("name", [b"Sec-WebSocket-Protocol", b"Origin", b"Host", b"Cookie", b"User-Agent"])
async def test_f29_odd_bytes_in_a_handshake_cost_one_answer(
    server: ServerProcess, name: bytes, value: bytes
) -> None:
    """RFC 9110 allows bytes above 127 in a Cookie or a User-Agent, which nobody here reads."""
    data = upgrade(host=value) if name == b"Host" else upgrade(name + b": " + value + b"\r\n")
    head = await answered(server, data, ends=False)
    await next_talk_works(server)

    unread = name in (b"Cookie", b"User-Agent") and not value.startswith(b"\x01")
    refused = (b"HTTP/1.1 400", b"HTTP/1.1 403")
    assert head.startswith(b"HTTP/1.1 101" if unread else refused)
    assert value not in "\n".join(server.log).encode()
