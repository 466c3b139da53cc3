"""The proxies of `deploy/` for real: talks pass as they come, and attacks do not."""

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from app.llm.base import ChatRequest, Completion
from tests.deploy.proxies import KINDS, Kind, Proxy, asks, proxied
from tests.support.context import settings_with
from tests.support.process import server_process
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, client_of, running_server
from tests.support.v2_client import V2Client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(120), pytest.mark.parametrize("kind", KINDS)]

HOST = b"Host: 127.0.0.1\r\n"


def through(proxy: Proxy, server: Server) -> Server:
    """The server as it is reached through a proxy."""
    return Server(proxy.port, server.service)


def status_of(answer: bytes) -> int:
    """0 where the connection was closed without a word."""
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0


async def test_configuration_is_taken_without_a_warning(kind: Kind, tmp_path: Path) -> None:
    status, said = await Proxy(kind, tmp_path, 1).checks()

    assert status == 0
    assert "warn" not in said.lower()


class OneByOne(ScriptedModel):
    """Goes on with its answer when the client has heard the piece before."""

    def __init__(self) -> None:
        super().__init__([])
        self.heard = asyncio.Event()

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        for piece in ("uno ", "dos ", "tres"):
            yield piece
            await self.heard.wait()
            self.heard.clear()
        yield Completion("stop")


async def test_each_chunk_arrives_before_the_next_is_made(kind: Kind, tmp_path: Path) -> None:
    model = OneByOne()
    async with running_server(provider=model) as server, proxied(kind, tmp_path, server.port) as proxy:
        async with client_of(through(proxy, server)) as client:
            await client.opens()
            await client.says("cuenta")
            for piece in ("uno ", "dos ", "tres"):
                await client.hears("response_chunk", piece)
                model.heard.set()
            await client.hears("response_complete")


async def test_pings_keep_a_silent_talk_and_without_them_it_is_cut(kind: Kind, tmp_path: Path) -> None:
    times = {"75s": "1s"}
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    settings = settings_with(ws_ping_interval_s=0.25)
    async with running_server(settings, provider=ScriptedModel([says("Aquí.")])) as server:
        async with proxied(kind, tmp_path / "with", server.port, times) as proxy:
            async with client_of(through(proxy, server), ping_interval=None) as client:
                await client.opens()
                await asyncio.sleep(3)  # three times what the proxy waits for; there is no event in silence
                await client.says("¿estás?")
                assert await client.hears_answer() == "Aquí."

    settings = settings_with(ws_ping_interval_s=60)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with proxied(kind, tmp_path / "without", server.port, times) as proxy:
            async with client_of(through(proxy, server), ping_interval=None) as client:
                await client.opens()
                with pytest.raises(ConnectionClosed):
                    await client.hears_next()


async def test_talk_survives_a_restart_of_the_proxy(kind: Kind, tmp_path: Path) -> None:
    model = ScriptedModel([says("Hola."), says("Sigo.")])
    async with running_server(provider=model) as server, proxied(kind, tmp_path, server.port) as proxy:
        client = V2Client(proxy.url)
        await client.starts()
        await client.says("hola")
        await client.hears_answer()
        await proxy.ends()
        await client.is_closed()
        await proxy.starts()
        resumed = await client.resumes()
        await client.says("¿sigues?")
        complete = await client.hears_answer()
        await client.leaves()

    assert (resumed["type"], resumed["gap"]) == ("session_resumed", False)
    assert client.text_of(complete["turn_id"]) == "Sigo."


async def test_what_a_client_says_of_its_address_is_overwritten(kind: Kind, tmp_path: Path) -> None:
    lies = b"X-Forwarded-For: 203.0.113.9\r\nX-Real-IP: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n"
    async with server_process(tmp_path, llm_provider="demo") as server:
        await server.starts()
        (tmp_path / "proxy").mkdir()
        async with proxied(kind, tmp_path / "proxy", server.port) as proxy:
            request = b"GET /sessions HTTP/1.1\r\n" + HOST + lies + b"\r\n"
            answer = await asks(proxy.port, request)
            # Whoever comes through a proxy is not of this machine, whatever they write.
            change = await asks(proxy.port, b"DELETE /sessions/x HTTP/1.1\r\n" + HOST + lies + b"\r\n")

    assert status_of(answer) == 200
    assert status_of(change) == 403
    assert any("GET /sessions" in line for line in server.log)
    assert "203.0.113.9" not in "\n".join(server.log)


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/agent/diagnose",
        "/metrics?x=1",
        "/%6detrics",
        "/agent%2fdiagnose",
        "/agent/%64iagnose",
        "/metrics/",
        "/metrics%0a",
        "/agent/diagnose%0A",
        "//metrics",
        "/./metrics",
        "/x/../metrics",
        "/metrics;x",
        "/%256detrics",
        "http://127.0.0.1/metrics",
    ],
)
async def test_metrics_and_diagnosis_are_not_for_the_street(kind: Kind, tmp_path: Path, path: str) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with proxied(kind, tmp_path, server.port) as proxy:
            answer = await asks(proxy.port, f"GET {path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")

    assert status_of(answer) in (400, 404)
    assert b"voice_agent_" not in answer and b"checks" not in answer


