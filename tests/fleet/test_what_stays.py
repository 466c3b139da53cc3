"""A running tool, a question that waits for a person, and sound that nobody has heard yet hold a session.

Its client has landed elsewhere and is led to it; its process is about to stop. When that is over, it moves.
"""

import asyncio
import random
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.conftest import fleet
from tests.fleet.mix import Shop, open_shop
from tests.fleet.test_resume_anywhere import knows
from tests.support.answers import Answer, Text, ToolCalls
from tests.support.azure_standin import AzureStandin
from tests.support.http_wire import Received
from tests.support.process import PATIENCE_S, ServerProcess
from tests.support.speech_standin import SpeechStandin
from tests.support.v2_client import V2Client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]

SETTINGS = {"drain_grace_s": 600, "tool_inline_wait_s": 0, "resume_window_s": 600, "tool_approval": "writes"}
SOUND_S = 3.0


@dataclass(frozen=True)
class Stage:
    owner: ServerProcess
    other: ServerProcess
    model: AzureStandin
    shop: Shop
    client: V2Client

    def moves(self) -> list[str]:
        """What the other process has logged of sessions that came."""
        return [line for line in self.other.log if "session_moved" in line]

    async def lands_elsewhere(self) -> dict[str, Any]:
        """The client drops and comes back by the other process; the owner is then told to stop."""
        await self.client.drops()
        self.client.url = self.other.url
        resumed = await self.client.resumes()
        self.owner.signals(signal.SIGTERM)
        # The owner has told its clients, and looks at each session ten times a second.
        async with asyncio.timeout(PATIENCE_S):
            while (await self.owner.asks("GET", "/agent/ready")).status_code == 200:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        return resumed

    async def has_moved(self) -> None:
        """Waits until the session has come to the other process, and the owner has ended."""
        async with asyncio.timeout(PATIENCE_S):
            while not self.moves():  # noqa: ASYNC110  # it is in its log
                await asyncio.sleep(0.05)
        assert await self.owner.ends() == 0


@asynccontextmanager
async def stage(folder: Path, address: str, **settings: Any) -> AsyncIterator[Stage]:
    async with AsyncExitStack() as stack:
        model = await stack.enter_async_context(AzureStandin())
        shop = await stack.enter_async_context(open_shop(random.Random(1)))
        allowed = {"http_tool_allowed_private": f"127.0.0.1:{shop.port}"}
        values = {**SETTINGS, **allowed, **settings}
        owner, other = await stack.enter_async_context(fleet(folder, address, model, **values))
        await knows(owner, 2)
        client = V2Client(owner.url)
        yield Stage(owner, other, model, shop, client)
        await client.leaves()


def order(shop: Shop) -> ToolCalls:
    """What the model asks for."""
    where = {"url": f"http://127.0.0.1:{shop.port}/order/1.0", "method": "POST", "body": "1 té"}
    return ToolCalls(("make_http_request", where))


async def goes_on(on: Stage) -> None:
    """The session has moved, and the talk goes on where it is."""
    on.model.script(Text("bien"))
    await on.client.says("¿y ahora?", id="last")
    assert (await on.client.hears_answer())["text"] == "bien"


async def test_a_tool_that_runs_is_waited_for(tmp_path: Path, postgres_address: str):
    async with stage(tmp_path, postgres_address) as on:
        on.model.script(ToolCalls(("placeholder_api_call", {"delay_s": 4})), Text("Voy."))
        await on.client.starts()
        await on.client.says("llama", id="a")
        await on.client.hears_answer()

        on.model.script(Text("Ya está."))
        assert (await on.lands_elsewhere())["gap"] is False
        finished = await on.client.hears("tool_finished")
        assert on.moves() == []
        assert finished["status"] == "done"
        assert (await on.client.hears_answer())["text"] == "Ya está."
        await on.has_moved()

        await goes_on(on)


