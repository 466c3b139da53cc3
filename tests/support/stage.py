"""A session's turns without the line in which they wait: what runs them, and what tells results."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import orjson

from app.chat import FunctionCall
from app.conversation.early_answer import Drafts
from app.conversation.model_request import RequestBuilder
from app.conversation.result_delivery import BackgroundResultDelivery
from app.conversation.turn import TurnParts
from app.conversation.turn_queue import TurnQueue
from app.conversation.turn_runner import TurnRunner
from app.protocol.events import Event
from app.session.history import History
from app.session.message_rules import validate
from app.session.outbox import Outbox
from app.session.record import ConversationRecord
from app.session.voice_session import VoiceSession
from app.tools.base import Tool
from app.tools.runner import ToolHost, ToolRunner
from app.tools.threads import ToolThreads
from app.tools.tool_call import ToolCall
from app.tools.tool_list import ToolRegistry
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
    teller: BackgroundResultDelivery
    line: TurnQueue

    async def seen(self, *kinds: type) -> list[Any]:
        """What was said since this was asked last."""
        outbox = self.session.outbox
        events: list[Event | None] = [await outbox.take() for _ in range(len(outbox))]
        return [event for event in events if isinstance(event, kinds or object)]

    def remembered(self) -> list[tuple[str, Any]]:
        """The history, but for what tools answered."""
        return [(m["role"], m["content"]) for m in self.session.conversation_history if m["role"] != "tool"]

    async def ended(self, name: str, **arguments: Any) -> ToolCall:
        """A call that has ended in the background."""
        call = FunctionCall("model_1", name, orjson.dumps(arguments).decode())
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
    host = ToolHost(ToolRegistry(tools), chosen, clock, httpx.AsyncClient(verify=False), ToolThreads(1))
    line: TurnQueue = TurnQueue()
    runner = ToolRunner(host, session, line.append)
    asking = RequestBuilder(session, runner, chosen)
    drafts = Drafts(session, model, asking, chosen.max_response_chars)
    parts = TurnParts(session, ConversationRecord(session), model, runner, asking, drafts, chosen)
    turns = TurnRunner(parts, clock)
    try:
        yield Stage(
            session, model, runner, turns, BackgroundResultDelivery(session, turns, chosen, line), line
        )
    finally:
        await runner.aclose()
        await host.aclose()
    assert model.invalid == []
    assert model.open_streams == 0
    assert validate(session.conversation_history) == []
