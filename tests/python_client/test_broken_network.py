"""Real talks of the package with a real server: over a network that breaks, and from client to client."""

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import aclosing

import pytest
from voice_agent_client import (
    Event,
    ReconnectingClient,
    ResponseChunk,
    ResponseComplete,
    ResumeState,
    SessionReplaced,
    SessionResumed,
    TurnStarted,
    connect,
)

from tests.support.browser import ServerProcess
from tests.support.relay import Fault, relay_to

TEXTS = ("calcula 2+3", "ayuda", "calcula 30+4")
PATIENCE_S = 50

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess()
    process.start()
    yield process
    process.kill()


async def talk(url: str) -> tuple[list[str], list[str], list[Event]]:
    """The answers, what their chunks said, and all events."""
    events: list[Event] = []
    async with asyncio.timeout(PATIENCE_S):
        async with connect(url, locale="es", chance=lambda: 0.1, on_event=events.append) as agent:
            answers = [await said.answer() for said in [agent.say(text) for text in TEXTS]]
    chunks: dict[str, str] = defaultdict(str)
    for event in events:
        if isinstance(event, ResponseChunk):
            chunks[event.turn_id] += event.content
    return [answer.text for answer in answers], [chunks[answer.turn_id] for answer in answers], events


@pytest.mark.parametrize("draw", range(4))
async def test_talk_over_a_network_that_breaks_is_the_uncut_talk(server: ServerProcess, draw: int):
    chance = random.Random(draw)
    # The first cut is in the middle of the talk, the others anywhere from the handshake on.
    faults = [Fault(chance.choice(["cut", "reset"]), "down", chance.randint(900, 1500))]
    for _ in range(5):
        direction, most = chance.choice([("up", 500), ("down", 1500)])
        faults.append(Fault(chance.choice(["cut", "reset"]), direction, chance.randint(100, most)))
    uncut, _, _ = await talk(f"ws://127.0.0.1:{server.port}/ws")

    async with relay_to(server.port, faults) as relay:
        cut, chunks, events = await talk(relay.url)

    assert cut == chunks == uncut
    assert any(isinstance(event, SessionResumed) for event in events)
    assert not any(isinstance(event, SessionReplaced) for event in events)
    turns = [event.turn_id for event in events if isinstance(event, TurnStarted)]
    ends = [event.turn_id for event in events if isinstance(event, ResponseComplete)]
    assert turns == ends == list(dict.fromkeys(turns)), "each turn begins and ends once, in order"


async def test_another_client_hears_the_end_of_what_one_has_asked(server: ServerProcess):
    url = f"ws://127.0.0.1:{server.port}/ws"
    first = ReconnectingClient(url, locale="es")
    said = first.say("calcula 2+3")
    async with asyncio.timeout(PATIENCE_S), aclosing(first.events()) as events:
        async for _ in events:
            if said.turn_id is not None:
                await first.close()
    kept = first.resume_state.to_json()

    second = ReconnectingClient(url, resume=ResumeState.from_json(kept))
    heard: list[Event] = []
    async with asyncio.timeout(PATIENCE_S), aclosing(second.events()) as events:
        async for event in events:
            heard.append(event)
            if isinstance(event, ResponseComplete) and event.turn_id == said.turn_id:
                assert "5" in event.text
                await second.end()

    assert isinstance(heard[0], SessionResumed)
