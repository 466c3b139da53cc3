"""The server that is fuzzed, the model's stand-in behind it, and what is counted of both."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from tests.fuzz.messages import Act, DrawnTalk, Leave, Send
from tests.support.answers import Answer, Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Received
from tests.support.process import ServerProcess, server_process

PATIENCE_S = 10
POLITE_CODES = {1000, 1001, 1003, 1007, 1008, 1009, 4401, 4408, 4409, 4410}
"""Close codes that a drawn client may have deserved; never 1006 (no code at all) or 1011 (our fault)."""

MAX_GROWTH_KIB = 24 * 1024
"""What the server may have grown since it was warm, in the length of one run."""

COUNT_TOOL = '''
"""How many tasks the server has."""
import asyncio
from pydantic import BaseModel
from app.tools.base import ToolContext, tool


class Arguments(BaseModel):
    """Nothing to say."""


@tool()
async def run(args: Arguments, ctx: ToolContext):
    """Counts tasks."""
    return len(asyncio.all_tasks())
'''


def answer(request: Received) -> Answer:
    """The model: a check is answered at once, some words call tools, some answers take a while."""
    last = request.messages[-1]
    if last["role"] != "user":
        return Text(f"Resultado: {last['content']}"[:300])
    text = str(last["content"])
    if check := re.search(r"check\d+", text):
        return Text(f"Sí, {check[0]}.")
    if text == "cuenta tareas":
        return ToolCalls(("count_tasks", {}))
    if "herramienta" in text:
        return ToolCalls(
            ("calculate", {"expression": "2+2"}), ("make_http_request", {"url": "x", "method": "POST"})
        )
    if "lenta" in text:
        return ToolCalls(("placeholder_api_call", {"delay_s": 0.4}))
    return Text("uno dos tres cuatro", 0.01) if "escribe" in text else Text("Vale.")


@dataclass
class Counts:
    """How the server stands when nobody talks."""

    descriptors: int
    tasks: int
    memory_kib: int


@dataclass
class World:
    """One server under fuzz.

    Attributes:
        messages: How many were sent.
        warm: How it stood after the first talks.
    """

    server: ServerProcess
    messages: int = 0
    talks: int = 0
    warm: Counts | None = None
    _seen_lines: int = 0

    async def holds(self, talk: DrawnTalk) -> None:
        """Holds a drawn talk; afterwards a text must be answered, and the log be free of tracebacks."""
        client = Client(self.server.url, talk.protocol)
        try:
            async with asyncio.timeout(3 * PATIENCE_S):
                await client.plays(talk)
                self.talks += 1
                await client.is_answered(f"check{self.talks}")
        finally:
            self.messages += client.sent
            await client.leaves()
        self.check_log()

    def check_log(self) -> None:
        """Fails for a traceback since it was asked last."""
        lines = self.server.log
        fresh = lines[self._seen_lines :]
        self._seen_lines = len(lines)
        bad = [line for line in fresh if "Traceback" in line or " ERROR " in line or " internal" in line]
        assert not bad, fresh[-60:]

    async def counts(self) -> Counts:
        """Waits until no session is left, and counts."""
        async with asyncio.timeout(PATIENCE_S):
            while await self._active_sessions():  # noqa: ASYNC110  # another process gives no event
                await asyncio.sleep(0.05)
        client = Client(self.server.url, "v2")
        await client.opens()
        tasks = await client.is_answered("cuenta tareas", r'Resultado: .*"result":(\d+)')
        folder = Path(f"/proc/{self.server.pid}")
        descriptors = len(list((folder / "fd").iterdir()))
        memory = re.search(r"VmRSS:\s+(\d+)", (folder / "status").read_text())
        await client.leaves()
        assert memory
        return Counts(descriptors, int(tasks), int(memory[1]))

    async def _active_sessions(self) -> int:
        return (await self.server.asks("GET", "/agent/health")).json()["active_sessions"]

    async def check_growth(self) -> Counts:
        """Fails where something is left of all those talks."""
        assert self.warm is not None
        now = await self.counts()
        assert now.tasks <= self.warm.tasks + 1, (self.warm, now)
        assert now.descriptors <= self.warm.descriptors + 8, (self.warm, now)
        assert now.memory_kib <= self.warm.memory_kib + MAX_GROWTH_KIB, (self.warm, now)
        return now


@dataclass
class Client:
    """A drawn client; it remembers just what it may quote."""

    url: str
    protocol: str
    socket: ClientConnection | None = None
    sent: int = 0
    said: str = ""
    is_open: bool = False
    has_session: bool = False
    refusals: int = 0
    known: dict[str, str] = field(default_factory=dict)
    last_seq: int = 0
    _reader: asyncio.Task[None] | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def connects(self) -> None:
        """Opens a connection."""
        offered = [Subprotocol("voice-agent.v2")] if self.protocol == "v2" else None
        self.socket = await connect(
            self.url, subprotocols=offered, compression=None, proxy=None, max_size=None
        )
        self.is_open, self.has_session = True, False
        self._reader = asyncio.create_task(self._reads(self.socket))

    async def opens(self) -> None:
        """Makes a session, as clients should."""
        await self.connects()
        await self._begins()

    async def _begins(self) -> None:
        opening = {"type": "start" if self.protocol == "v2" else "system", "user_id": "ana", "content": ""}
        await self._sends(json.dumps(opening))

    async def plays(self, talk: DrawnTalk) -> None:
        """Does all that was drawn."""
        if talk.opens_properly:
            await self.opens()
            await self._until(lambda: self.has_session or not self.is_open)
        else:
            await self.connects()
        for act in talk.acts:
            await self._does(act)

    async def _does(self, act: Act) -> None:
        match act:
            case Send(message):
                self.sent += 1
                is_raw = isinstance(message, str | bytes)
                await self._sends(message if is_raw else json.dumps(self._filled(message)))
            case Leave(how):
                await self._comes_again(how)

    def _filled(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._filled(inner) for name, inner in value.items()}
        return self.known.get(value, value) if isinstance(value, str) else value

    async def _comes_again(self, how: str) -> None:
        assert self.socket is not None
        if how == "drop":
            self.socket.transport.abort()
        await self.socket.close()
        await self._ended()
        await self.connects()
        if "$token" in self.known:
            resume = {"session_id": self.known["$session"], "resume_token": self.known["$token"]}
            await self._sends(json.dumps({"type": "resume", **resume, "last_seq": self.last_seq}))

    async def _sends(self, message: str | bytes) -> bool:
        """Sends; where the server has closed, there is a new connection instead, and it is False."""
        assert self.socket is not None
        try:
            await self.socket.send(message)
        except ConnectionClosed:
            await self._ended()
            self.known.pop("$token", None)
            await self.opens()
            return False
        return True

    async def is_answered(self, text: str, pattern: str = "") -> str:
        """A text must be answered; what of the answer matches is returned."""
        wanted = re.compile(pattern or f"Sí, ({text})")
        message = json.dumps({"type": "text", "content": text})
        self.said = ""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                if not self.has_session:
                    await self._begins()
                self.refusals = 0
                if not await self._sends(message):
                    continue
                await self._until(lambda: bool(wanted.search(self.said)) or self._is_refused())
                if found := wanted.search(self.said):
                    return found[1]
                await asyncio.sleep(0.02)  # the line is full, or what ended was another text

    def _is_refused(self) -> bool:
        return self.refusals > 0 or not self.is_open

    async def _until(self, is_so: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not is_so():
                self._changed.clear()
                await self._changed.wait()

    async def _reads(self, socket: ClientConnection) -> None:
        try:
            async for raw in socket:
                self._notes(orjson.loads(raw) if isinstance(raw, str) else {})
                self._changed.set()
        except ConnectionClosed:
            pass
        finally:
            self.is_open = False
            self._changed.set()

    def _notes(self, message: dict[str, Any]) -> None:
        self.last_seq = message.get("seq", self.last_seq)
        if message.get("gap"):
            self.last_seq = message["next_seq"] - 1
        names = {"session_id": "session", "resume_token": "token", "turn_id": "turn", "call_id": "call"}
        for field_name, name in names.items():
            if isinstance(message.get(field_name), str):
                self.known[f"${name}"] = message[field_name]
        self.has_session |= message.get("type") in ("session_created", "session_resumed")
        if message.get("type") == "response_chunk":
            self.said += message["content"]
        elif message.get("type") in ("error", "interrupted"):
            self.refusals += 1

    async def _ended(self) -> None:
        """Notes how a connection ended: the server may close it, but never for a fault of its own."""
        assert self.socket is not None and self._reader is not None
        await self._reader
        frame = self.socket.protocol.close_rcvd
        dropped_it = self.socket.protocol.close_sent is not None or frame is None
        assert (frame is None and dropped_it) or (frame is not None and frame.code in POLITE_CODES), frame

    async def leaves(self) -> None:
        """Says goodbye."""
        if self.socket is not None:
            await self.socket.close(1000)
        if self._reader is not None:
            await self._reader


@asynccontextmanager
async def fuzzed_world(folder: Path) -> AsyncIterator[World]:
    """A server for any number of drawn talks, which must end as it began."""
    tools = folder / "tools"
    tools.mkdir()
    (tools / "count_tasks.py").write_text(COUNT_TOOL)
    async with AzureStandin() as service:
        service.reply = answer
        values = service.azure() | {
            "database_url": f"sqlite+aiosqlite:///{folder}/talks.db",
            "tool_approval": "writes",
            "approval_timeout_s": 0.2,
            "tool_inline_wait_s": 0.2,
            "tools_dir": tools,
            "resume_window_s": 0.5,
            "max_messages_per_s": 100_000,
            "max_messages_burst": 100_000,
            "max_history_tokens": 8000,
        }
        async with server_process(folder, **values) as server:
            await server.starts()
            yield World(server)
        assert service.violations == []
