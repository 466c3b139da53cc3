"""One script for all clients of protocol v2, as data: what they send, show and do is the same.

The cases are in `tests/cases/client_conformance.json`, which says how they are read. A scripted server plays
them, over real sockets, to the Python package and to the JavaScript library in Node.
"""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import pytest
from voice_agent_client import (
    AgentError,
    AudioChunk,
    AudioStarted,
    ClientOptions,
    ConnectionLost,
    Event,
    GoingAway,
    History,
    Notice,
    OpeningRefusedError,
    ReconnectingClient,
    ResponseChunk,
    ResponseComplete,
    Said,
    SessionClosedError,
    SessionReplaced,
    SessionResumed,
    TextError,
    UnauthorizedError,
)
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

Case = dict[str, Any]
Report = dict[str, Any]

ROOT = Path(__file__).parents[2]
SCRIPT = json.loads((ROOT / "tests" / "cases" / "client_conformance.json").read_text(encoding="utf-8"))
PATIENCE_S = 20
FINISH = "fin"
CREATED = {
    "type": "session_created", "seq": 1, "session_id": "s1", "resume_token": "k1", "resume_window_s": 120,
    "heartbeat_s": 20, "features": [], "audio": None, "continued": False, "protocol": "voice-agent.v2",
    "timestamp": "2025-07-20T10:30:00Z",
}  # fmt: skip
RESUMED = {
    "type": "session_resumed", "session_id": "s1", "resume_token": "k2", "replayed": 0, "gap": False,
    "next_seq": 2,
}  # fmt: skip


def all_cases() -> list[Case]:
    """The cases, each with a code of its own where it names several, and one for each close code."""
    cases: list[Case] = []
    for case in SCRIPT["cases"]:
        for code in case.get("codes", [None]):
            text = json.dumps({**case, "codes": None})
            if code is not None:
                text = text.replace('"close": "code"', f'"close": {code}').replace(
                    "lost code", f"lost {code}"
                )
            name = case["name"] + (f" ({code})" if code else "")
            cases.append({**json.loads(text), "name": name})
    for code in SCRIPT["close_codes"]["come back"]:
        first = [{"expect": {"type": "start"}}, {"send": "created"}, {"close": code}]
        second = [{"expect": {"type": "resume"}}, {"send": RESUMED}, {"finish": 2}]
        shows = [f"lost {code}", "resumed"]
        cases.append({"name": f"{code} leads back", "connections": [first, second], "shows": shows})
    for code in SCRIPT["close_codes"]["stay away"]:
        steps = [{"expect": {"type": "start"}}, {"send": "created"}, {"close": code}]
        cases.append({"name": f"{code} is final", "connections": [steps], "outcome": f"closed {code}"})
    return cases


