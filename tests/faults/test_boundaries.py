"""Whatever happens at a boundary of a turn: a text ends once, a result is told once, no write runs twice.

At each boundary a client interrupts, drops and comes back, another one takes the talk over or continues it,
the server dies or stops; then the talk goes on to its rest.
"""

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.support.context import settings_with
from tests.support.scripted import Answer, Says, ScriptedModel, Step, Until, calls, last_text, says
from tests.support.server import Server, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client

QUIET_S = 0.4
"""So long nothing more comes of a talk that rests."""

SUMMARY = "summary"


@dataclass(frozen=True)
class Boundary:
    """Where a talk stands when something happens to it.

    Attributes:
        text: What the user has said; its first word is what the model does.
        waits_for: What the client hears last, and the turn's source where it is one that begins.
        told: How the model tells a result of the background, until the gate opens.
    """

    text: str
    waits_for: str
    source: str = ""
    told: str = "at once"
    settings: dict[str, Any] = field(default_factory=dict)


BOUNDARIES = {
    "before the first word": Boundary("silent", "turn_started"),
    "in the answer": Boundary("begins", "response_chunk"),
    "between a call and its result": Boundary("look", "tool_started", settings={"tool_inline_wait_s": 5}),
    "between a write and its result": Boundary("send", "tool_started", settings={"tool_inline_wait_s": 5}),
    "while a tool runs": Boundary("look", "response_complete"),
    "while a write runs": Boundary("send", "response_complete"),
    "while a call waits for a word": Boundary(
        "send", "response_complete", settings={"tool_approval": "writes"}
    ),
    "before a result is told": Boundary("look", "turn_started", "tool", "silent"),
    "while a result is told": Boundary("look", "response_chunk", "tool", "begins"),
    "while the telling of a result calls": Boundary(
        "look", "tool_started", "tool", "calls", {"tool_inline_wait_s": 0.2}
    ),
    "while a summary is made": Boundary("plain", SUMMARY, settings={"max_history_tokens": 900}),
}


class World:
    """Servers on one database, one after another, a model with a gate, and the clients of one talk."""

    def __init__(self, boundary: Boundary, path: Path) -> None:
        self.boundary = boundary
        self.shop = Workshop()
        self.gate = asyncio.Event()
        self.has_told = False
        self.is_summarising = asyncio.Event()
        self.model = ScriptedModel(self.answer)
        self.settings = settings_with(
            **{
                "database_url": f"sqlite:///{path}/talks.db",
                "store_timeout_s": 30,
                "tool_inline_wait_s": 0.02,
                "shutdown_grace_s": 0.05,
                **boundary.settings,
            }
        )
        self.clients: list[V2Client] = []

    def serving(self) -> Any:
        tools = [self.shop.tool("look"), self.shop.tool("send", "write"), self.shop.tool("more")]
        return running_server(self.settings, provider=self.model, tools=tools)

    def answer(self, request: Any) -> Answer:
        text, role = last_text(request), request.messages[-1]["role"]
        if '"turns"' in text:
            self.is_summarising.set()
            return [Until(self.gate), Says("Hablaron de todo.")]
        if role == "tool":
            if '"running"' in text:
                return says("Voy.")
            if '"call_id"' in text and '"x"' in text and not self.has_told:
                self.has_told = True
                return self._slowly(self.boundary.told, "Llegó.")
            return says("Hecho.")
        match text.split()[0]:
            case "look" | "send":
                return calls((text, {"seconds": 0.3, "tag": "w", "result": "x"}))
            case "silent" | "begins":
                return self._slowly(text, f"<{text}>")
            case _:
                return says(f"<{text}>")

    def _slowly(self, how: str, words: str) -> Answer:
        gate = Until(self.gate)
        steps: dict[str, list[Step]] = {
            "at once": says(words),
            "silent": [gate, Says(words)],
            "begins": [Says("Em"), gate, Says("pieza.")],
            "calls": calls(("more", {"seconds": 0.1, "result": "y"})),
        }
        return steps[how]

    async def comes(self, server: Server, how: str = "resume", *, after: V2Client | None = None) -> V2Client:
        """Another client comes to the talk, or the first one to a new talk."""
        client = V2Client(server.url)
        self.clients.append(client)
        if after is None:
            await client.starts()
        elif how == "resume":
            client.session_id, client.token = after.session_id, after.token
            client.last_seq = after.last_seq
            assert (await client.resumes())["type"] == "session_resumed"
        else:
            created = await client.starts(**{"continue": after.session_id})
            assert created["continued"]
        return client

    async def is_at_its_boundary(self, client: V2Client) -> None:
        """The first text has brought the talk to where something is to happen."""
        await client.says(self.boundary.text, id="c0")
        if self.boundary.waits_for == SUMMARY:
            await client.hears_answer()
            while not self.is_summarising.is_set():
                await client.says("plain " + "fo gu la " * 30)
                await client.hears_answer()
            return
        at, source = self.boundary, "user"
        while True:
            message = await client.hears_next()
            if message["type"] == "turn_started":
                source = message["source"]
            if message["type"] == at.waits_for and at.source in ("", source):
                return


