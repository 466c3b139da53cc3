"""A server that dies at one of its writes: all before it is in the database, nothing after it is.

Between two writes a server does nothing that another server could see, so a kill at each of them is a kill at
each moment. The service, the store and the database are the real ones; the socket is a list.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import orjson

from app.clock import SystemClock
from app.conversation.injected_message import InjectedMessage, Mode
from app.errors import AgentError
from app.protocol.wires import V2
from app.services.websocket_agent_service import WebSocketAgentService
from app.session.transport import ConnectionGone
from app.storage.opening import open_store
from app.storage.operations import Write
from app.storage.store import Store
from app.storage.writer import Receipt
from app.tools.base import Tool
from app.tools.tool_list import ToolRegistry
from config.settings import Settings
from tests.support.scripted import ScriptedModel

PATIENCE_S = 20

Message = dict[str, Any]


How = Literal["killed before", "killed after", "stopped"]

IN_ITS_ANSWER = -1
"""As soon as something of an answer was heard in this life."""


@dataclass(frozen=True)
class End:
    """How a server's life ends.

    Attributes:
        at: With which of its writes, from 1; `IN_ITS_ANSWER`, or 0 for one that the test ends when it likes.
        how: `killed before`: that write is not in the database; `killed after`: it is, and nobody hears so;
            `stopped`: as by SIGTERM, without any patience.
    """

    at: int = 0
    how: How = "stopped"


class MortalStore:
    """A store whose process dies with one of its writes.

    Args:
        store: The real one.
        end: When it does so, and how.

    Attributes:
        is_over: The moment has come.
        is_dead: Nothing that happens from now on reaches anybody.
    """

    def __init__(self, store: Store, end: "End") -> None:
        self._store = store
        self._end = end
        self._line: list[tuple[Write, Receipt]] = []
        self._task: asyncio.Task[None] | None = None
        self._writes = 0
        self.is_over = asyncio.Event()
        self.is_dead = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def write(self, write: Write) -> Receipt:
        """Takes a write; those of sessions count."""
        if not write.operation().session_id:
            return self._store.write(write)
        receipt = Receipt()
        if not self.is_dead:
            self._line.append((write, receipt))
            if self._task is None:
                self._task = asyncio.create_task(self._commit(), name="mortal store")
        return receipt

    async def _commit(self) -> None:
        """One write after the other, so that what was heard of one never depends on a later one."""
        while self._line:
            write, receipt = self._line.pop(0)
            self._writes += 1
            is_last = self._writes == self._end.at
            if is_last and self._end.how == "stopped":
                self.is_over.set()
            elif is_last:
                self.is_dead = True
                if self._end.how == "killed after":
                    await self._store.write(write)
                self.is_over.set()
                return
            await self._store.write(write)
            receipt.settle(True)
        self._task = None

    def ends(self) -> None:
        """The moment has come, between two writes."""
        self.is_dead = self._end.how != "stopped"
        self.is_over.set()

    async def aclose(self, grace_s: float) -> None:
        """Lets go of the database; what still waits is lost where it has died."""
        if self._task is not None:
            await asyncio.wait({self._task})
        await self._store.aclose(grace_s)


class _Wire:
    """A `Transport` between a client of the test and the service."""

    def __init__(self, store: MortalStore, client: "KilledClient") -> None:
        self._store = store
        self._client = client
        self._sent: asyncio.Queue[str | None] = asyncio.Queue()
        self.close_code: int | None = None
        self.fault_code: int | None = None

    def says(self, message: Message | None) -> None:
        """The client sends something, or goes."""
        self._sent.put_nowait(None if message is None else orjson.dumps(message).decode())

    async def receive(self) -> str | bytes | None:
        return await self._sent.get()

    async def send(self, message: str | bytes) -> None:
        if self._store.is_dead:
            raise ConnectionGone
        self._client.hears(orjson.loads(message))

    def send_at_once(self, message: str | bytes) -> bool:
        if not self._store.is_dead:
            self._client.hears(orjson.loads(message))
        return not self._store.is_dead

    def abort(self) -> None:
        self.says(None)

    async def close(self, code: int, reason: str = "") -> None:
        self.says(None)


@dataclass
class KilledClient:
    """A careful client, over all lives of its server.

    Attributes:
        heard: What it heard, life by life.
        receipts: The turn of each text that has a durable receipt, and in which life it came.
        taken: The contributions whose receipt said that they outlive the server.
    """

    session_id: str = ""
    token: str = ""
    last_seq: int = 0
    heard: list[list[Message]] = field(default_factory=list[list[Message]])
    texts: list[Message] = field(default_factory=list[Message])
    receipts: dict[str, tuple[str, int]] = field(default_factory=dict[str, tuple[str, int]])
    taken: dict[str, InjectedMessage] = field(default_factory=dict[str, InjectedMessage])

    def hears(self, message: Message) -> None:
        """Takes a message in."""
        self.heard[-1].append(message)
        if "seq" in message:
            assert message["seq"] == self.last_seq + 1, f"{message} after {self.last_seq}"
            self.last_seq = message["seq"]
        self.token = message.get("resume_token", self.token)
        match message:
            case {"type": "session_created"}:
                self.session_id = message["session_id"]
            case {"type": "session_resumed", "gap": True}:
                self.last_seq = message["next_seq"] - 1
            case {"type": "message_accepted", "durable": True}:
                self.receipts.setdefault(message["id"], (message["turn_id"], len(self.heard) - 1))
            case _:
                pass

    def all_of(self, *kinds: str) -> list[Message]:
        """The messages of these types, over all lives."""
        return [message for life in self.heard for message in life if message["type"] in kinds]


class Life:
    """One life of the server, with its client in it."""

    def __init__(
        self, service: WebSocketAgentService, store: MortalStore, client: KilledClient, wire: _Wire
    ) -> None:
        self.service = service
        self.store = store
        self.client = client
        self._wire = wire
        self._tasks: list[asyncio.Task[None]] = []

    def sends(self, message: Message) -> None:
        """The client sends something."""
        self._wire.says(message)

    def says(self, content: str, **values: Any) -> None:
        """The client says a text, under an id that is the text."""
        text = {"type": "text", "content": content, "id": content, **values}
        self.client.texts.append(text)
        self.sends(text)

    def adds(self, content: str, mode: Mode) -> None:
        """A back end adds something, and learns whether it is durable."""
        self._tasks.append(asyncio.create_task(self._add(InjectedMessage(content, mode)), name="back end"))

    async def _add(self, contribution: InjectedMessage) -> None:
        live = self.service.sessions.get(self.client.session_id)
        if live is None:
            return
        try:
            receipt = live.conversation.inject(contribution)
        except AgentError:
            return
        if await receipt and not self.store.is_dead:
            self.client.taken[contribution.turn_id] = contribution

    async def until(self, holds: Any) -> None:
        """Waits until something holds, or the server is dead."""
        async with asyncio.timeout(PATIENCE_S):
            while not holds() and not self.store.is_over.is_set():  # noqa: ASYNC110  # of two sides
                await asyncio.sleep(0.002)

    async def is_open(self) -> None:
        """Waits until the client has its session, or a refusal."""
        await self.until(lambda: bool(self.client.heard[-1]))

    async def is_answering(self) -> None:
        """Waits until something of an answer was heard in this life, or nothing is left to be answered."""
        life = self.client.heard[-1]
        await self.until(lambda: any(m["type"] == "response_chunk" for m in life) or self._rests())

    async def rests(self) -> None:
        """Waits until nothing runs and nothing waits, or the server is dead."""
        await self.until(self._rests)

    def _rests(self) -> bool:
        live = self.service.sessions.get(self.client.session_id)
        is_answered = all(text["id"] in self.client.receipts for text in self.client.texts)
        if live is None or not is_answered or not all(task.done() for task in self._tasks):
            return False
        return not (live.conversation.is_busy or live.session.pending_tools or len(live.session.outbox))

    async def ends(self) -> None:
        """Nothing of it is left."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)


@asynccontextmanager
async def life(
    settings: Settings,
    model: ScriptedModel,
    tools: Sequence[Tool],
    client: KilledClient,
    end: End = End(),  # it is frozen
) -> AsyncIterator[Life]:
    """A server until it ends, and its client, connected."""
    clock = SystemClock()
    store = MortalStore(await open_store(settings, clock), end)
    service = WebSocketAgentService(settings, model, ToolRegistry(tools), clock, store)  # type: ignore[arg-type]
    client.heard.append([])
    wire = _Wire(store, client)
    life = Life(service, store, client, wire)
    opening = {"type": "start", "user_id": "ana"}
    if client.session_id:
        opening = {"type": "resume", "session_id": client.session_id, "resume_token": client.token}
        opening |= {"last_seq": client.last_seq}
    wire.says(opening)
    serving = asyncio.create_task(service.serve(wire, V2), name="serving")
    try:
        yield life
    finally:
        await life.ends()
        wire.says(None)
        if store.is_dead:
            serving.cancel()
        await asyncio.wait({serving})
        await service.aclose()
        if not serving.cancelled():
            serving.result()
