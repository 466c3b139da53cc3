"""Secrets: keys of their own in every secret setting, then faults of all kinds. Nobody may find one."""

import asyncio
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings, SettingsError, load_settings
from tests.support.answers import Answer, Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Exchange
from tests.support.process import ServerProcess, server_process
from tests.support.raw_client import TEXT, frame, raw_client
from tests.support.server import PATIENCE_S
from tests.support.v2_client import V2Client

pytestmark = pytest.mark.e2e

AZURE_KEY = "canary-azure-4b1d77"
USER_TOKEN, ADMIN_TOKEN = "canary-user-90cc3e", "canary-admin-5512fa"
SECRETS = {
    "azure_openai_api_key": AZURE_KEY,
    "openai_api_key": "canary-openai-e3f0aa",
    "jwt_key": "canary-jwt-77d2-0123456789-0123456789-abcdef",
    "jwt_algorithms": "HS256",
    "api_tokens": f"ana={USER_TOKEN}:user,root={ADMIN_TOKEN}:admin",
}
CANARIES = [AZURE_KEY, SECRETS["openai_api_key"], SECRETS["jwt_key"], USER_TOKEN, ADMIN_TOKEN]
WRONG_TOKEN = "canary-wrong-token-a17b"
PASSWORD = "canary-password-6a41"


@dataclass(frozen=True)
class Blurts:
    """A service, or a proxy before it, that says back what it was sent, keys and all."""

    status: int

    async def send(self, exchange: Exchange) -> None:
        request = exchange.request
        said = f"Incorrect API key provided: {request.headers['api-key']}. Headers: {request.headers}"
        if self.status == 307:
            await exchange.whole(307, said.encode(), {"location": f"http://127.0.0.1:1/?key={AZURE_KEY}"})
        elif self.status == 200:
            await exchange.whole(200, said.encode(), {"content-type": "text/html"})
        else:
            await exchange.json(self.status, {"error": {"message": said, "code": AZURE_KEY, "type": said}})


class Hangs:
    """A service that resets the connection."""

    async def send(self, exchange: Exchange) -> None:
        exchange.cut(reset=True)


FAULTS: list[Answer] = [
    *(Blurts(status) for status in (200, 307, 400, 401, 403, 404, 408, 422, 429, 500, 503)),
    Hangs(),
    ToolCalls(
        ("no_such_tool", {}), ("calculate", "{broken"), ("make_http_request", {"url": "http://127.0.0.1/"})
    ),
    Text("Vale.", finish_reason="content_filter"),
]


async def everything_said(server: ServerProcess, standin: AzureStandin) -> str:
    """All that leaves the server, but for the header in which the service is to find its key."""
    client = V2Client(server.url)
    await client.starts(token=USER_TOKEN)
    for fault in FAULTS:
        standin.reply = lambda request, fault=fault: (
            fault if request.messages[-1]["role"] == "user" else Text("Ya.")
        )
        await client.says("hola")
        async with asyncio.timeout(PATIENCE_S):
            while (await client.hears_next())["type"] not in ("response_complete", "error"):
                pass
    await client.sends('{"type":"text"')
    await client.sends({"type": "text", "content": 7})
    await client.hears("error")
    await client.leaves()
    said = [json.dumps(client.heard)]
    for token in (USER_TOKEN, ADMIN_TOKEN, WRONG_TOKEN, None):
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        talk = f"/sessions/{client.session_id}"
        paths = [
            "/agent/health",
            "/agent/diagnose",
            "/openapi.json",
            "/sessions?status=all",
            "/users/ana/profile",
        ]
        paths += [f"{talk}/messages", f"{talk}/export", f"{talk}/export?format=markdown", "/nothing"]
        paths += [f"{path}?token={USER_TOKEN}" for path in ("/sessions", "/nothing", "/agent/diagnose")]
        for path in paths:
            answer = await server.asks("GET", path, headers=headers)
            said.append(f"{answer.headers} {answer.text}")
        answer = await server.asks("PUT", "/users/ana/profile", headers=headers, json={"notes": 7})
        said.append(answer.text)
    said += [await refused_socket(server, WRONG_TOKEN)]
    said += [request.raw_body.decode() for request in standin.requests]
    return "\n".join(said)


