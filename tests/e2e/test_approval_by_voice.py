"""Approval by voice over protocol v2: the card stays, and the first answer counts."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.test_speech import AUDIO, World
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, calls, says
from tests.support.server import running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client

QUESTION = "¿Permites que ejecute send con tag: x? Di «sí, por favor» o «no, gracias»."


@dataclass
class Asked:
    """A user who is shown what waits, and is asked aloud."""

    client: V2Client
    world: World
    workshop: Workshop
    card: dict[str, Any]

    async def hears_question(self) -> dict[str, Any]:
        """Its `response_complete`, which comes when it was heard or cut."""
        while True:
            complete = await self.client.hears("response_complete")
            if self.client.text_of(complete["turn_id"]).startswith("¿Permites"):
                return complete


@asynccontextmanager
async def asked() -> AsyncIterator[Asked]:
    world, workshop = World(), Workshop()
    world.model = ScriptedModel([calls(("send", {"tag": "x"})), says("Te pregunto."), says("Hecho.")])
    running = running_server(
        settings_with(tool_approval="writes"),
        provider=world.model,
        tools=[workshop.tool("send", "write")],
        engines=world.engines,
    )
    async with running as server, v2_client(server) as client:
        await client.starts(audio=AUDIO)
        await client.says("envía")
        card = await client.hears("approval_requested")
        yield Asked(client, world, workshop, card)


@pytest.mark.parametrize(
    ("word", "status", "runs"), [("Sí.", "done", [("send", "x")]), ("no.", "cancelled", [])]
)
async def test_spoken_word_answers_what_the_card_asks(word: str, status: str, runs: list[Any]):
    async with asked() as a:
        await a.hears_question()
        start = len(a.client.heard)
        await a.client.sends(a.world.speech(word))
        finished = await a.client.hears("tool_finished")
        complete = await a.client.hears("response_complete")

        assert (finished["call_id"], finished["status"]) == (a.card["call_id"], status)
        assert a.client.text_of(complete["turn_id"]) == "Hecho."
        assert a.workshop.runs == runs
        [stopped] = [m for m in a.client.heard[start:] if m["type"] == "speech_stopped"]
        assert stopped["empty"] is True
        assert not any(m["type"] == "message_accepted" for m in a.client.heard[start:])


async def test_card_that_is_answered_first_ends_the_question():
    async with asked() as a:
        await a.client.hears("audio_started")
        await a.client.sends({"type": "approve_tool", "call_id": a.card["call_id"], "approved": True})
        await a.client.hears("tool_finished")
        while not any(a.client.text_of(m["turn_id"]) == "Hecho." for m in a.client.heard if "turn_id" in m):
            await a.client.hears_next()
        await a.client.sends({"type": "approve_tool", "call_id": a.card["call_id"], "approved": False})
        error = await a.client.hears("error")

        assert a.workshop.runs == [("send", "x")]
        assert error["code"] == "unknown_call"


async def test_client_that_was_gone_is_asked_anew_and_its_yes_counts():
    async with asked() as a:
        await a.hears_question()
        await a.client.drops()
        await asyncio.sleep(0)
        await a.client.resumes()
        await a.client.sends(a.world.speech("sí."))  # to nothing: nobody has asked since
        await a.hears_question()
        assert a.workshop.runs == []
        await a.client.sends(a.world.speech("vale."))
        await a.client.hears("tool_finished")

        assert a.workshop.runs == [("send", "x")]
