"""Whoever should not come in, and whoever takes more than their part: over real sockets."""

import asyncio
import contextlib
import json
import logging
import signal
import socket
import statistics
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from app.chat import TokenUsage
from tests.support.context import settings_with
from tests.support.process import server_process
from tests.support.raw_client import handshake
from tests.support.scripted import Ends, Says, ScriptedModel, calls, last_text, says
from tests.support.server import PATIENCE_S, Client, Server, client_of, running_server
from tests.support.signed_tokens import Provider
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client

TOKENS = "ana=token-ana-1:user,luis=token-luis-1:user,root=token-root-1:admin"
SECRET_WORD = "s3cr3t-in-the-wrong-place"


def polite() -> ScriptedModel:
    return ScriptedModel(lambda r: says("Sí."))


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def asks(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}", **options)


async def raw_answer(port: int, request: str) -> bytes:
    """The status line that a request written by hand gets; empty where it gets none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(request.encode("latin-1"))
        async with asyncio.timeout(PATIENCE_S):
            return await reader.readline()
    finally:
        writer.transport.abort()


async def upgrade(server: Server, *lines: str) -> bytes:
    head, client = await handshake(server.port, "".join(f"{line}\r\n" for line in lines).encode())
    client.writer.transport.abort()
    return head.split()[1]


WAYS: list[Callable[[str], tuple[dict[str, Any], dict[str, Any]]]] = [
    lambda token: ({"additional_headers": bearer(token)}, {}),
    lambda token: ({"subprotocols": [f"voice-agent.token.{token}", "voice-agent.v1"]}, {}),
    lambda token: ({}, {"token": token}),
]
"""How a socket may bring its token: options of its handshake, and what its first message holds."""


async def is_turned_away(server: Server, way: int, token: str) -> dict[str, Any]:
    """The error that a connection gets instead of a session, before it is closed with 4401."""
    options, first = WAYS[way](token)
    async with client_of(server, **options) as client:
        await client.sends({"type": "system", **first})
        error = await client.hears_next()
        assert await client.is_closed() == 4401
    assert error["type"] == "error"
    assert len(server.service.sessions) == 0
    return error


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("https://app.example", b"101"),
        ("https://APP.example:443", b"101"),
        ("http://app.example", b"403"),
        ("https://app.example:8443", b"403"),
        ("https://app.example.", b"403"),
        ("https://app.example.evil.example", b"403"),
        ("https://evil.example", b"403"),
        ("http://127.0.0.1:{port}", b"101"),
        ("http://localhost:3000", b"403"),
        ("null", b"403"),
        ("", b"403"),
    ],
)
async def test_f1_allowed_origins_are_exact(
    origin: str, status: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_with(allowed_origins="https://app.example,http://other.example:8080")
    async with running_server(settings, provider=polite()) as server:
        caplog.set_level(logging.WARNING)
        assert await upgrade(server, f"Origin: {origin.format(port=server.port)}") == status
        async with client_of(server) as client:  # a program names no origin
            await client.opens()
    warnings = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.msg for record in warnings] == (["foreign_origin"] if status == b"403" else [])
    assert all("ALLOWED_ORIGINS" in vars(record).values() for record in warnings)


OWN_NAME = socket.gethostname()


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1:8000", True),
        ("192.0.2.7", True),
        ("[::1]:8000", True),
        ("localhost", True),
        ("LOCALHOST:1", True),
        (OWN_NAME, True),
        (f"{OWN_NAME.upper()}:8000", True),
        ("voice.example", True),
        ("a.b.inner.example:80", True),
        ("evil.example", False),
        ("evil.example:8000", False),
        ("voice.example.evil.example", False),
        ("evilinner.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("2130706433", False),
        ("localhost/?", False),
        ("x/?", False),
        ("localhost@evil.example", False),
        ("localhost\r\nHost: evil.example", False),
        ("", False),
    ],
)
async def test_f2_host_must_name_this_server(host: str, is_ours: bool) -> None:
    settings = settings_with(allowed_hosts="voice.example,.inner.example")
    async with running_server(settings, provider=polite()) as server:
        page = await raw_answer(server.port, f"GET / HTTP/1.1\r\nHost: {host}\r\n\r\n")
        socket_ = await raw_answer(
            server.port,
            f"GET /ws HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        assert page.split()[1] == (b"200" if is_ours else b"400")
        assert socket_.split()[1] == (b"101" if is_ours else b"400")


async def test_f2_no_answer_is_made_of_the_host(caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(provider=polite()) as server:
        without = await raw_answer(server.port, "GET /agent/health HTTP/1.1\r\n\r\n")
        old = await raw_answer(server.port, "GET /agent/health HTTP/1.0\r\n\r\n")
        refused = await asks(server, "GET", "/agent/health", headers={"Host": "evil.example"})
        slash = await asks(server, "GET", "/sessions/", headers={"Host": "192.0.2.7"})

    assert without.split()[1] == b"400"
    assert old.split()[1] == b"200", "a health check of HTTP 1.0 has no Host"
    assert "evil.example" not in refused.text
    assert "location" not in slash.headers
    assert "host_refused" in [record.msg for record in caplog.records]


@pytest.mark.parametrize("way", range(len(WAYS)))
async def test_f3_a_missing_wrong_or_expired_token_gets_no_session(way: int, tmp_path: Path) -> None:
    provider = Provider()
    settings = settings_with(**provider.settings(tmp_path / "jwks.json", api_tokens=TOKENS))
    async with running_server(settings, provider=polite()) as server:
        sentences = {
            (await is_turned_away(server, way, token))["content"]
            for token in (
                "nope-nope",
                "token-ana-2",
                provider.token(lasts_s=-60),
                provider.token(key=Provider().keys["rsa-1"]),
                provider.token(aud="another"),
                f"{provider.token()}x",
            )
        }
        async with client_of(server) as client:
            await client.sends({"type": "system"})
            sentences.add((await client.hears_next())["content"])
            assert await client.is_closed() == 4401
        for token in (provider.token("eva"), "token-ana-1"):
            options, first = WAYS[way](token)
            async with client_of(server, **options) as client:
                await client.sends({"type": "system", **first})
                await client.hears("session_created")
                assert client.socket.subprotocol in (None, "voice-agent.v1"), "a token is never echoed"
                (live,) = server.service.sessions
                assert live.session.user_id == ("ana" if token == "token-ana-1" else "eva")
            await server.is_empty()
        rest = [
            (await asks(server, "GET", "/sessions", headers=headers)).status_code
            for headers in ({}, bearer(provider.token(lasts_s=-60)), bearer(provider.token("eva")))
        ]

    assert len(sentences) == 1, "the answer does not say what was wrong"
    assert rest == [401, 401, 200]


async def talks_until_refused(client: Client) -> dict[str, Any]:
    """Sends texts, each after the other's answer, until one gets an error."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            with contextlib.suppress(ConnectionClosed):  # the refusal comes by itself, and waits to be read
                await client.says("hola")
            while (message := await client.hears_next())["type"] not in ("response_complete", "error"):
                pass
            if message["type"] == "error":
                return message
            await asyncio.sleep(0.1)  # the token's own time has to pass


