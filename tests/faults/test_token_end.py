"""The end of a token is the end of what its bearer hears, at that moment, and not of the talk."""

import asyncio
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.protocol.events import ToolStatus
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import Server, client_of, running_server
from tests.support.signed_tokens import Provider
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client

LASTS_S = 1.5

DONE: ToolStatus = "done"


@pytest.fixture(scope="module")
def provider() -> Provider:
    return Provider()


def settings_of(provider: Provider, path: Path, **more: Any) -> Any:
    return settings_with(**provider.settings(path / "jwks.json", **{"jwt_leeway_s": 0, **more}))


async def pings_until_closed(client: V2Client) -> list[dict[str, Any]]:
    """Sends nothing but pings; returns what was heard meanwhile."""
    before = len(client.heard)

    async def ping() -> None:
        while True:
            await client.sends({"type": "ping"})
            await asyncio.sleep(0.05)

    pinging = asyncio.create_task(ping())
    try:
        await client.hears("error")
        assert await client.is_closed() == 4401
    finally:
        pinging.cancel()
    return [message for message in client.heard[before:] if message["type"] != "pong"]


@pytest.mark.parametrize("leeway_s", [0, 1])
async def test_a_client_that_only_pings_is_let_go_when_its_token_ends(
    provider: Provider, tmp_path: Path, leeway_s: int
) -> None:
    async with (
        running_server(
            settings_of(provider, tmp_path, jwt_leeway_s=leeway_s), provider=ScriptedModel([])
        ) as server,
        v2_client(server) as client,
    ):
        began = time.monotonic()
        await client.starts(token=provider.token(lasts_s=LASTS_S))
        heard = await pings_until_closed(client)
        lasted_s = time.monotonic() - began
        (live,) = server.service.sessions
        assert live.pump.link is None

    assert [(message["type"], message["code"]) for message in heard] == [("error", "unauthorized")]
    assert LASTS_S + leeway_s - 0.1 <= lasted_s < LASTS_S + leeway_s + 10


async def test_on_v1_the_session_ends_with_it(provider: Provider, tmp_path: Path) -> None:
    model = ScriptedModel([[Says("a"), Pause(60)]])
    async with (
        running_server(settings_of(provider, tmp_path), provider=model) as server,
        client_of(server) as client,
    ):
        await client.sends({"type": "system", "token": provider.token(lasts_s=LASTS_S)})
        await client.says("hola")
        assert (await client.hears("error"))["content"].startswith("No tienes acceso")
        assert await client.is_closed() == 4401
        await server.is_empty()


async def ticket_of(server: Server, token: str) -> str:
    async with httpx.AsyncClient(verify=False, trust_env=False) as http:
        url = f"http://127.0.0.1:{server.port}/tickets"
        answer = await http.post(url, headers={"Authorization": f"Bearer {token}"})
    return answer.json()["ticket"]


async def test_a_ticket_hears_as_long_as_the_token_it_was_got_with(
    provider: Provider, tmp_path: Path
) -> None:
    async with (
        running_server(settings_of(provider, tmp_path), provider=ScriptedModel([])) as server,
        v2_client(server) as client,
    ):
        await client.starts(token=await ticket_of(server, provider.token(lasts_s=LASTS_S)))
        await pings_until_closed(client)


async def test_an_answer_goes_on_unheard_and_waits_for_a_good_token(
    provider: Provider, tmp_path: Path
) -> None:
    slow = [step for n in range(40) for step in (Says(f"{n} "), Pause(0.1))]
    ended = provider.token(lasts_s=LASTS_S)
    async with (
        running_server(settings_of(provider, tmp_path), provider=ScriptedModel([slow])) as server,
        v2_client(server) as client,
    ):
        await client.starts(token=ended)
        await client.says("cuenta")
        await pings_until_closed(client)
        heard = "".join(m["content"] for m in client.heard if m["type"] == "response_chunk")
        assert (await client.resumes(token=ended))["code"] == "unauthorized"
        assert await client.is_closed() == 4401
        stranger = await client.resumes(token=provider.token("eva"))
        assert stranger["code"] == "resume_refused"
        await client.drops()
        resumed = await client.resumes(token=provider.token())
        answer = await client.hears_answer()

    whole = "".join(f"{n} " for n in range(40))
    assert whole.startswith(heard) and len(heard) < len(whole)
    assert (resumed["type"], resumed["gap"]) == ("session_resumed", False)
    assert answer["text"] == whole == client.text_of(answer["turn_id"])