SILENT = 100


async def ends(reader: asyncio.StreamReader) -> bytes:
    try:
        return await reader.read()
    except ConnectionError:
        return b""


@pytest.mark.parametrize("head", [b"", b"GET /ws HTTP/1.1\r\nHost: 127", b"body"])
async def test_f21_silent_and_slow_clients_are_let_go_while_others_talk(
    kind: Kind, tmp_path: Path, head: bytes
) -> None:
    if head == b"body":
        head = b"POST /sessions/x/messages HTTP/1.1\r\n" + HOST + b"Content-Length: 100\r\n\r\n{"
    model = ScriptedModel([says("Hola.")])
    async with running_server(provider=model) as server:
        async with proxied(kind, tmp_path, server.port, {"10s": "1s"}) as proxy:
            pairs = [await asyncio.open_connection("127.0.0.1", proxy.port) for _ in range(SILENT)]
            for _, writer in pairs:
                writer.write(head)
            async with client_of(through(proxy, server)) as client:
                await client.opens()
                await client.says("hola")
                assert await client.hears_answer() == "Hola."
            async with asyncio.timeout(10):
                answers = await asyncio.gather(*(ends(reader) for reader, _ in pairs))
            for _, writer in pairs:
                writer.transport.abort()

    assert {status_of(answer) for answer in answers} <= {0, 408}


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("header of 20 kB", b"GET /ws HTTP/1.1\r\n" + HOST + b"X: " + b"a" * 20_000 + b"\r\n\r\n"),
        (
            "300 headers",
            b"GET /ws HTTP/1.1\r\n"
            + HOST
            + b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            + b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n"
            + b"".join(b"X-%d: a\r\n" % n for n in range(300))
            + b"\r\n",
        ),
        ("query of 20 kB", b"GET /ws?" + b"a" * 20_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n"),
    ],
)
async def test_f22_handshake_without_measure_is_refused(
    kind: Kind, tmp_path: Path, name: str, request_: bytes
) -> None:
    (tmp_path / "proxy").mkdir()
    async with server_process(tmp_path, llm_provider="demo") as server:
        await server.starts()
        async with proxied(kind, tmp_path / "proxy", server.port) as proxy:
            answer = await asks(proxy.port, request_)
        sessions = (await server.asks("GET", "/sessions")).json()["active_sessions"]

    assert status_of(answer) in (400, 414, 431), name
    assert sessions == 0


async def test_body_over_the_limit_is_refused_before_it_is_read(kind: Kind, tmp_path: Path) -> None:
    head = b"POST /sessions/x/messages HTTP/1.1\r\n" + HOST + b"Content-Length: 2000000\r\n\r\n"
    async with running_server(provider=ScriptedModel([])) as server:
        async with proxied(kind, tmp_path, server.port) as proxy:
            answer = await asks(proxy.port, head + b"a" * 100_000)

    assert status_of(answer) == 413


async def test_own_page_and_health_pass(kind: Kind, tmp_path: Path) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with proxied(kind, tmp_path, server.port) as proxy:
            behind = through(proxy, server)
            page = await behind.get("/")
            health = json.loads((await behind.get("/agent/health")).text)
            origin = f"Host: 127.0.0.1:{proxy.port}\r\nOrigin: http://127.0.0.1:{proxy.port}\r\n".encode()
            change = await asks(proxy.port, b"DELETE /sessions/x HTTP/1.1\r\n" + origin + b"\r\n")

    assert page.status_code == 200 and "<title>" in page.text
    assert health["status"] == "ok"
    assert b"another origin" not in change