@pytest.mark.parametrize("way", range(len(WAYS)))
async def test_f3_expiry_during_a_talk_ends_it_at_the_next_text(way: int, tmp_path: Path) -> None:
    provider = Provider()
    settings = settings_with(**provider.settings(tmp_path / "jwks.json", jwt_leeway_s=0))
    async with running_server(settings, provider=polite()) as server:
        options, first = WAYS[way](provider.token(lasts_s=1.5))
        async with client_of(server, **options) as client:
            await client.sends({"type": "system", **first})
            await client.hears("session_created")
            await talks_until_refused(client)
            assert await client.is_closed() == 4401
        await server.is_empty()


async def test_f3_a_key_that_is_taken_out_ends_its_talks_and_others_go_on(tmp_path: Path) -> None:
    provider = Provider()
    settings = settings_with(**provider.settings(tmp_path / "jwks.json", api_tokens=TOKENS))
    async with (
        running_server(settings, provider=polite()) as server,
        client_of(server, additional_headers=bearer(provider.token("eva"))) as revoked,
        client_of(server, additional_headers=bearer(provider.token("eva", kid="ec-1"))) as other,
    ):
        await revoked.opens()
        await other.opens()
        provider.rotate("rsa-1", "rsa-2")
        provider.publish(tmp_path / "jwks.json")
        await talks_until_refused(revoked)
        assert await revoked.is_closed() == 4401
        await other.says("hola")
        assert await other.hears_answer() == "Sí."
        rest = await asks(server, "GET", "/sessions", headers=bearer(provider.token(kid="rsa-2")))
        assert rest.status_code == 200


