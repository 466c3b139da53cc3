"""What bounded connections leave alone: whole answers, kept-alive connections, a few interim answers."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import httpcore
import httpx
import pytest

from app.outbound.aiohttp_connections import PIECE_BYTES, BoundedConnection, BoundedConnector
from app.outbound.bounded_network import BoundedBlockingNetwork
from app.outbound.httpx_transports import operator_client, release_client
from app.outbound.proxies import proxy_of_environment
from tests.support.http_wire import Exchange, WireServer

HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
BODY = bytes(range(256)) * 4096
TIMES = 5


async def hinting(exchange: Exchange) -> None:
    await exchange.wire.write(HINTS * 8)
    await exchange.whole(200, BODY)


async def chunked(exchange: Exchange) -> None:
    await exchange.start(200)
    for start in range(0, len(BODY), 700):
        await exchange.send(BODY[start : start + 700])
    await exchange.finish()


async def until_closed(exchange: Exchange) -> None:
    await exchange.start(200, chunked=False)
    await exchange.send(BODY)
    await exchange.finish()


@pytest.mark.parametrize("answer", [hinting, chunked, until_closed])
async def test_answers_come_whole_over_aiohttp(answer):
    async with WireServer(answer) as server, aiohttp.ClientSession(connector=BoundedConnector()) as session:
        for _ in range(TIMES):
            async with session.get(f"http://127.0.0.1:{server.port}/") as response:
                assert await response.read() == BODY
        assert server.connections == (TIMES if answer is until_closed else 1)


async def test_reader_that_pauses_gets_all_over_aiohttp():
    async with (
        WireServer(chunked) as server,
        aiohttp.ClientSession(connector=BoundedConnector()) as session,
        session.get(f"http://127.0.0.1:{server.port}/") as response,
    ):
        body = bytearray()
        while piece := await response.content.read(100_000):
            body += piece
            await asyncio.sleep(0.01)
    assert body == BODY


@pytest.mark.parametrize("answer", [hinting, chunked, until_closed])
async def test_answers_come_whole_over_httpx(answer):
    async with WireServer(answer) as server, operator_client(5) as http:
        for _ in range(TIMES):
            response = await http.get(f"http://127.0.0.1:{server.port}/")
            assert response.content == BODY
        assert server.connections == (TIMES if answer is until_closed else 1)


@pytest.mark.parametrize("more", [HINTS, b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b"\r\n"])
async def test_peer_that_goes_on_after_its_answer_is_let_go(more: bytes):
    asked, gone = 0, asyncio.Event()

    async def answer(exchange: Exchange) -> None:
        nonlocal asked
        asked += 1
        await exchange.whole(200, b"ok")
        if asked == 1:
            try:
                while True:
                    await exchange.wire.write(more * 1000)
                    await asyncio.sleep(0)
            finally:
                gone.set()

    async with WireServer(answer) as server, aiohttp.ClientSession(connector=BoundedConnector()) as session:
        url = f"http://127.0.0.1:{server.port}/"
        async with session.get(url) as response:
            assert await response.read() == b"ok"
        async with asyncio.timeout(5):
            await gone.wait()
        async with session.get(url) as response:
            assert await response.read() == b"ok"


async def test_aiohttp_makes_our_connections():
    async with BoundedConnector() as connector:
        assert isinstance(connector._factory(), BoundedConnection)


async def test_what_is_more_than_a_piece_waits_for_the_next_round():
    connection = BoundedConnection(asyncio.get_running_loop())
    seen: list[int] = []
    connection._parse = lambda data: seen.append(len(data))  # pyright: ignore[reportAttributeAccessIssue]

    connection.data_received(b"x" * (PIECE_BYTES * 2 + 1))

    assert seen == [PIECE_BYTES]
    assert connection.should_close
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [PIECE_BYTES, PIECE_BYTES, 1]


@contextmanager
def dripping() -> Iterator[int]:
    """A server that sends a header that never ends, a byte at a time."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                try:
                    connection.sendall(b"HTTP/1.1 200 OK\r\nx: ")
                    while not over.wait(0.01):
                        connection.sendall(b"x")
                except OSError:
                    pass

        over = threading.Event()
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            thread.join()


def test_blocking_client_does_not_wait_for_ever_for_a_head():
    network = BoundedBlockingNetwork(httpcore.SyncBackend(), head_limit_s=0.1)
    with dripping() as port, httpcore.ConnectionPool(network_backend=network) as pool:
        with pytest.raises(httpcore.ReadTimeout):
            pool.request("GET", f"http://127.0.0.1:{port}/")


async def test_releases_come_through_the_environments_proxy(monkeypatch: pytest.MonkeyPatch):
    seen: list[str] = []

    async def proxy(exchange: Exchange) -> None:
        seen.append(exchange.request.headers["host"])
        await exchange.whole(200, b"model")

    async with WireServer(proxy) as server:
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{server.port}")
        monkeypatch.setenv("no_proxy", "")

        def download() -> bytes:
            with release_client(httpx.Timeout(5)) as http:
                return http.get("http://models.example/a.bin").content

        assert await asyncio.to_thread(download) == b"model"
    assert seen == ["models.example"]


@pytest.mark.parametrize(
    ("environment", "scheme", "host", "proxy"),
    [
        ({}, "https", "a.example", None),
        ({"https_proxy": "http://p:1"}, "https", "a.example", "http://p:1"),
        ({"https_proxy": "p:1"}, "https", "a.example", "http://p:1"),
        ({"https_proxy": "http://p:1"}, "http", "a.example", None),
        ({"https_proxy": "http://p:1", "no_proxy": "a.example"}, "https", "a.example", None),
        ({"all_proxy": "http://p:1"}, "https", "a.example", "http://p:1"),
        ({"all_proxy": "socks5://p:1"}, "https", "a.example", None),
    ],
)
def test_proxy_is_the_environments(environment, scheme, host, proxy, monkeypatch: pytest.MonkeyPatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert proxy_of_environment(scheme, host) == proxy
