"""Holds generated talks against a real server, with and without a network that fails."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from app.protocol.v2.history import describe_entry
from app.services.sessions.live_session import LiveSession
from tests.support.api_rules import violations
from tests.support.context import settings_with
from tests.support.relay import relay_to
from tests.support.resuming_client import ResumingClient, resuming_client
from tests.support.scripted import ScriptedModel
from tests.support.server import PATIENCE_S, Server, running_server
from tests.talks.actors import Crew, answer
from tests.talks.plans import Step, TalkPlan, TextPlan

SETTINGS = {
    "tool_inline_wait_s": 0.03,
    "max_messages_per_s": 1000,
    "max_messages_burst": 1000,
    "max_history_tokens": 10**7,
}

HINT_S = 0.25
"""How long a person waits for something that may not come, in seconds."""


@dataclass(frozen=True)
class Played:
    """A talk that was held, from both sides.

    Attributes:
        said: The texts that were sent, by their id.
        history: The words of user and agent that the model would be told next; None where nobody can see it.
        runs: How often each tool call really ran, by its tag.
        rows: The messages in the database; None where there is none.
    """

    client: ResumingClient
    said: dict[str, tuple[int, TextPlan]]
    history: list[tuple[str, str]] | None
    transcript: list[dict[str, Any]]
    runs: dict[str, int]
    rows: list[dict[str, Any]] | None = None


@dataclass(frozen=True)
class Stage:
    """A server with the crew of generated talks."""

    server: Server
    crew: Crew
    model: ScriptedModel

    async def plays(self, plan: TalkPlan, *, is_cut: bool) -> Played:
        """Holds one talk to its end."""
        faults = plan.faults if is_cut else ()
        async with relay_to(self.server.port, faults) as relay, resuming_client(relay.url) as client:
            await client.until(lambda: bool(client.session_id))
            said: dict[str, tuple[int, TextPlan]] = {}
            for number, step in enumerate(plan.steps):
                await do_step(client, step, number, said)
            await client.until(lambda: set(client.receipts) == set(said) or bool(client.wrong))
            live = self.server.service.sessions.get(client.session_id)
            assert live is not None
            await _rests(live, client)
            played = seen(client, said, live, self.crew)
            client.log.append(("sent", {"type": "end"}))
            await client.sends({"type": "end"})
        return played

    def requests_refused(self) -> list[list[str]]:
        """What the model's service would have refused, of all requests."""
        wrong = [violations(request.messages) for request in self.model.requests]
        return [problems for problems in [*wrong, *self.model.invalid] if problems]


def seen(
    client: ResumingClient,
    said: dict[str, tuple[int, TextPlan]],
    live: LiveSession,
    crew: Crew,
    rows: list[dict[str, Any]] | None = None,
) -> Played:
    """What a talk has come to, looked at on both sides."""
    session = live.session
    spoken = [(m["role"], m.get("content")) for m in session.conversation_history]
    return Played(
        client,
        said,
        [(role, str(content)) for role, content in spoken if role in ("user", "assistant") and content],
        [describe_entry(entry) for entry in session.transcript],
        {tag: n for (session_id, tag), n in crew.runs.items() if session_id == client.session_id},
        rows,
    )


@asynccontextmanager
async def stage(**settings: object) -> AsyncIterator[Stage]:
    """A server for any number of talks."""
    crew, model = Crew(), ScriptedModel(answer)
    async with running_server(
        settings_with(**{**SETTINGS, **settings}), provider=model, tools=crew.tools
    ) as server:
        yield Stage(server, crew, model)


class Plays(Protocol):
    """Where talks are held."""

    async def plays(self, plan: TalkPlan, *, is_cut: bool) -> Played:
        """Holds one talk to its end."""
        ...

    def requests_refused(self) -> list[list[str]]:
        """What the model's service would have refused, of all requests."""
        ...


async def play_both(on: Plays, plans: Sequence[TalkPlan]) -> list[tuple[Played, Played]]:
    """Each talk cut and uncut, all at a time."""
    async with asyncio.TaskGroup() as group:
        pairs = [
            [group.create_task(on.plays(plan, is_cut=is_cut)) for is_cut in (True, False)] for plan in plans
        ]
    return [(cut.result(), uncut.result()) for cut, uncut in pairs]


async def do_step(
    client: ResumingClient, step: Step, number: int, said: dict[str, tuple[int, TextPlan]]
) -> None:
    """Does what the person does next; a text is added to those that were said."""
    await _waits(client, step.waits_for)
    if step.text is not None:
        text_id = f"text {number}"
        said[text_id] = (number, step.text)
        values = {"interrupt": True} if step.does == "says over" else {}
        await client.says(step.text.written(number), text_id, **values)
    elif step.does == "stops":
        await client.sends({"type": "interrupt"})
    elif step.does == "interrupts":
        chunks = client.heard("turn_started")
        if chunks:
            await client.sends({"type": "interrupt", "turn_id": chunks[-1]["turn_id"]})
    else:
        tools = client.heard("tool_started")
        if tools:
            await client.sends({"type": "cancel_tool", "call_id": tools[-1]["call_id"]})


async def _waits(client: ResumingClient, what: str) -> None:
    kinds = {
        "nothing": (),
        "chunk": ("response_chunk",),
        "tool": ("tool_started",),
        "ending": ("response_complete", "error"),
    }[what]
    if not kinds:
        return
    before = len(client.heard(*kinds))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(HINT_S):
            await client.until(lambda: len(client.heard(*kinds)) > before)


async def _rests(live: LiveSession, client: ResumingClient) -> None:
    """Waits until the talk has nothing more to say, and the client has heard it all."""
    session, ring = live.session, live.pump.ring
    assert ring is not None
    async with asyncio.timeout(PATIENCE_S):
        while live.conversation.is_busy or session.pending_tools or len(session.outbox):  # noqa: ASYNC110
            await asyncio.sleep(0.01)  # the product needs no event for a whole talk's rest
    await client.until(lambda: client.last_seq == ring.next_seq - 1 or bool(client.wrong))
