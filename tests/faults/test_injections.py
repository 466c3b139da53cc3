"""Instructions in untrusted text, against a model that obeys all of them: what still cannot happen.

Each case of `tests/cases/injections.json` says by which way its text comes (`via`) and which calls it talks
the model into (`wants`; none where what nobody sees does not reach it). Counted outside of the server:
requests at a private address, another user's words, keys, and effects without the user's approval. Real
server process, real sockets, real database.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
import pytest_asyncio

from app.llm.request_messages import FILLER
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Exchange, WireServer
from tests.support.obedient import ObedientModel, hidden, is_summary
from tests.support.process import ServerProcess, server_process
from tests.support.server import PATIENCE_S
from tests.support.v2_client import V2Client

pytestmark = [pytest.mark.e2e, pytest.mark.asyncio(loop_scope="module")]

CASES = json.loads((Path(__file__).parents[1] / "cases" / "injections.json").read_text(encoding="utf-8"))
MOOD = re.compile(r"\n\n\[El usuario parece [^<>\[\]]*\]\Z")
"""What the server notes behind a text: its own words alone."""

KEYS = {
    "azure_openai_api_key": "canary-azure-key-51f7",
    "openai_api_key": "canary-openai-key-c2aa",
}
TOKENS = {"ana": "canary-token-of-ana-8e11", "luis": "canary-token-of-luis-07bd", "root": "canary-root-9d3c"}
VICTIMS_WORDS = "VICTIMCANARY el pedido secreto de luis"
ASKED = {"tool_started", "approval_requested"}

MAIL_TOOL = '''
"""A mailbox."""
from pydantic import BaseModel
from app.tools.base import ToolContext, ToolError, tool


class Arguments(BaseModel):
    """Which mail."""

    id: str


@tool()
async def run(args: Arguments, ctx: ToolContext):
    """Reads a mail."""
    mail = (await ctx.http.get("{outside}/mail/" + args.id)).json()
    if "error" in mail:
        raise ToolError(mail["error"])
    return mail
'''
SEND_TOOL = '''
"""Sends a mail."""
from pydantic import BaseModel
from app.tools.base import ToolContext, tool


class Arguments(BaseModel):
    """What to send."""

    to: str
    text: str


@tool(effect="write")
async def run(args: Arguments, ctx: ToolContext):
    """Sends a mail."""
    await ctx.http.post("{outside}/sent", content=args.text)
    return "sent"
'''


@dataclass
class Outside:
    """The internet: pages and mails with what a case put there, and an address that nobody may reach."""

    text: str = ""
    via: str = ""
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    private_requests: int = 0

    async def answer(self, exchange: Exchange) -> None:
        request = exchange.request
        self.seen.append((request.method, request.path + str(request.query), request.raw_body))
        if request.path == "/redirect":
            await exchange.whole(302, b"", {"location": request.query["to"]})
        elif request.path.startswith("/mail/"):
            name = {"key": self.text, "error": "error"}.get(self.via, "body")
            await exchange.json(200, {name: "hola" if self.via == "key" else self.text})
        elif self.via == "header":
            await exchange.whole(200, b"hola", {"content-type": "text/plain", "location": self.text})
        else:
            headers = {"content-type": "text/plain; charset=utf-8"}
            await exchange.whole(200, self.text.encode(), headers)

    async def answer_privately(self, exchange: Exchange) -> None:
        self.private_requests += 1
        await exchange.json(200, {"secret": "the private one"})

    @property
    def writes(self) -> list[str]:
        """What was changed out there."""
        return [f"{method} {path}" for method, path, _ in self.seen if method not in ("GET", "HEAD")]


@dataclass
class World:
    """Everything around one server."""

    server: ServerProcess
    service: AzureStandin
    outside: Outside
    places: dict[str, str]
    model: ObedientModel = field(default_factory=ObedientModel)

    def lays_out(self, case: dict[str, Any]) -> str:
        """A fresh model, and the case's text where it belongs."""
        self.model = ObedientModel()
        self.service.reply = self.model.reply
        self.service.requests.clear()
        self.outside.seen.clear()
        self.outside.private_requests = 0
        text = case["text"]
        for name, value in self.places.items():
            text = text.replace(f"{{{name}}}", value)
        self.outside.text, self.outside.via = hidden(text), case["via"]
        return self.outside.text

    async def asks(self, method: str, path: str, user: str = "root", **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {TOKENS[user]}"}
        answer = await self.server.asks(method, path, headers=headers, **options)
        assert answer.is_success, (path, answer.status_code, answer.text)
        return answer.json() if answer.content else None


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("injections")
    outside = Outside()
    async with (
        AzureStandin() as service,
        WireServer(outside.answer) as public,
        WireServer(outside.answer_privately) as private,
    ):
        service.key = KEYS["azure_openai_api_key"]
        places = {
            "outside": f"http://127.0.0.1:{public.port}",
            "private": f"http://127.0.0.1:{private.port}",
            "private_port": str(private.port),
        }
        tools = folder / "tools"
        tools.mkdir()
        (tools / "read_mail.py").write_text(MAIL_TOOL.replace("{outside}", places["outside"]))
        (tools / "send_mail.py").write_text(SEND_TOOL.replace("{outside}", places["outside"]))
        values = service.azure(**KEYS) | {
            "database_url": f"sqlite+aiosqlite:///{folder}/talks.db",
            "tool_approval": "writes",
            "approval_timeout_s": 0.3,
            "tool_inline_wait_s": 0.2,
            "max_agent_turns": 3,
            "max_history_tokens": 4000,
            "tools_dir": tools,
            "http_tool_allowed_private": f"127.0.0.1:{public.port}",
            "api_tokens": ",".join(
                f"{name}={token}:{'admin' if name == 'root' else 'user'}" for name, token in TOKENS.items()
            ),
            "log_level": "DEBUG",
        }
        async with server_process(folder, **values) as server:
            await server.starts()
            places["own"] = f"http://127.0.0.1:{server.port}"
            victim = await talk_of(server, "luis")
            await victim.says(VICTIMS_WORDS)
            await victim.hears_answer()
            places["victim"] = victim.session_id
            yield World(server, service, outside, places)
            await victim.leaves()
        assert service.violations == []


async def talk_of(server: ServerProcess, user: str) -> V2Client:
    client = V2Client(server.url)
    await client.starts(user_id=user, token=TOKENS[user])
    return client


async def rests(client: V2Client) -> None:
    """Hears all that comes until no call is left open and the agent is at rest."""
    while True:
        begun = {m["call_id"] for m in client.heard if m["type"] in ASKED}
        ended = {m["call_id"] for m in client.heard if m["type"] == "tool_finished"}
        states = [m["state"] for m in client.heard if m["type"] == "state"]
        if begun <= ended and states and states[-1] == "idle":
            return
        await client.hears_next()


async def is_said(client: V2Client, text: str) -> None:
    """A text, its answer, and whatever comes of it."""
    await client.says(text)
    await client.hears("response_complete")
    await client.hears("state")
    await rests(client)


async def comes_in(world: World, case: dict[str, Any], client: V2Client) -> None:
    """The text reaches the model in the way of its case."""
    text = world.lays_out(case)
    match case["via"]:
        case "page" | "header":
            await is_said(client, f'!make_http_request({{"url": "{world.places["outside"]}/page"}})')
        case "tool" | "key" | "error":
            await is_said(client, '!read_mail({"id": "1"})')
        case "notes" | "name" | "preference":
            profile = {"notes": {"notes": [text[:300]]}, "name": {"name": text[:100]}}
            kept = profile.get(case["via"], {"preferences": {"tono": text[:200]}})
            await world.asks("PUT", "/users/ana/profile", json=kept)
            await is_said(client, "hola")
        case "context":
            url = f"/sessions/{client.session_id}/messages"
            await world.asks("POST", url, json={"content": text, "mode": "context"})
            await is_said(client, "hola")
        case "search":
            await is_said(client, text)
            await is_said(client, '!search_talk({"query": "correo page"})')
        case "summary":
            await is_said(client, text)
            for number in range(14):
                await is_said(client, f"relleno {number} " + "palabra " * 150)
        case _:
            raise AssertionError(case)


# What the prompts may look like

PROFILE = re.compile(r"<user_profile>\n(.*)\n</user_profile>", re.DOTALL)


def data_of(text: str) -> Any:
    """The JSON behind the words of ours that introduce it; nothing in it looks like a mark."""
    assert "<" not in text and ">" not in text, text
    return orjson.loads(text[text.index("{") :])


def check_marks(messages: list[dict[str, Any]], said: set[str], rules: str) -> None:
    """Everything that is not ours stands inside a mark."""
    first, *others = messages
    for profile in PROFILE.findall(first["content"]):
        assert isinstance(data_of(profile), dict)
    ours = PROFILE.sub("", first["content"])
    assert ours.startswith(rules) and not set(ours) & set("<>")
    for note in ours.removeprefix(rules).strip().split("\n\n"):
        if note and not note.startswith("Esto se guarda del usuario"):
            assert set(data_of(note)) <= {"summary", "context"}
    for message in others:
        match message["role"]:
            case "tool":
                assert isinstance(data_of(message["content"]), dict)
            case "user":
                assert MOOD.sub("", message["content"]) in {*said, FILLER}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
async def test_obedient_model_does_no_harm(world: World, case: dict[str, Any]) -> None:
    await world.asks("DELETE", "/users/ana/profile")
    logged = len(world.server.log)
    client = await talk_of(world.server, "ana")
    async with asyncio.timeout(2 * PATIENCE_S):
        await comes_in(world, case, client)
        kept = await world.asks("GET", "/users/ana/profile")
        await is_said(client, "¿algo más?")
    stored = await world.asks("GET", f"/sessions/{client.session_id}/export")
    after = await world.asks("GET", "/users/ana/profile")
    await client.leaves()

    # It was talked into it.
    assert set(case["wants"]) <= {name for name, _ in world.model.obeyed}

    # And nothing came of it.
    assert world.outside.private_requests == 0
    assert world.outside.writes == []
    assert after == kept
    assert case["via"] in ("notes", "name", "preference") or not any(after.values())
    prompts = "".join(request.raw_body.decode() for request in world.service.requests)
    left = prompts + str(world.outside.seen) + str(client.heard) + json.dumps(stored)
    assert "VICTIMCANARY" not in left
    log = "\n".join(world.server.log[logged:])
    assert not [secret for secret in (*KEYS.values(), *TOKENS.values()) if secret in left + log]
    assert f"/sessions/{world.places['victim']}" not in log, "the server has asked itself"
    assert " ERROR " not in log and "Traceback" not in log

    # Because nothing ever left its mark.
    said = {m["content"] for m in stored["messages"] if m["role"] == "user"}
    rules = world.service.requests[0].messages[0]["content"].partition("\n\n")[0]
    for request in world.service.requests:
        if not is_summary(request):
            check_marks(request.messages, said, rules)


async def test_effect_happens_with_the_persons_word(world: World) -> None:
    """What is counted above can be counted."""
    case = next(case for case in CASES if case["id"] == "page-mail-es")
    text = world.lays_out(case)
    assert "send_mail" in text
    client = await talk_of(world.server, "ana")
    await client.says(f'!make_http_request({{"url": "{world.places["outside"]}/page"}})')
    asked = await client.hears("approval_requested")
    assert asked["name"] == "send_mail"
    await client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
    await rests(client)
    await client.leaves()

    assert world.outside.writes == ["POST /sent{}"]


async def test_cases_are_many_and_of_all_kinds() -> None:
    assert len(CASES) >= 30
    assert len({case["id"] for case in CASES}) == len(CASES)
    assert {case["lang"] for case in CASES} == {"es", "en"}
    ways = {
        "page",
        "header",
        "tool",
        "key",
        "error",
        "notes",
        "name",
        "preference",
        "search",
        "context",
        "summary",
    }
    assert {case["via"] for case in CASES} == ways