async def test_f3_a_ticket_lets_its_user_in_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with running_server(settings_with(api_tokens=TOKENS), provider=polite()) as server:

        async def ticket() -> str:
            answer = await asks(server, "POST", "/tickets", headers=bearer("token-ana-1"))
            assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
            assert answer.json()["expires_in_s"] == 30
            return answer.json()["ticket"]

        for way in range(len(WAYS)):
            options, first = WAYS[way](given := await ticket())
            async with client_of(server, **options) as client:
                await client.sends({"type": "system", "user_id": "luis", **first})
                await client.hears("session_created")
                (live,) = server.service.sessions
                assert live.session.user_id == "ana", "the ticket decides, not the message"
                await client.says("hola")
                assert await client.hears_answer() == "Sí."
            await server.is_empty()
            await is_turned_away(server, way, given)
            assert given not in caplog.text
        rest = await asks(server, "GET", "/sessions", headers=bearer(await ticket()))
        nobody = await asks(server, "POST", "/tickets")
        foreign = await asks(
            server, "POST", "/tickets", headers={**bearer("token-ana-1"), "Origin": "http://evil.example"}
        )
        in_url = await upgrade_with_path(server, f"/ws?ticket={await ticket()}")

    assert (rest.status_code, nobody.status_code, foreign.status_code) == (401, 401, 403)
    assert in_url == 4401


async def upgrade_with_path(server: Server, path: str) -> int:
    """The close code of a connection that brings nothing but its path."""
    _, client = await handshake(server.port, path=path)
    try:
        await client.sends(b"\x81\x8f\0\0\0\0" + b'{"type":"text"}')
        return await client.is_closed_with() or 0
    finally:
        client.writer.transport.abort()