async def hears_all(client: V2Client, until: str, *, quiet_s: float = 0) -> None:
    """Until the text of this id has its ending, and nothing more has come for so long."""
    turn_id = ""
    while True:
        message = await client.hears_next()
        if message["type"] == "message_accepted" and message.get("id") == until:
            turn_id = message["turn_id"]
        if message["type"] in ("response_complete", "error") and message.get("turn_id") == turn_id != "":
            break
    while quiet_s:
        try:
            async with asyncio.timeout(quiet_s):
                await client.hears_next()
        except TimeoutError:
            return


EVENTS = [
    ("interrupt",),
    ("over",),
    ("resume", "interrupt"),
    ("take over", "over"),
    ("kill", "resume"),
    ("stop", "continue"),
    ("over", "kill", "resume"),
    ("continue", "interrupt", "kill", "continue"),
]
"""`over`: a text that interrupts. `take over`: another client resumes, on the connection's back."""


@pytest.mark.parametrize("events", EVENTS, ids=", ".join)
@pytest.mark.parametrize("name", BOUNDARIES)
async def test_talk_goes_on(name: str, events: tuple[str, ...], tmp_path: Path) -> None:
    world = World(BOUNDARIES[name], tmp_path)
    try:
        await plays(world, events)
    finally:
        for client in world.clients:
            if client.socket is not None:
                await client.socket.close()


async def plays(world: World, events: tuple[str, ...]) -> None:
    """Lets a talk come to its boundary, has all this happen, and then lets it come to its rest."""
    texts, lives = [world.boundary.text], [list[str]()]
    for event in events:
        lives[-1].append(event)
        if event in ("kill", "stop"):
            lives.append([])
    client: V2Client | None = None
    for life in lives:
        async with world.serving() as server:
            if client is None:
                client = await world.comes(server)
                await world.is_at_its_boundary(client)
            for event in life:
                client = await happens(event, world, server, client, texts)
            if life is lives[-1]:
                await rests(world, server, client)
    judge(world, texts)


async def happens(event: str, world: World, server: Server, client: V2Client, texts: list[str]) -> V2Client:
    """Has this happen; returns who is there then."""
    match event:
        case "interrupt":
            await client.sends({"type": "interrupt"})
        case "over":
            texts.append(f"over {len(texts)}")
            await client.says(texts[-1], id=f"c{len(texts) - 1}", interrupt=True)
            await client.hears("message_accepted")
        case "resume":
            if client.url == server.url:
                await client.drops()
            return await world.comes(server, after=client)
        case "take over":
            return await world.comes(server, after=client)
        case "continue":
            return await world.comes(server, "continue", after=client)
        case "kill":
            await server.service.store.aclose(2)  # nothing that it does from now on reaches its database
            await client.drops()
        case _:
            await server.service.farewell()
            await server.service.aclose()
    return client


async def rests(world: World, server: Server, client: V2Client) -> None:
    world.gate.set()
    await client.says("plain fin", id="fin")
    await hears_all(client, "fin", quiet_s=QUIET_S)
    await client.says("plain otra", id="otra")
    await hears_all(client, "otra")
    waits = world.settings.tool_approval == "writes"
    assert {live.session.state.value for live in server.service.sessions} <= (
        {"idle"} if not waits else {"idle", "processing_tool"}
    )
    await client.leaves()


def judge(world: World, texts: list[str]) -> None:
    """Holds all that was heard, and the last prompt, against what is promised."""
    heard = [message for each in world.clients for message in each.heard]
    prompt = world.model.requests[-1].messages
    said = Counter(m["content"] for m in prompt if m["role"] == "user")
    if not world.is_summarising.is_set():
        assert {text: said[text] for text in texts} == dict.fromkeys(texts, 1)
    _judge_endings(heard)
    _judge_results(heard, [orjson.loads(m["content"]) for m in prompt if m["role"] == "tool"])
    assert world.shop.runs.count(("send", "w")) <= 1
    assert world.model.invalid == []


def _judge_endings(heard: list[dict[str, Any]]) -> None:
    turns = {m["id"]: m["turn_id"] for m in heard if m["type"] == "message_accepted" and m.get("id")}
    kinds = ("response_complete", "error")
    ends = Counter(m["turn_id"] for m in heard if m["type"] in kinds and m.get("turn_id"))
    histories = [entry for m in heard if m["type"] == "history" for entry in m["messages"]]
    known = {entry["turn_id"] for entry in histories if entry.get("ending")}
    assert all(ends[turn] <= 1 for turn in turns.values())
    assert all(ends[turn] or turn in known for turn in turns.values())
    finished = Counter(m["call_id"] for m in heard if m["type"] == "tool_finished")
    assert all(count == 1 for count in finished.values())


def _judge_results(heard: list[dict[str, Any]], results: list[dict[str, Any]]) -> None:
    """What the model still takes to be running is what waits for a person; the rest was told, each once."""
    told = Counter(r["call_id"] for r in results if "call_id" in r and r["status"] != "running")
    assert all(count == 1 for count in told.values())
    waiting = {m["call_id"] for m in heard if m["type"] == "approval_requested"}
    assert {r["call_id"] for r in results if r["status"] == "running"} - waiting <= set(told)
