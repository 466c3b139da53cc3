"""A tool runner without a talk, and tools whose work a test says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import orjson
from pydantic import BaseModel

from app.chat import FunctionCall
from app.clock import SystemClock
from app.protocol.events import Event
from app.session.history import History
from app.session.outbox import Outbox
from app.session.voice_session import VoiceSession
from app.tools.base import Tool, ToolContext
from app.tools.runner import ToolHost, ToolRunner
from app.tools.threads import ToolThreads
from app.tools.tool_call import ToolCall
from app.tools.tool_list import ToolRegistry
from tests.support.context import settings_with
from tests.support.talk import NoTransport
from tests.support.virtual_time import VirtualClock


class Args(BaseModel):
    tag: str = ""


Work = Callable[[Args, ToolContext], Any]


@dataclass
class Bench:
    """A runner, and what the rest of the session sees of it."""

    runner: ToolRunner
    session: VoiceSession
    host: ToolHost
    late: list[ToolCall] = field(default_factory=list)

    def start(self, name: str = "work", arguments: dict[str, Any] | None = None) -> ToolCall:
        return self.runner.start(FunctionCall("m", name, orjson.dumps(arguments or {}).decode()), "turn_1")

    async def ends(self, run: ToolCall) -> ToolCall:
        while run.is_pending:
            assert run.task is not None
            await asyncio.wait({run.task})
        return run

    async def seen(self, *kinds: type) -> list[Any]:
        events: list[Event] = [await self.session.outbox.take() for _ in range(len(self.session.outbox))]
        return [event for event in events if isinstance(event, kinds or object)]


@asynccontextmanager
async def bench(*tools: Tool, threads: int = 4, **settings: Any) -> AsyncIterator[Bench]:
    chosen = settings_with(**settings)
    is_virtual = "Virtual" in type(asyncio.get_running_loop()).__name__
    clock = VirtualClock() if is_virtual else SystemClock()
    history, outbox = History("s", 10**6), Outbox(10**6, 10**9)
    session = VoiceSession("s1", NoTransport(), "ana", history, outbox, clock.now(), clock.now())
    host = ToolHost(ToolRegistry(tools), chosen, clock, httpx.AsyncClient(verify=False), ToolThreads(threads))
    late: list[ToolCall] = []
    made = Bench(ToolRunner(host, session, late.append), session, host, late)
    try:
        yield made
    finally:
        await made.runner.aclose()
        await host.aclose()
    assert made.runner.running == {} == session.pending_tools


def a_tool(work: Work, name: str = "work", effect: Any = "read", **options: Any) -> Tool:
    return Tool(name, "Works.", Args, work, effect, **options)


def sleeping(seconds: float, **options: Any) -> Tool:
    async def work(args: Args, ctx: ToolContext) -> str:
        await asyncio.sleep(seconds)
        return "ok"

    return a_tool(work, **options)
