"""A session's turns without the line in which they wait: what runs them, and what tells results."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from app.chat import ToolCall
from app.conversation.asking import Asking
from app.conversation.draft import Drafts
from app.conversation.telling import ResultTeller
from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import TurnRunner
from app.protocol.events import Event
from app.session.history import History
from app.session.message_rules import validate
from app.session.outbox import Outbox
from app.session.voice_session import VoiceSession
from app.tools.base import Tool
from app.tools.calls import ToolRun
from app.tools.registry import ToolRegistry
from app.tools.runner import ToolHost, ToolRunner
from app.tools.threads import ToolThreads
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.talk import NoTransport
from tests.support.virtual_time import VirtualClock


@dataclass
class Stage:
    """What a turn needs, and what it leaves behind."""

    session: VoiceSession
    model: ScriptedModel
    tools: ToolRunner
    turns: TurnRunner
    teller: ResultTeller
    line: TurnQueue

    async def seen(self, *kinds: type) -> list[Any]:
        """What was said since this was asked last."""
        outbox = self.session.outbox
        events: list[Event | None] = [await outbox.take() for _ in range(len(outbox))]
        return [event for event in events if isinstance(event, kinds or object)]

    def remembered(self) -> list[tuple[str, Any]]:
        """The history, but for what tools answered."""
        return [(m["role"], m["content"]) for m in self.session.conversation_history if m["role"] != "tool"]

    async def ended(self, name: str, **arguments: Any) -> ToolRun:
        """A call that has ended in the background."""
        call = ToolCall("model_1", name, orjson.dumps(arguments).decode())
        run = self.tools.start(call, "turn_0")
        await self.tools.wait([run])
        await self.seen()
        return run


@asynccontextmanager
async def stage(model: ScriptedModel, *tools: Tool, **settings: Any) -> AsyncIterator[Stage]:
    """A stage in virtual time; the history, and all that left for the model, must be valid."""
    chosen, clock = settings_with(**settings), VirtualClock()
    session = VoiceSession(
        session_id="s1",
        websocket=NoTransport(),
        user_id="ana",
        conversation_history=History("Eres amable.", 10**6),
        outbox=Outbox(10**6, 10**9),
        created_at=clock.now(),
        last_activity=clock.now(),
    )
    host = ToolHost(ToolRegistry(tools), chosen, clock, httpx.AsyncClient(), ToolThreads(1))
    line: TurnQueue = TurnQueue()
    runner = ToolRunner(host, session, line.append)
    asking = Asking(session, runner, chosen)
    drafts = Drafts(session, model, asking, chosen.max_response_chars)
    turns = TurnRunner(session, model, runner, asking, drafts, chosen, clock)
    try:
        yield Stage(session, model, runner, turns, ResultTeller(session, turns, chosen, line), line)
    finally:
        await runner.aclose()
        await host.aclose()
    assert model.invalid == []
    assert model.open_streams == 0
    assert validate(session.conversation_history) == []