async def refused_socket(server: ServerProcess, token: str) -> str:
    async with raw_client(
        server.port, f"Sec-WebSocket-Protocol: voice-agent.token.{token}\r\n".encode()
    ) as client:
        await client.sends(frame(TEXT, b'{"type":"text","content":"hola"}'))
        return repr(await client.hears_frame()) + repr(await client.hears_frame())


def stored_in(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.glob("talks.db*"))


@pytest.mark.timeout(120)
@pytest.mark.parametrize("log_format", ["text", "json"])
async def test_f13_no_secret_leaves_by_any_fault(tmp_path: Path, log_format: str) -> None:
    async with AzureStandin() as standin:
        standin.key = AZURE_KEY
        values: dict[str, Any] = standin.azure(**SECRETS) | {
            "database_url": f"sqlite+aiosqlite:///{tmp_path}/talks.db",
            "log_level": "DEBUG",
            "log_format": log_format,
            "llm_max_retries": 0,
        }
        async with server_process(tmp_path, **values) as server:
            await server.starts()
            said = await everything_said(server, standin)
            log = "\n".join(server.log)
        standin.violations.clear()
    stored = stored_in(tmp_path)

    assert len(said) > 10_000 and len(log) > 5000 and b"hola" in stored
    assert [secret for secret in CANARIES if secret in said] == []
    assert [secret for secret in [*CANARIES, WRONG_TOKEN] if secret in log] == []
    assert [secret for secret in CANARIES if secret.encode() in stored] == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("api_tokens", f"ana={PASSWORD}"),
        ("api_tokens", f"ana={PASSWORD}:chief"),
        ("database_url", f"mysql://ana:{PASSWORD}@db/talks"),
        ("database_url", f"postgresql://ana:{PASSWORD}@127.0.0.1:1/talks"),
        ("azure_openai_endpoint", f"ftp://ana:{PASSWORD}@host"),
        ("azure_openai_api_key", PASSWORD),
    ],
)
async def test_f13_setting_that_is_wrong_is_not_quoted(tmp_path: Path, name: str, value: str) -> None:
    async with server_process(tmp_path, **{name: value}) as server:
        await server.begins()
        ending = asyncio.create_task(server.ends())
        serving = asyncio.create_task(server.serves())
        await asyncio.wait({ending, serving}, return_when=asyncio.FIRST_COMPLETED)
        if serving.done() and not serving.exception():
            diagnosis = await server.asks("GET", "/agent/diagnose")
            assert PASSWORD not in diagnosis.text
        await server.is_killed()
        await asyncio.gather(ending, serving, return_exceptions=True)

        assert PASSWORD not in "\n".join(server.log)


def test_f13_settings_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in SECRETS.items():
        monkeypatch.setenv(name.upper(), value)
    monkeypatch.setenv("DATABASE_URL", f"postgresql://ana:{PASSWORD}@db/talks")
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "https://host")
    monkeypatch.setenv("AZURE_OPENAI_DEPLOYMENT_NAME", "gpt")
    settings = Settings(_env_file=None)  # pyright: ignore[reportCallIssue]
    monkeypatch.setenv("PORT", "x")
    with pytest.raises(SettingsError) as wrong:
        load_settings()

    shown = f"{settings!r} {settings} {settings.api_tokens} {wrong.value} {wrong.value!r}"
    assert [secret for secret in [*CANARIES, PASSWORD] if secret in shown] == []


async def test_f25_resume_token_shares_no_frame_with_what_people_say(tmp_path: Path) -> None:
    """What is compressed together leaks by its length; so nothing is compressed, and tokens come alone."""
    offer = b"Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
    async with AzureStandin() as standin, server_process(tmp_path, **standin.azure()) as server:
        await server.starts()
        async with raw_client(server.port, offer + b"Sec-WebSocket-Protocol: voice-agent.v2\r\n") as client:
            await client.sends(frame(TEXT, b'{"type":"ping"}'))
            first, size = await client.reader.readexactly(2)
            assert first & 0x70 == 0 and size, "a reserved bit: compressed"
        client = V2Client(server.url)
        await client.starts(user_id="MARKEDUSER")
        await client.says("MARKEDTEXT")
        await client.hears_answer()
        await client.drops()
        await client.resumes()
        await client.leaves()

    bearing = [message for message in client.heard if "resume_token" in message]
    assert [message["type"] for message in bearing] == ["session_created", "session_resumed"]
    assert "MARKED" not in json.dumps(bearing)
