"""Every route, with every way to come: who gets in."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.context import settings_with
from tests.support.raw_client import handshake
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, client_of, running_server

TOKENS = "ana=token-ana-1:user,luis=token-luis-1:user,root=token-root-1:admin"
CONTRIBUTION = ("POST", "/sessions/{session_id}/messages")
OPEN_TO_ALL = {"/agent/health", "/agent/ready", "/agent/page", "/openapi.json"}
"""The page asks how to look before it asks for a token."""

SIGNED = {"/twilio/voice", "/telnyx/voice", "/plivo/voice", "/vonage/voice"}
"""Asked for by a signature instead of a token, and not there without a key for it."""


def as_user(name: str) -> dict[str, str]:
    return {"Authorization": f"Bearer token-{name}-1"}


async def asks(server: Server, method: str, path: str, **options: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}", **options)


def guarded_routes(schema: dict[str, Any]) -> list[tuple[str, str]]:
    return [
        (method.upper(), path)
        for path, methods in schema["paths"].items()
        for method in methods
        if path not in OPEN_TO_ALL | SIGNED
    ]


async def test_every_route_asks_for_a_token_where_there_are_tokens() -> None:
    settings = settings_with(api_tokens=TOKENS)
    async with running_server(settings, provider=ScriptedModel([])) as server, client_of(server) as client:
        await client.sends({"type": "system", "token": "token-luis-1"})
        session_id = (await client.hears("session_created"))["session_id"]
        schema = (await server.get("/openapi.json")).json()
        for method, path in guarded_routes(schema):
            url = path.replace("{session_id}", session_id).replace("{user_id}", "luis")
            body = {"POST": {"content": "x"}, "PUT": {"name": "x"}, "PATCH": {"title": "x"}}.get(method)
            assert (await asks(server, method, url, json=body)).status_code == 401, (method, path)
            for bad in ({"Authorization": "Bearer nope-nope"}, {"Authorization": "Basic token-luis-1"}):
                assert (await asks(server, method, url, json=body, headers=bad)).status_code == 401
            for in_url in ("?token=token-luis-1", "?api_key=token-luis-1", "?access_token=token-luis-1"):
                assert (await asks(server, method, url + in_url, json=body)).status_code == 401
            if "{" in path or path == "/agent/diagnose":
                foreign = await asks(server, method, url, json=body, headers=as_user("ana"))
                # Who may add to no talk at all learns nothing of this one.
                expected = 403 if (method, path) == CONTRIBUTION else 404
                assert foreign.status_code == expected, (method, path)


@pytest.mark.parametrize("mode", ["say", "context", "prompt"])
@pytest.mark.parametrize(
    ("name", "status"), [("luis", 403), ("ana", 403), ("shop", 202), ("root", 202), ("nobody", 401)]
)
async def test_back_ends_and_admins_alone_add_to_talks(name: str, status: int, mode: str) -> None:
    settings = settings_with(api_tokens=f"{TOKENS},shop=token-shop-1:backend")
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(settings, provider=model) as server, client_of(server) as client:
        await client.sends({"type": "system", "token": "token-luis-1"})
        session_id = (await client.hears("session_created"))["session_id"]
        body = {"content": "x", "mode": mode}
        path = f"/sessions/{session_id}/messages"
        answer = await asks(server, "POST", path, json=body, headers=as_user(name))
        unknown = await asks(server, "POST", "/sessions/nope/messages", json=body, headers=as_user(name))

    assert answer.status_code == status
    assert unknown.status_code == (404 if status == 202 else status)


async def test_a_back_end_finds_talks_and_reads_none() -> None:
    settings = settings_with(api_tokens=f"{TOKENS},shop=token-shop-1:backend")
    async with running_server(settings, provider=ScriptedModel([])) as server, client_of(server) as client:
        await client.sends({"type": "system", "token": "token-luis-1"})
        session_id = (await client.hears("session_created"))["session_id"]
        found = {}
        for method, path in (
            ("GET", "/sessions"),
            ("GET", f"/sessions/{session_id}"),
            ("GET", f"/sessions/{session_id}/messages"),
            ("GET", f"/sessions/{session_id}/export"),
            ("DELETE", f"/sessions/{session_id}"),
            ("GET", "/users/luis/sessions"),
            ("DELETE", "/users/luis"),
            ("GET", "/metrics"),
        ):
            answer = await asks(server, method, path, headers=as_user("shop"))
            found[method, path.replace(session_id, "{id}")] = answer.status_code
        listed = (await asks(server, "GET", "/sessions?user_id=luis", headers=as_user("shop"))).json()

    assert [session["session_id"] for session in listed["sessions"]] == [session_id]
    assert found.pop(("GET", "/sessions")) == found.pop(("GET", "/sessions/{id}")) == 200
    assert set(found.values()) == {404}


@pytest.mark.parametrize(
    ("name", "title"), [("luis", "mi secreto"), ("root", "mi secreto"), ("shop", None), ("ana", None)]
)
async def test_titles_are_for_those_who_may_read_the_talk(
    tmp_path: Path, name: str, title: str | None
) -> None:
    database = f"sqlite+aiosqlite:///{tmp_path}/talks.db"
    settings = settings_with(api_tokens=f"{TOKENS},shop=token-shop-1:backend", database_url=database)
    model = ScriptedModel(lambda r: says("Sí."))
    async with running_server(settings, provider=model) as server, client_of(server) as client:
        await client.sends({"type": "system", "token": "token-luis-1"})
        session_id = (await client.hears("session_created"))["session_id"]
        await client.says("mi secreto")
        await client.hears_answer()
        paths = ("/sessions", "/sessions?status=all", f"/sessions/{session_id}")
        shown = [(await asks(server, "GET", path, headers=as_user(name))).json() for path in paths]
    found = [one for answer in shown for one in answer.get("sessions", [answer]) if "session_id" in one]

    assert len(found) == (0 if name == "ana" else 3)
    assert {one.get("title") for one in found} <= {title}


async def test_what_is_added_counts_as_a_text_of_the_talk() -> None:
    settings = settings_with(max_texts_per_session_hour=2)
    async with running_server(settings, provider=ScriptedModel([])) as server, client_of(server) as client:
        path = f"/sessions/{await client.opens()}/messages"
        modes = ("context", "say", "prompt")
        answers = [await asks(server, "POST", path, json={"content": "x", "mode": mode}) for mode in modes]

    assert [answer.status_code for answer in answers] == [202, 202, 429]


async def test_users_see_their_own_talks_and_admins_all() -> None:
    settings = settings_with(api_tokens=TOKENS)
    async with running_server(settings, provider=ScriptedModel([])) as server, client_of(server) as client:
        await client.sends({"type": "system", "user_id": "somebody", "token": "token-luis-1"})
        session_id = (await client.hears("session_created"))["session_id"]
        seen = {}
        for name in ("ana", "luis", "root"):
            listed = (await asks(server, "GET", "/sessions", headers=as_user(name))).json()
            seen[name] = listed["active_sessions"]
        shown = (await asks(server, "GET", f"/sessions/{session_id}", headers=as_user("luis"))).json()

    assert seen == {"ana": 0, "luis": 1, "root": 1}
    assert shown["user_id"] == "luis", "the token decides, not the message"


@pytest.mark.parametrize(
    ("options", "first"),
    [
        ({"additional_headers": as_user("ana")}, {"type": "system"}),
        ({"subprotocols": ["voice-agent.token.token-ana-1", "voice-agent.v1"]}, {"type": "system"}),
        ({}, {"type": "system", "token": "token-ana-1"}),
    ],
)
async def test_a_socket_may_bring_its_token_in_three_ways(
    options: dict[str, Any], first: dict[str, str]
) -> None:
    settings = settings_with(api_tokens=TOKENS)
    async with running_server(settings, provider=ScriptedModel([says("Sí.")])) as server:
        async with client_of(server, **options) as client:
            await client.sends(first)
            await client.hears("session_created")
            await client.says("hola")
            assert await client.hears_answer() == "Sí."
            assert client.socket.subprotocol in (None, "voice-agent.v1"), "a token is never echoed"


@pytest.mark.parametrize("token", [None, "nope-nope", 7])
async def test_a_socket_without_a_good_token_gets_no_session(token: Any) -> None:
    settings = settings_with(api_tokens=TOKENS)
    async with running_server(settings, provider=ScriptedModel([])) as server, client_of(server) as client:
        await client.sends({"type": "system", **({"token": token} if token else {})})
        error = await client.hears_next()
        assert await client.is_closed() == 4401
        assert len(server.service.sessions) == 0

    assert error["type"] == "error"


async def test_a_foreign_page_changes_nothing() -> None:
    for settings, headers in (
        (settings_with(), {}),
        (settings_with(api_tokens=TOKENS), as_user("root")),
    ):
        async with (
            running_server(settings, provider=ScriptedModel([])) as server,
            client_of(server) as client,
        ):
            await client.sends({"type": "system", "token": "token-root-1"})
            session_id = (await client.hears("session_created"))["session_id"]
            answer = await asks(
                server,
                "POST",
                f"/sessions/{session_id}/messages",
                json={"content": "x"},
                headers={**headers, "Origin": "http://evil.example"},
            )

        assert answer.status_code == 403


async def test_without_tokens_changes_come_from_this_machine_alone() -> None:
    async with running_server(provider=ScriptedModel([])) as server, client_of(server) as client:
        session_id = await client.opens()
        path = f"/sessions/{session_id}/messages"
        here = await asks(server, "POST", path, json={"content": "hola"})
        proxied = await asks(
            server, "POST", path, json={"content": "hola"}, headers={"X-Forwarded-For": "8.8.8.8"}
        )

    assert (here.status_code, proxied.status_code) == (202, 403)


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [
        (None, True),
        ("http://127.0.0.1:{port}", True),
        ("HTTP://LOCALHOST:3000", True),
        ("http://[::1]:5173", True),
        ("http://evil.example", False),
        ("http://evil.example:{port}", False),
        ("null", False),
        ("http://localhost.evil.example:{port}", False),
        ("http://127.0.0.1.:{port}", False),
        ("file://", False),
        ("http://evil example", False),
    ],
)
async def test_a_page_of_another_site_gets_no_socket(
    origin: str | None, is_let_in: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        caplog.set_level(logging.WARNING)
        sent = f"Origin: {origin.format(port=server.port)}\r\n" if origin is not None else ""
        head, client = await handshake(server.port, sent.encode())
        client.writer.transport.abort()

        assert head.split()[1] == (b"101" if is_let_in else b"403")
        assert len(server.service.sessions) == 0
    warnings = [record.msg for record in caplog.records if record.levelno >= logging.WARNING]
    assert warnings == ([] if is_let_in else ["foreign_origin"])


async def test_two_origins_get_no_socket() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        own = f"Origin: http://127.0.0.1:{server.port}\r\n"
        for sent in (own * 2, own + "Origin: http://evil.example\r\n"):
            head, client = await handshake(server.port, sent.encode())
            client.writer.transport.abort()
            assert head.split()[1] in (b"400", b"403")
            assert len(server.service.sessions) == 0


async def test_a_good_token_does_not_make_up_for_a_foreign_page() -> None:
    settings = settings_with(api_tokens=TOKENS)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        sent = "Authorization: Bearer token-ana-1\r\nOrigin: http://evil.example\r\n"
        head, client = await handshake(server.port, sent.encode())
        client.writer.transport.abort()

    assert head.split()[1] == b"403"
