"""A talk without a socket: the real core in virtual time, with scripted tools and a scripted model."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
from pydantic import BaseModel

from app.conversation.conversation import Conversation
from app.protocol.asking import ApprovalWays
from app.protocol.events import (
    ErrorOccurred,
    Event,
    MessageAccepted,
    ResponseChunk,
    ResponseComplete,
    ToolFinished,
)
from app.session.history import History
from app.session.message_rules import validate
from app.session.outbox import Outbox
from app.session.voice_session import VoiceSession
from app.tools.base import Effect, Tool, ToolContext, ToolError
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from app.tools.tool_list import ToolRegistry
from config.settings import Settings
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.virtual_time import VirtualClock


class WorkArgs(BaseModel):
    """What a scripted tool is to do."""

    seconds: float = 0
    result: Any = "ok"
    fails: bool = False
    tag: str = ""


@dataclass
class Workshop:
    """Tools whose duration, result and failure their arguments say; it counts what really ran."""

    runs: list[tuple[str, str]] = field(default_factory=list)

    def tool(self, name: str, effect: Effect = "read", **options: Any) -> Tool:
        async def run(args: WorkArgs, ctx: ToolContext) -> Any:
            self.runs.append((name, args.tag))
            await asyncio.sleep(args.seconds)
            if args.fails:
                raise ToolError("no puede ser.")
            return args.result

        return Tool(name, "Works.", WorkArgs, run, effect, **options)


class NoTransport:
    """A transport that nobody is to use: the core writes to the outbox alone."""

    async def receive(self) -> str | bytes | None:
        raise AssertionError("the core reads no socket")

    async def send(self, text: str) -> None:
        raise AssertionError("the core writes no socket")

    def abort(self) -> None:
        raise AssertionError("the core cuts no socket")

    async def close(self, code: int, reason: str = "") -> None:
        raise AssertionError("the core closes no socket")


@dataclass
class Talk:
    """A running talk and all that it has said."""

    session: VoiceSession
    conversation: Conversation
    host: ToolHost
    model: ScriptedModel
    loop: asyncio.AbstractEventLoop
    seen: list[Event] = field(default_factory=list)
    times: list[float] = field(default_factory=list)

    def says(self, text: str) -> str:
        """The user says something; returns its turn's id."""
        return self.conversation.hear(text)

    async def passes(self, seconds: float) -> None:
        """Time goes by."""
        await asyncio.sleep(seconds)

    async def rests(self) -> None:
        """Waits until nothing runs and nothing waits any more."""
        while self.conversation.is_busy or self.session.pending_tools:  # noqa: ASYNC110  # virtual time
            await asyncio.sleep(0.05)

    def drain(self) -> None:
        """Collects what the outbox holds."""
        now = self.loop.time()
        while len(self.session.outbox):
            take = self.session.outbox.take()
            try:
                take.send(None)
            except StopIteration as done:
                self.seen.append(done.value)
                self.times.append(now)

    def events(self, *kinds: type) -> list[Any]:
        """What was seen of these kinds, in order."""
        self.drain()
        return [event for event in self.seen if isinstance(event, kinds)]

    def endings(self) -> list[ResponseComplete | ErrorOccurred]:
        """How turns ended, in order."""
        ends = self.events(ResponseComplete, ErrorOccurred)
        return [e for e in ends if e.turn_id is not None and not getattr(e, "is_agents", False)]

    def answer(self, turn_id: str) -> str:
        """All that a turn said."""
        return "".join(chunk.content for chunk in self.events(ResponseChunk) if chunk.turn_id == turn_id)

    def answers(self) -> list[str]:
        """What was said, turn by turn, in the order of their endings."""
        return [self.answer(str(end.turn_id)) for end in self.endings()]

    def accepted(self) -> list[str]:
        """The turns of the texts that were accepted."""
        return [event.turn_id for event in self.events(MessageAccepted)]

    def finished_tools(self) -> list[tuple[str, str]]:
        """Names and statuses of the tools that ended."""
        return [(event.name, event.status) for event in self.events(ToolFinished)]


@asynccontextmanager
async def talk(
    model: ScriptedModel,
    tools: list[Tool] | None = None,
    settings: Settings | None = None,
    approvals: ApprovalWays | None = None,
) -> AsyncIterator[Talk]:
    """A talk, closed at the end; its history and every request of it must be valid."""
    settings = settings or settings_with()
    clock = VirtualClock()
    session = VoiceSession(
        session_id="session_test",
        websocket=NoTransport(),
        user_id="user_test",
        conversation_history=History("Eres amable.", settings.max_history_tokens),
        outbox=Outbox(1_000_000, 1 << 30),
        created_at=clock.now(),
        last_activity=clock.now(),
        locale=settings.agent_locale,
        approvals=approvals or ApprovalWays(),
    )
    host = ToolHost(
        ToolRegistry(tools or []), settings, clock, httpx.AsyncClient(verify=False), ToolThreads(4)
    )
    conversation = Conversation(session, model, host, settings)
    running = Talk(session, conversation, host, model, asyncio.get_running_loop())
    try:
        yield running
    finally:
        await conversation.aclose()
        await host.aclose()
        running.drain()
    assert model.invalid == []
    assert model.open_streams == 0
    assert validate(list(session.conversation_history)) == []
    assert session.pending_tools == {}