async def test_a_question_that_waits_for_a_person_is_waited_for(tmp_path: Path, postgres_address: str):
    async with stage(tmp_path, postgres_address) as on:
        on.model.script(order(on.shop), Text("¿Puedo?"))
        await on.client.starts()
        await on.client.says("pide un té", id="a")
        await on.client.hears_answer()

        assert (await on.lands_elsewhere())["gap"] is False
        asked = await on.client.hears("approval_requested")
        assert (on.moves(), on.shop.orders) == ([], [])
        on.model.script(Text("Pedido."))
        await on.client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
        assert (await on.client.hears("tool_finished"))["status"] == "done"
        assert (await on.client.hears_answer())["text"] == "Pedido."
        await on.has_moved()

        assert [tag for tag, _ in on.shop.orders] == ["1.0"]
        await goes_on(on)


async def test_sound_that_nobody_has_heard_yet_is_waited_for(tmp_path: Path, postgres_address: str):
    """The whole answer has been said; a client that reports nothing is taken to play it in real time."""
    voice = SpeechStandin()
    voice.sound = bytes(int(SOUND_S * 24_000) * 2)
    async with voice:
        speech = voice.azure(llm_provider="openai", azure_openai_deployment_name="none")
        settings = {"voice": True, "stt_provider": "none", "tts_provider": "azure", **speech}
        async with stage(tmp_path, postgres_address, **settings) as on:
            on.model.script(Text("Una frase."))
            client = on.client
            created = await client.starts(audio={"out": True})
            assert created["audio"] is not None
            await on.lands_elsewhere()
            await client.says("habla", id="a")
            await client.hears("audio_started")
            began = asyncio.get_running_loop().time()
            answered = asyncio.create_task(client.hears_answer())
            await on.has_moved()
            lasted_s = asyncio.get_running_loop().time() - began

            assert (await answered)["text"] == "Una frase."
            assert lasted_s > SOUND_S / 2
            assert len(client.sound) > 0
            await goes_on(on)


async def answers_again(on: Stage) -> None:
    """A person answers the question that the new owner asks; the order is given once."""
    asked = await on.client.hears("approval_requested")
    assert on.shop.orders == []
    await on.client.sends({"type": "approve_tool", "call_id": asked["call_id"], "approved": True})
    assert (await on.client.hears("tool_finished"))["status"] == "done"
    assert [tag for tag, _ in on.shop.orders] == ["1.0"]


async def runs_again(on: Stage) -> None:
    """A tool that only reads is begun again with its text."""
    assert (await on.client.hears("tool_finished"))["status"] == "done"
    started = [message["call_id"] for message in on.client.heard if message["type"] == "tool_started"]
    assert len(set(started)) == 2


KILLED: dict[str, tuple[str, Callable[[Stage], Awaitable[None]]]] = {
    "a question that waits": ("approval_requested", answers_again),
    "a tool that reads": ("tool_started", runs_again),
}


@pytest.mark.parametrize("what", KILLED)
async def test_what_its_process_took_with_it_begins_again_where_the_client_comes_back(
    tmp_path: Path, postgres_address: str, what: str
):
    begins, goes_again = KILLED[what]
    async with stage(tmp_path, postgres_address, tool_inline_wait_s=30) as on:
        asked = order(on.shop) if begins == "approval_requested" else None

        def reply(request: Received) -> Answer:
            if request.messages[-1]["role"] == "tool":
                return Text("Hecho.")
            # The first time it takes longer than its process lives.
            delay_s = 20 if len(on.model.requests) == 1 else 0.1
            return asked or ToolCalls(("placeholder_api_call", {"delay_s": delay_s}))

        on.model.reply = reply
        client = on.client
        await client.starts()
        await client.says("pide un té", id="a")
        turn_id = (await client.hears("message_accepted"))["turn_id"]
        await client.hears(begins)

        await on.owner.is_killed()
        client.url = on.other.url
        assert (await client.resumes())["gap"] is True
        await goes_again(on)
        endings = [message for message in client.heard if message["type"] == "response_complete"]
        while turn_id not in {message["turn_id"] for message in endings}:
            endings.append(await client.hears("response_complete"))

        assert [message["text"] for message in endings if message["turn_id"] == turn_id] == ["Hecho."]
