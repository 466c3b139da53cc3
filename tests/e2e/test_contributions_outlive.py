"""What a back end has added over HTTP, and was told that it is durable, outlives the server."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.e2e.test_asked_again import SLOW, Stage, dies
from tests.e2e.test_restart import LaterClock, crashes, move
from tests.support.scripted import Pause, Says, ScriptedModel, says
from tests.support.server import Server, running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client


async def adds(server: Server, session_id: str, mode: str) -> dict[str, Any]:
    async with httpx.AsyncClient(verify=False, trust_env=False) as http:
        url = f"http://127.0.0.1:{server.port}/sessions/{session_id}/messages"
        answer = await http.post(url, json={"content": f"{mode} de fuera", "mode": mode})
    assert answer.status_code == 202
    return answer.json()


MODES = ("say", "context", "prompt")


@pytest.mark.parametrize("kills", [1, 2])
async def test_what_waited_when_the_server_was_killed_is_carried_out_once(tmp_path: Path, kills: int) -> None:
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())
    model = ScriptedModel(lambda r: says("Vale."))
    async with on.server(ScriptedModel([[Says("Em"), Pause(SLOW)]])) as server, v2_client(server) as client:
        await client.starts()
        await client.says("hola", id="c1")
        await client.hears("response_chunk")
        receipts = [await adds(server, client.session_id, mode) for mode in MODES]
        await dies(server, client)
        if kills == 2:
            async with on.server(ScriptedModel(lambda r: [Says("Em"), Pause(SLOW)])) as between:
                move(client, between.url)
                await client.resumes()
                await client.hears("response_chunk")
                await client.drops()
                await crashes(between)
        async with on.server(model) as after:
            move(client, after.url)
            await client.resumes()
            since = len(client.heard)
            history = await client.hears_next()
            answers = [await client.hears_answer() for _ in range(3)]
            listed = (await after.get(f"/sessions/{client.session_id}/messages")).json()["messages"]
            detail = (await after.get(f"/sessions/{client.session_id}")).json()
            shown = [m for m in client.heard[since:] if m["type"] == "response_complete"]
            await client.says("y tú", id="c2")
            await client.hears_answer()
            await client.drops()
            again = await client.resumes(last_seq=0)
            shown_again = await client.hears_next()
            await client.leaves()

    assert [receipt["durable"] for receipt in receipts] == [True] * 3
    assert [m["content"] for m in history["messages"]] == ["hola"], "nothing is shown before it is said"
    said, _, wish = (receipt["turn_id"] for receipt in receipts)
    assert [(m["turn_id"], m["text"]) for m in answers[1:]] == [(said, "say de fuera"), (wish, "Vale.")]
    assert len(shown) == 3
    of_back_end = [(m["role"], m["status"]) for m in listed if m["source"] == "backend"]
    assert of_back_end == [("assistant", "ok"), ("system", "ok"), ("system", "ok")]
    assert detail["message_count"] == 4
    prompt = [m["content"] for m in model.requests[-1].messages[1:]]
    assert [sum(f"{mode} de fuera" in text for text in prompt) for mode in MODES] == [1, 1, 1]
    assert again["gap"]
    assert [m["content"] for m in shown_again["messages"] if m.get("source") == "backend"] == ["say de fuera"]
    assert [m["ending"] for m in shown_again["messages"] if m["role"] == "user"] == ["complete"] * 2


async def test_what_is_too_old_is_not_said_any_more_and_context_is_known(tmp_path: Path) -> None:
    on = Stage(f"sqlite:///{tmp_path}/talks.db", Workshop())
    model, clock = ScriptedModel(lambda r: says("Vale.")), LaterClock(0)
    first = ScriptedModel([[Says("Em"), Pause(SLOW)]])
    async with on.server(first, clock=clock) as server, v2_client(server) as client:
        await client.starts()
        await client.says("hola", id="c1")
        await client.hears("response_chunk")
        for mode in MODES:
            await adds(server, client.session_id, mode)
        clock.later = timedelta(seconds=on.settings.resume_window_s + 1)
        await dies(server, client)
        later = LaterClock(on.settings.resume_window_s + 1)
        async with running_server(on.settings, provider=model, clock=later) as after:
            move(client, after.url)
            await client.resumes()
            await client.says("y tú", id="c2")
            answer = await client.hears_answer()
            listed = (await after.get(f"/sessions/{client.session_id}/messages")).json()["messages"]
            await client.leaves()

    assert answer["text"] == "Vale."
    of_back_end = [(m["role"], m["status"]) for m in listed if m["source"] == "backend"]
    assert of_back_end == [("assistant", "withdrawn"), ("system", "ok"), ("system", "withdrawn")]
    prompt = [m["content"] for m in model.requests[-1].messages[1:]]
    assert [sum(f"{mode} de fuera" in text for text in prompt) for mode in MODES] == [0, 1, 0]