async def test_a_result_of_the_background_is_told_to_a_good_token_alone(
    provider: Provider, tmp_path: Path
) -> None:
    workshop = Workshop()
    model = ScriptedModel(
        lambda r: (
            calls(("work", {"tag": "a", "seconds": LASTS_S + 1})) if last_text(r) == "hazlo" else says("Ya.")
        )
    )
    settings = settings_of(provider, tmp_path, tool_inline_wait_s=0.1)
    async with (
        running_server(settings, provider=model, tools=[workshop.tool("work")]) as server,
        v2_client(server) as client,
    ):
        await client.starts(token=provider.token(lasts_s=LASTS_S))
        await client.says("hazlo")
        heard = await pings_until_closed(client)
        assert "tool_finished" not in [message["type"] for message in heard]
        await client.resumes(token=provider.token())
        finished = await client.hears("tool_finished")
        told = await client.hears_answer()

    assert (finished["status"], told["text"]) == (DONE, "Ya.")
    assert workshop.runs == [("work", "a")]


async def test_what_waits_for_a_word_is_asked_of_a_good_token(provider: Provider, tmp_path: Path) -> None:
    workshop = Workshop()
    model = ScriptedModel(
        lambda r: calls(("write", {"tag": "a"})) if last_text(r) == "hazlo" else says("Ya.")
    )
    tools = [workshop.tool("write", "write")]
    async with (
        running_server(
            settings_of(provider, tmp_path, tool_approval="writes"), provider=model, tools=tools
        ) as server,
        v2_client(server) as client,
    ):
        await client.starts(token=provider.token(lasts_s=LASTS_S))
        await client.says("hazlo")
        asked = await client.hears("approval_requested")
        await pings_until_closed(client)
        await client.resumes(token=provider.token())
        again = await client.hears("approval_requested")
        assert workshop.runs == []
        await client.sends({"type": "approve_tool", "call_id": again["call_id"], "approved": True})
        await client.hears("tool_finished")

    assert again["call_id"] == asked["call_id"]
    assert again["expires_in_s"] < asked["expires_in_s"]
    assert workshop.runs == [("write", "a")]


async def test_a_key_that_is_taken_out_ends_the_silent_too(provider: Provider, tmp_path: Path) -> None:
    own = Provider()
    async with (
        running_server(settings_of(own, tmp_path), provider=ScriptedModel([])) as server,
        v2_client(server) as revoked,
        v2_client(server) as other,
    ):
        await revoked.starts(token=own.token())
        await other.starts(token=own.token(kid="ec-1"))
        own.rotate("rsa-1", "rsa-2")
        own.publish(tmp_path / "jwks.json")
        await pings_until_closed(revoked)
        await other.sends({"type": "ping"})
        assert (await other.hears_next())["type"] == "pong"


async def test_the_newer_of_two_connections_keeps_the_talk(provider: Provider, tmp_path: Path) -> None:
    """The token of a connection that was replaced ends for that one alone."""
    async with (
        running_server(settings_of(provider, tmp_path), provider=ScriptedModel([says("Sí.")])) as server,
        v2_client(server) as client,
    ):
        await client.starts(token=provider.token(lasts_s=LASTS_S))
        await client.resumes(token=provider.token())
        await asyncio.sleep(LASTS_S + 0.3)  # the first token's own time has to pass
        await client.says("hola")
        assert (await client.hears_answer())["text"] == "Sí."