@pytest.mark.parametrize("name", ["token", "api_key", "access_token", "ticket", "authorization"])
async def test_f4_a_token_in_a_url_is_neither_taken_nor_written_down(
    name: str, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    async with running_server(settings_with(api_tokens=TOKENS), provider=polite()) as server:
        assert await upgrade_with_path(server, f"/ws?{name}=token-ana-1") == 4401
        refused = await asks(server, "GET", f"/sessions?{name}=token-ana-1")
        wrong = await asks(
            server,
            "GET",
            f"/sessions?limit={SECRET_WORD}&{name}={SECRET_WORD}",
            headers=bearer("token-ana-1"),
        )

    assert (refused.status_code, wrong.status_code) == (401, 422)
    assert SECRET_WORD not in wrong.text + str(wrong.headers)
    assert "limit" in wrong.text, "it still says what is wrong"


async def test_f4_no_log_line_holds_a_query_value_or_a_token(tmp_path: Path) -> None:
    async with server_process(tmp_path, api_tokens=TOKENS, log_level="DEBUG") as server:
        await server.starts()
        await server.asks("GET", f"/sessions?api_key={SECRET_WORD}")
        await server.asks("GET", f"/sessions?limit={SECRET_WORD}", headers=bearer("token-ana-1"))
        await raw_answer(
            server.port,
            f"GET /ws?token={SECRET_WORD} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
        )
        for options, first in (way("token-ana-1") for way in WAYS):
            async with connect(server.url, proxy=None, **options) as socket_:
                await socket_.send(json.dumps({"type": "system", **first}))
                await socket_.recv()
        server.signals(signal.SIGTERM)
        await server.ends()

    for word in (SECRET_WORD, "token-ana-1"):
        assert word not in "\n".join(server.log)
    assert any("/ws?***" in line for line in server.log)


async def test_f5_an_id_is_random_and_somebody_elses_looks_like_none() -> None:
    async with running_server(settings_with(api_tokens=TOKENS), provider=polite()) as server:
        ids: list[str] = []
        for _ in range(20):
            async with client_of(server, additional_headers=bearer("token-luis-1")) as client:
                ids.append(await client.opens())
        async with client_of(server, additional_headers=bearer("token-luis-1")) as client:
            theirs = await client.opens()
            answers = [
                await asks(
                    server, method, f"/sessions/{session_id}{rest}", json=body, headers=bearer("token-ana-1")
                )
                for method, rest, body in (
                    ("GET", "", None),
                    ("DELETE", "", None),
                    ("POST", "/messages", {"content": "x"}),
                )
                for session_id in (theirs, str(uuid.uuid4()))
            ]

    assert all(uuid.UUID(one).version == 4 for one in ids)
    assert len(set(ids)) == len(ids)
    # A user adds to no talk, not to their own either.
    assert [answer.status_code for answer in answers] == [404, 404, 404, 404, 403, 403]
    for other, unknown in zip(answers[::2], answers[1::2], strict=True):
        assert (other.content, sorted(other.headers)) == (unknown.content, sorted(unknown.headers))


@pytest.mark.alone
async def test_f5_a21_it_takes_as_long_to_refuse_what_is_there_as_what_is_not(
    sqlite_address: str, tmp_path: Path
) -> None:
    """Ended talks with many messages, live ones, and ids that nobody has, in turns; medians are compared.

    The goal is a tenth of a millisecond and is held here with a wide margin: reading the whole talk before
    the token is looked at would take several.
    """
    times: dict[str, list[float]] = {}

    async def takes(name: str, asking: Callable[[], Any]) -> None:
        began = time.perf_counter()
        await asking()
        times.setdefault(name, []).append((time.perf_counter() - began) * 1000)

    values = {"llm_provider": "demo", "database_url": sqlite_address, "api_tokens": TOKENS, "rate_limit": 0}
    async with server_process(tmp_path, **values) as server:
        await server.starts()
        live, ended = V2Client(server.url), V2Client(server.url)
        await live.starts(token="token-luis-1")
        await ended.starts(token="token-luis-1")
        for number in range(20):
            await ended.says(f"{number}+1?")
            await ended.hears_answer()
        await ended.sends({"type": "end"})
        await ended.is_closed()
        address = f"http://127.0.0.1:{server.port}"
        http = httpx.AsyncClient(
            verify=False, trust_env=False, base_url=address, headers=bearer("token-ana-1")
        )

        async def reads(session_id: str) -> None:
            assert (await http.get(f"/sessions/{session_id}/messages")).status_code == 404

        async def resumes(session_id: str) -> None:
            stranger = V2Client(server.url)
            stranger.session_id, stranger.token = session_id, ended.token
            assert (await stranger.resumes(token="token-ana-1"))["code"] == "resume_refused"
            await stranger.leaves()

        async with http:
            for _ in range(60):
                ids = {"live": live.session_id, "ended": ended.session_id, "none": str(uuid.uuid4())}
                for name, session_id in ids.items():
                    await takes(f"read {name}", partial(reads, session_id))
                    await takes(f"resume {name}", partial(resumes, session_id))
        await live.leaves()

    medians = {name: statistics.median(each) for name, each in times.items()}
    for way in ("read", "resume"):
        of_way = [medians[f"{way} {name}"] for name in ("live", "ended", "none")]
        assert max(of_way) - min(of_way) < 1, medians


NOT_GUARDED = {"/agent/health", "/agent/ready", "/agent/page", "/openapi.json"}

SIGNED = {"/twilio/voice", "/telnyx/voice", "/plivo/voice", "/vonage/voice"}
"""Asked for by a signature instead of a token, and not there without a key for it."""
"""Whoever has no token yet reads these, and changes nothing; the page asks how to look before it has one."""

NO_WAYS: list[dict[str, Any]] = [
    {},
    {"headers": {"Authorization": "Basic token-luis-1"}},
    {"headers": {"Authorization": "token-luis-1"}},
    {"headers": {"Cookie": "token=token-luis-1; session=token-luis-1"}},
    {"headers": {"X-Api-Key": "token-luis-1", "Api-Key": "token-luis-1"}},
    {"headers": {"X-Forwarded-User": "luis", "X-Forwarded-For": "127.0.0.1"}},
    {"headers": {"Sec-WebSocket-Protocol": "voice-agent.token.token-luis-1"}},
    {"headers": [("Authorization", "Bearer token-luis-1"), ("Authorization", "Bearer nope-nope")]},
    {"headers": [("Authorization", "Bearer nope-nope"), ("Authorization", "Bearer token-luis-1")]},
    {"params": {"token": "token-luis-1", "api_key": "token-luis-1", "access_token": "token-luis-1"}},
    {"headers": {"Authorization": "Bearer token-luis-1, Bearer token-luis-1"}},
]
"""Ways in which a token does not count, over HTTP."""


async def test_f6_no_route_shows_or_changes_what_is_not_the_callers() -> None:
    async with (
        running_server(settings_with(api_tokens=TOKENS), provider=polite()) as server,
        client_of(server, additional_headers=bearer("token-luis-1")) as client,
    ):
        session_id = await client.opens()
        schema = (await server.get("/openapi.json")).json()
        routes = [(method, path) for path, methods in schema["paths"].items() for method in methods]
        assert len(routes) > 10
        for method, path in routes:
            if path in NOT_GUARDED:
                assert method == "get", (method, path)
                assert session_id not in (await asks(server, "GET", path)).text, path
                continue
            if path in SIGNED:
                assert (await asks(server, method.upper(), path)).status_code == 404, path
                continue
            url = (
                path.replace("{session_id}", session_id)
                .replace("{user_id}", "luis")
                .replace("{position}", "0")
            )
            body = {"post": {"content": "x"}, "put": {"name": "x"}, "patch": {"title": "x"}}.get(method)
            for way in NO_WAYS:
                answer = await asks(server, method.upper(), url, json=body, **way)
                assert answer.status_code == 401, (method, path, way)
                assert session_id not in answer.text
            answer = await asks(server, method.upper(), url, json=body, headers=bearer("token-ana-1"))
            if "{" in path or path == "/agent/diagnose":
                adds = (method, path) == ("post", "/sessions/{session_id}/messages")
                assert answer.status_code == (403 if adds else 404), (method, path)
            assert session_id not in answer.text, (method, path)
        assert server.service.sessions.get(session_id) is not None
        await client.says("hola")
        assert await client.hears_answer() == "Sí."


@pytest.mark.parametrize("kind", ["resume", "continue"])
async def test_f6_nobody_takes_up_another_users_talk(kind: str) -> None:
    async with (
        running_server(settings_with(api_tokens=TOKENS), provider=polite()) as server,
        v2_client(server) as luis,
        v2_client(server) as ana,
    ):
        created = await luis.starts(token="token-luis-1")
        await ana.connects()
        wanted: dict[str, Any] = (
            {"type": "start", "continue": luis.session_id, "user_id": "luis"}
            if kind == "continue"
            else {
                "type": "resume",
                "session_id": luis.session_id,
                "resume_token": created["resume_token"],
                "last_seq": 0,
            }
        )
        await ana.sends({**wanted, "token": "token-ana-1"})
        error = await ana.hears_next()
        await luis.says("hola")
        assert (await luis.hears_answer())["type"] == "response_complete"

    assert (error["type"], error["code"]) == ("error", "resume_refused")


async def test_f6_an_open_server_that_is_bound_wider_says_so(tmp_path: Path) -> None:
    async with server_process(tmp_path, command=("main.py", "--port", "0", "--host", "127.0.0.1")) as server:
        await server.starts()
        assert (await server.asks("GET", "/agent/health")).json()["open_to_network"] is False
    assert not any("open_to_the_network" in line for line in server.log)

    for tokens, is_open in (("", True), (TOKENS, False)):
        settings = settings_with(host="0.0.0.0", api_tokens=tokens)
        async with running_server(settings, provider=polite()) as inner:
            assert (await inner.get("/agent/health")).json()["open_to_network"] is is_open


@pytest.mark.parametrize("tokens", ["", TOKENS])
async def test_f18_a_foreign_page_changes_nothing_and_reads_nothing(tokens: str) -> None:
    settings = settings_with(api_tokens=tokens)
    async with running_server(settings, provider=polite()) as server:
        schema = (await server.get("/openapi.json")).json()
        auth = bearer("token-root-1") if tokens else {}
        for path, methods in schema["paths"].items():
            url = path.replace("{session_id}", "x").replace("{user_id}", "luis").replace("{position}", "0")
            for method in (*methods, "options"):
                answer = await asks(
                    server,
                    method.upper(),
                    url,
                    headers={
                        **auth,
                        "Origin": "http://evil.example",
                        "Access-Control-Request-Method": "DELETE",
                        "Content-Type": "application/x-www-form-urlencoded",
                    },
                    content=b"content=x",
                )
                assert not [name for name in answer.headers if name.startswith("access-control-")]
                if method not in ("get", "options"):
                    assert answer.status_code == 403, (method, path)


async def test_f18_only_the_pages_of_allowed_origins_may_use_rest() -> None:
    settings = settings_with(api_tokens=TOKENS, allowed_origins="https://app.example")
    preflight = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    async with running_server(settings, provider=polite()) as server:
        good = {"Origin": "https://app.example"}
        allowed = await asks(server, "OPTIONS", "/tickets", headers={**good, **preflight})
        ticket = await asks(server, "POST", "/tickets", headers={**good, **bearer("token-ana-1")})
        evil = await asks(
            server, "OPTIONS", "/tickets", headers={"Origin": "http://app.example", **preflight}
        )

    for answer in (allowed, ticket):
        assert answer.headers["access-control-allow-origin"] == "https://app.example"
        assert "access-control-allow-credentials" not in answer.headers
    assert (allowed.status_code, ticket.status_code) == (200, 201)
    assert "access-control-allow-origin" not in evil.headers


def from_address(address: str) -> dict[str, Any]:
    return {"additional_headers": {"X-Forwarded-For": address}}


async def test_f19_one_address_has_its_part_and_others_theirs() -> None:
    settings = settings_with(max_sessions_per_ip=3, trusted_proxies="127.0.0.1")
    async with running_server(settings, provider=polite()) as server:
        mine = [client_of(server, **from_address("2001:db8::1")) for _ in range(3)]
        for one in mine:
            await (await one.__aenter__()).opens()
        async with client_of(server, **from_address("2001:db8::ffff")) as refused:
            await refused.sends({"type": "system"})
            error = await refused.hears_next()
            assert await refused.is_closed() == 1013
        for other in ("2001:db8:0:1::1", "192.0.2.7", "127.0.0.1"):
            async with client_of(server, **from_address(other)) as client:
                await client.opens()
                await client.says("hola")
                assert await client.hears_answer() == "Sí."
        await mine[0].__aexit__(None, None, None)
        await asyncio.gather(*(one.__aexit__(None, None, None) for one in mine[1:]))
        await server.is_empty()
        async with client_of(server, **from_address("2001:db8::1")) as again:
            await again.opens()

    assert error["type"] == "error"
    assert "minutos" in error["content"]


async def test_f19_silent_connections_count_and_this_machine_does_not() -> None:
    settings = settings_with(max_sessions_per_ip=2)
    async with running_server(settings, provider=polite()) as server:
        many = [client_of(server) for _ in range(10)]
        for one in many:
            await (await one.__aenter__()).opens()
        silent = [client_of(server, **from_address("192.0.2.7")) for _ in range(3)]
        clients = [await one.__aenter__() for one in silent]
        assert await clients[2].is_closed() == 1013
        for one in (*many, *silent):
            await one.__aexit__(None, None, None)
        await server.is_empty()


async def test_f19_a_client_that_drops_comes_back_though_its_address_is_full() -> None:
    settings = settings_with(max_sessions_per_ip=1)
    async with running_server(settings, provider=polite()) as server, v2_client(server) as client:
        server.service.session_host.limits.crowds.key_of = lambda address: "a"  # type: ignore[method-assign]
        await client.starts()
        await client.drops()
        assert (await client.resumes())["type"] == "session_resumed"
        async with client_of(server) as other:
            await other.sends({"type": "system"})
            assert await other.is_closed() == 1013


@pytest.mark.parametrize(
    ("peers", "said", "address"),
    [
        ("", "192.0.2.9", "127.0.0.1"),
        ("127.0.0.1", "192.0.2.9", "192.0.2.9"),
        ("127.0.0.1", "6.6.6.6, 192.0.2.9", "192.0.2.9"),
        ("127.0.0.1,10.0.0.0/8", "6.6.6.6, 192.0.2.9, 10.1.2.3", "192.0.2.9"),
        ("127.0.0.1,10.0.0.0/8", "10.9.9.9, 10.1.2.3", "10.9.9.9"),
        ("127.0.0.1,10.0.0.0/8", "6.6.6.6, garbage, 10.1.2.3", "10.1.2.3"),
        ("127.0.0.1", "garbage", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "6.6.6.6, 192.0.2.9:4711", "192.0.2.9"),
        ("127.0.0.1", "[2001:db8::1]:443", "2001:db8::1"),
        ("127.0.0.1", "1.2.3.4;6.6.6.6", "127.0.0.1"),
        ("127.0.0.1", "999.1.1.1", "127.0.0.1"),
    ],
)
async def test_f20_only_trusted_proxies_say_where_a_client_is(
    peers: str, said: str, address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    settings = settings_with(trusted_proxies=peers)
    async with running_server(settings, provider=polite()) as server:
        assert await upgrade(server, f"X-Forwarded-For: {said}", "X-Real-IP: 6.6.6.6") == b"101"
        answer = await asks(server, "GET", "/agent/health", headers={"X-Forwarded-For": said})

    assert answer.status_code == 200
    lines = [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")]
    assert any(line.startswith(f"{address}:") and "/agent/health" in line for line in lines)
    assert "6.6.6.6" not in " ".join(lines)


async def test_f21_silent_and_slow_requests_are_cut_off_and_others_are_served(tmp_path: Path) -> None:
    async with server_process(tmp_path, handshake_timeout_s=1.5) as server:
        await server.starts()
        silent = [await asyncio.open_connection("127.0.0.1", server.port) for _ in range(100)]
        starts = (b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: ")
        body = b"POST /tickets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nx"
        for number, (_, writer) in enumerate(silent):
            writer.write((*starts, body)[number % 4])

        # One that trickles is no better than one that is silent.
        async def trickles(writer: asyncio.StreamWriter) -> None:
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.1)

        drips = [asyncio.create_task(trickles(writer)) for _, writer in silent[2::4]]
        open_one, client = await handshake(server.port)
        assert open_one.startswith(b"HTTP/1.1 101")
        for reader, _ in silent:
            async with asyncio.timeout(PATIENCE_S):
                with contextlib.suppress(ConnectionError):
                    while await reader.read(65536):
                        pass
        await client.opens()  # an open WebSocket is no handshake any more
        assert (await server.asks("GET", "/agent/health")).json()["active_sessions"] == 1
        for task in drips:
            task.cancel()
        await asyncio.gather(*drips, return_exceptions=True)
        for _, writer in (*silent, (None, client.writer)):
            writer.transport.abort()

    assert not any("Traceback" in line for line in server.log)


async def test_f21_a_connection_that_is_used_again_is_not_cut_off(tmp_path: Path) -> None:
    async with server_process(tmp_path, handshake_timeout_s=0.5) as server:
        await server.starts()
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            for _ in range(8):
                answer = await client.get(f"http://127.0.0.1:{server.port}/agent/health")
                assert answer.status_code == 200
                await asyncio.sleep(0.15)


MANY = "".join(f"X-{number}: x\r\n" for number in range(300))
SOCKET_LINES = (
    "Host: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (f"GET /ws HTTP/1.1\r\n{SOCKET_LINES}X-Big: {'x' * 20_000}\r\n\r\n", b"431"),
        (
            f"GET /ws HTTP/1.1\r\n{SOCKET_LINES}{MANY}\r\n",
            b"431",
        ),
        (f"GET /ws?q={'x' * 9000} HTTP/1.1\r\n{SOCKET_LINES}\r\n", b"414"),
        (f"GET /ws HTTP/1.1\r\n{SOCKET_LINES}X-Most: {'x' * 7900}\r\n\r\n", b"101"),
        (f"GET / HTTP/1.1\r\nHost: localhost\r\nX-Endless: {'x' * 200_000}", b"431"),
    ],
    ids=["header", "headers", "query", "almost", "endless"],
)
async def test_f22_an_oversized_handshake_is_refused_and_closed(
    request_: str, status: bytes, tmp_path: Path
) -> None:
    async with server_process(tmp_path) as server:
        await server.starts()
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(request_.encode())
        async with asyncio.timeout(PATIENCE_S):
            line = await reader.readline()
            if status != b"101":
                with contextlib.suppress(ConnectionError):  # it is closed while the rest still comes
                    await reader.read()
        writer.transport.abort()
        _, client = await handshake(server.port)
        await client.opens()
        client.writer.transport.abort()

    assert line.split()[1] == status
    assert not any("Traceback" in line for line in server.log)


def costly(tokens: int) -> ScriptedModel:
    return ScriptedModel(lambda r: [Says("Sí."), Ends("stop", TokenUsage(tokens - 10, 10))])


async def test_f26_a_user_who_has_used_up_the_hours_tokens_is_told_when_to_go_on() -> None:
    settings = settings_with(max_tokens_per_user_hour=150, api_tokens=TOKENS)
    async with running_server(settings, provider=costly(100)) as server:
        async with v2_client(server) as ana, v2_client(server) as again, v2_client(server) as luis:
            await ana.starts(token="token-ana-1")
            for _ in range(2):
                await ana.says("hola")
                await ana.hears_answer()
            await ana.says("hola", id="text-3")
            error = await ana.hears("error")
            await again.starts(token="token-ana-1")
            await again.says("hola")
            assert (await again.hears("error"))["code"] == "budget_exceeded", "in each session of theirs"
            await luis.starts(token="token-luis-1")
            await luis.says("hola")
            await luis.hears_answer()

    assert (error["code"], error["retryable"], error["id"]) == ("budget_exceeded", True, "text-3")
    assert "60 min" in error["content"]


async def test_f26_what_no_service_counts_is_estimated() -> None:
    settings = settings_with(max_tokens_per_user_hour=200)
    async with (
        running_server(settings, provider=ScriptedModel(lambda r: says("x" * 1000))) as server,
        client_of(server) as client,
    ):
        await client.opens()
        await client.says("hola")
        await client.hears_answer()
        await client.says("hola")
        assert "límite" in (await client.hears("error"))["content"]


async def test_f26_tool_calls_of_an_hour_are_bounded_and_the_talk_goes_on() -> None:
    workshop = Workshop()
    model = ScriptedModel(
        lambda r: (
            calls(("work", {"tag": "a"}), ("work", {"tag": "b"})) if last_text(r) == "hazlo" else says("Sí.")
        )
    )
    settings = settings_with(max_tool_calls_per_user_hour=3)
    async with (
        running_server(settings, provider=model, tools=[workshop.tool("work")]) as server,
        client_of(server) as client,
    ):
        await client.opens()
        for _ in range(2):
            await client.says("hazlo")
            assert await client.hears_answer() == "Sí."
        await client.says("hazlo")
        error = await client.hears("error")
        await client.says("hola")
        assert await client.hears_answer() == "Sí."

    assert len(workshop.runs) == 3, "the fourth is refused beside the third, the fifth ends its turn"
    assert "60 min" in error["content"]
    assert model.invalid == []


async def test_f26_texts_of_a_session_are_bounded() -> None:
    settings = settings_with(max_texts_per_session_hour=2)
    async with running_server(settings, provider=polite()) as server, client_of(server) as client:
        await client.opens()
        for _ in range(2):
            await client.says("hola")
            assert await client.hears_answer() == "Sí."
        await client.says("hola")
        assert "60 min" in (await client.hears("error"))["content"]
        async with client_of(server) as other:
            await other.opens()
            await other.says("hola")
            assert await other.hears_answer() == "Sí."


async def test_e5_above_its_memory_the_server_takes_no_new_session_and_keeps_those_it_has() -> None:
    async with running_server(settings_with(max_memory_mb=10**6), provider=polite()) as server:
        async with client_of(server) as client:
            await client.opens()
            gate = server.service.session_host.limits.memory
            gate._max_mb, gate._looked_at = 1, None
            async with client_of(server) as refused:
                await refused.sends({"type": "system"})
                assert (await refused.hears_next())["type"] == "error"
                assert await refused.is_closed() == 1013
            await client.says("hola")
            assert await client.hears_answer() == "Sí."