class ScriptedServer:
    """Plays a case; `problems` is what went otherwise."""

    def __init__(self, case: Case) -> None:
        self._connections = list(case["connections"])
        self._came = 0
        self._marks: set[str] = set()
        self._news = asyncio.Condition()
        self.problems: list[str] = []
        self.url = ""

    async def refuse(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answers an upgrade by the status that is due, if one is, or breaks the connection."""
        async with self._news:
            self._came += 1
            self._news.notify_all()
        if self._connections and "cut" in self._connections[0][0]:
            self._connections.pop(0)
            connection.transport.abort()
        if self._connections and (status := self._connections[0][0].get("http")):
            self._connections.pop(0)
            return Response(status, HTTPStatus(status).phrase, Headers({"Content-Length": "0"}))
        return None

    async def play(self, socket: ServerConnection) -> None:
        """Plays the next connection."""
        if not self._connections:
            self.problems.append("a connection too many")
            return
        for step in self._connections.pop(0):
            [(kind, value)] = step.items()
            try:
                await getattr(self, f"_{kind}")(socket, value)
            except (ConnectionClosed, TimeoutError) as exc:
                self.problems.append(f"{step}: {exc!r}")
                return

    async def _expect(self, socket: ServerConnection, wanted: dict[str, Any]) -> None:
        while True:
            async with asyncio.timeout(PATIENCE_S):
                message = json.loads(await socket.recv())
            if message["type"] != "ping":
                break
        if {name: message.get(name) for name in wanted} != wanted:
            self.problems.append(f"{message} came, {wanted} was due")

    async def _send(self, socket: ServerConnection, message: dict[str, Any] | str) -> None:
        await socket.send(json.dumps(CREATED if message == "created" else message))

    async def _until(self, _: ServerConnection, count: int) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: self._came >= count)

    async def _mark(self, _: ServerConnection, name: str) -> None:
        async with self._news:
            self._marks.add(name)
            self._news.notify_all()

    async def _after(self, _: ServerConnection, name: str) -> None:
        async with asyncio.timeout(PATIENCE_S), self._news:
            await self._news.wait_for(lambda: name in self._marks)

    async def _ping(self, socket: ServerConnection, _: bool) -> None:
        async with asyncio.timeout(PATIENCE_S):
            assert json.loads(await socket.recv())["type"] == "ping"

    async def _sound(self, socket: ServerConnection, size: int) -> None:
        await socket.send(bytes(size))

    async def _raw(self, socket: ServerConnection, frame: str) -> None:
        await socket.send(frame)

    async def _close(self, socket: ServerConnection, code: int) -> None:
        if code == 1006:
            socket.transport.abort()
        else:
            await socket.close(code)

    async def _gone(self, socket: ServerConnection, _: bool) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await socket.wait_closed()

    async def _finish(self, socket: ServerConnection, seq: int) -> None:
        await self._send(socket, {"type": "system", "seq": seq, "content": FINISH})
        await self._expect(socket, {"type": "end"})
        await socket.close(1000)


@asynccontextmanager
async def serving(case: Case) -> AsyncIterator[ScriptedServer]:
    script = ScriptedServer(case)
    async with serve(  # pyright: ignore
        script.play,
        "127.0.0.1",
        0,
        subprotocols=["voice-agent.v2"],
        process_request=script.refuse,
        close_timeout=1,
    ) as server:
        script.url = f"ws://127.0.0.1:{port_of(server)}/ws"
        yield script
    if script._connections:
        script.problems.append(f"{len(script._connections)} connections did not come")


def port_of(server: Server) -> int:
    return next(iter(server.sockets)).getsockname()[1]


# The clients


class PythonClient:
    """The package, driven as a case says."""

    def __init__(self, url: str, case: Case) -> None:
        options: ClientOptions = {"user_id": "ana", "chance": lambda: 0.01}
        for name, option in (("token", "token"), ("continue", "continue_session"), ("max_open_texts",) * 2):
            if name in case:
                options[option] = case[name]  # pyright: ignore
        self.client = ReconnectingClient(url, **options)
        self.case = case
        self.shows: list[str] = []
        self.delays: list[float] = []
        self.texts: dict[str, Said] = {}

    async def run(self) -> Report:
        self.say("")
        outcome = await self.talk()
        if "then_token" in self.case:
            self.client.token = self.case["then_token"]
            outcome = await self.talk()
        endings = {text_id: await self.ending(said) for text_id, said in self.texts.items()}
        return {"shows": self.shows, "outcome": outcome, "delays": self.delays, "endings": endings}

    async def talk(self) -> str:
        try:
            async with aclosing(self.client.events()) as events:
                async for event in events:
                    if event == Notice(FINISH):
                        await self.client.end()
                    elif shown := self.shown(event):
                        self.shows.append(shown)
                        self.say(shown)
        except (UnauthorizedError, SessionClosedError) as closed:
            return f"closed {closed.code}"
        except OpeningRefusedError:
            return "refused"
        return "ended"

    def say(self, after: str) -> None:
        for text in self.case.get("texts", ()):
            if text.get("after", "") == after:
                content, of = text.get("content"), {"text_id": text["id"]}
                revised = text.get("revises")
                said = (
                    self.client.revise(revised, content, **of) if revised else self.client.say(content, **of)
                )
                self.texts[text["id"]] = said

    def shown(self, event: Event) -> str:
        match event:
            case ResponseChunk(content=content):
                return f"chunk {content}"
            case ResponseComplete(text=text):
                return f"complete {text}"
            case AudioChunk(turn_id=turn_id, pcm=pcm):
                return f"sound {turn_id} {len(pcm)}"
            case AudioStarted(turn_id=turn_id, offset_ms=offset_ms):
                return f"audio_started {turn_id} {offset_ms:.0f}"
            case AgentError(code=code):
                return f"error {code}"
            case Notice(content):
                return f"notice {content}"
            case ConnectionLost(code, retry_in_s):
                self.delays.append(retry_in_s * 1000)
                return f"lost {code}"
            case History() | SessionResumed() | SessionReplaced() | GoingAway():
                names = {History: "history", SessionResumed: "resumed", SessionReplaced: "replaced"}
                return names.get(type(event), "going_away")
            case _:
                return ""

    async def ending(self, said: Said) -> str:
        if said.status != "ended":
            return "open"
        try:
            return f"answered {(await said.answer()).text}"
        except TextError as error:
            return f"error {error.code}"


async def by_python(url: str, case: Case) -> Report:
    async with asyncio.timeout(PATIENCE_S):
        return await PythonClient(url, case).run()


async def by_javascript(url: str, case: Case) -> Report:
    if shutil.which("node") is None or not (ROOT / "node_modules" / "ws").is_dir():
        pytest.skip("Node.js or the npm package ws is not installed")
    process = await asyncio.create_subprocess_exec(
        "node",
        str(Path(__file__).parent / "conformance.mjs"),
        url,
        json.dumps(case),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            said, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return json.loads(said)


CLIENTS = [
    pytest.param(by_python, id="python"),
    pytest.param(by_javascript, id="javascript", marks=pytest.mark.node),
]


@pytest.mark.parametrize("case", all_cases(), ids=lambda case: case["name"])
@pytest.mark.parametrize("client", CLIENTS)
async def test_clients_do_what_the_protocol_says(
    client: Callable[[str, Case], Awaitable[Report]], case: Case
) -> None:
    async with serving(case) as script:
        report = await client(script.url, case)

    assert script.problems == []
    assert report["shows"] == case.get("shows", [])
    assert report["outcome"] == case.get("outcome", "ended")
    assert report["endings"] == case.get("endings", report["endings"])
    match case.get("delays"):
        case "grow":
            assert report["delays"] == sorted(set(report["delays"])), (
                "each wait is longer than the one before"
            )
        case int(least):
            assert min(report["delays"]) >= least
        case _:
            pass
