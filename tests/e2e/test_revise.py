"""Revising a text over real sockets, and what a server that starts again knows of it."""

from pathlib import Path
from typing import Any

import pytest

from config.settings import Settings
from tests.e2e.test_restart import crashes, move, running_server_after
from tests.support.context import settings_with
from tests.support.scripted import Calls, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.server import Server, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import V2Client, v2_client


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_with(database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db", tool_inline_wait_s=0.05)


def echo() -> ScriptedModel:
    return ScriptedModel(lambda r: says(f"<{last_text(r)}>"))


async def asks(client: V2Client, text: str, **values: Any) -> str:
    await client.says(text, **values)
    turn: str = (await client.hears("message_accepted"))["turn_id"]
    await client.hears_answer()
    return turn


async def stored(server: Server, session_id: str) -> list[tuple[str, str, bool]]:
    answer = await server.get(f"/sessions/{session_id}/messages")
    return [(m["role"], m["content"], m["superseded"]) for m in answer.json()["messages"]]


async def test_a_revision_is_a_text_like_any_other(settings: Settings) -> None:
    async with running_server(settings, provider=echo()) as server, v2_client(server) as client:
        await client.starts()
        first = await asks(client, "uno", id="c1")
        second = await asks(client, "dos", id="c2")
        await client.sends({"type": "revise", "turn_id": first, "id": "c3", "content": "otro"})
        accepted = await client.hears("message_accepted")
        answer = await client.hears_answer()
        rows = await stored(server, client.session_id)
        text = (await server.get(f"/sessions/{client.session_id}/export?format=text")).text

    assert accepted["supersedes"] == [first, second]
    assert (accepted["id"], accepted["durable"]) == ("c3", True)
    assert (answer["turn_id"], answer["text"]) == (accepted["turn_id"], "<otro>")
    assert rows == [
        ("user", "uno", True),
        ("assistant", "<uno>", True),
        ("user", "dos", True),
        ("assistant", "<dos>", True),
        ("user", "otro", False),
        ("assistant", "<otro>", False),
    ]
    assert text.count("(sustituido después)") == 4


REFUSALS: dict[str, tuple[dict[str, Any], str, str | None]] = {
    "unknown": ({"turn_id": "turn_none"}, "unknown_turn", "r1"),
    "empty": ({"content": "  "}, "bad_message", "r1"),
    "without an id": ({"id": None}, "bad_message", None),
}


@pytest.mark.parametrize("case", REFUSALS)
async def test_refused_revision_changes_nothing(case: str) -> None:
    values, code, client_id = REFUSALS[case]
    async with running_server(provider=echo()) as server, v2_client(server) as client:
        await client.starts()
        turn = await asks(client, "uno")
        await client.sends({"type": "revise", "turn_id": turn, "id": "r1", **values})
        error = await client.hears("error")
        await asks(client, "dos")
        prompts = server.service.provider.requests  # type: ignore[attr-defined]

    assert (error["code"], error.get("id")) == (code, client_id)
    assert [m["content"] for m in prompts[-1].messages[1:]] == ["uno", "<uno>", "dos"]


@pytest.mark.parametrize("way", ["resume", "continue"])
async def test_superseded_turns_stay_away_after_a_restart(settings: Settings, way: str) -> None:
    async with running_server(settings, provider=echo()) as server, v2_client(server) as client:
        await client.starts()
        await asks(client, "cero")
        first = await asks(client, "uno")
        await asks(client, "dos")
        await client.sends({"type": "revise", "turn_id": first, "id": "r1"})
        new = (await client.hears("message_accepted"))["turn_id"]
        await client.hears_answer()
        await client.drops()
        async with running_server_after(server, settings, echo()) as second:
            move(client, second.url)
            if way == "resume":
                await client.resumes()
            else:
                client.last_seq = 0
                await client.starts(**{"continue": client.session_id})
            history = await client.hears("history")
            await client.sends({"type": "revise", "turn_id": first, "id": "r1"})
            again = await client.hears("message_accepted")
            await client.sends({"type": "revise", "turn_id": first, "id": "r2"})
            error = await client.hears("error")
            await client.sends({"type": "revise", "turn_id": new, "id": "r3", "content": "tres"})
            await client.hears_answer()
            prompts = second.service.provider.requests  # type: ignore[attr-defined]

    assert [m["content"] for m in history["messages"]] == ["cero", "<cero>", "uno", "<uno>"]
    assert {m["turn_id"] for m in history["messages"][2:]} == {new}
    assert (again["turn_id"], len(again["supersedes"])) == (new, 2)
    assert error["code"] == "unknown_turn"
    assert [m["content"] for m in prompts[0].messages[1:]] == ["cero", "<cero>", "tres"]


async def test_a_crash_in_a_revision_repeats_no_write_and_tells_no_superseded_result(
    settings: Settings,
) -> None:
    shop = Workshop()
    order = Calls([("work", {"tag": "correo"})])
    tools = [shop.tool("work", "write"), shop.tool("slow")]
    script = [[order], calls(("slow", {"seconds": 100})), says("Hecho."), [Says("Va"), Pause(60)]]
    async with (
        running_server(settings, provider=ScriptedModel(script), tools=tools) as server,
        v2_client(server) as client,
    ):
        await client.starts()
        first = await asks(client, "manda el correo")
        await client.sends({"type": "revise", "turn_id": first, "id": "r1"})
        await client.hears("response_chunk")
        await crashes(server)
        await client.drops()
        again = ScriptedModel([[order], says("Ya estaba hecho.")])
        async with running_server(settings, provider=again, tools=tools) as second:
            move(client, second.url)
            await client.resumes()
            await client.says("gracias", id="c9")
            answer = await client.hears_answer()

    assert answer["text"] == "Ya estaba hecho."
    assert [run for run in shop.runs if run[0] == "work"] == [("work", "correo")]
    assert not [m for r in again.requests for m in r.messages if "interrupted" in (m["content"] or "")]
