"""Lists: what is not asked for costs nothing, and what is told of calls is all that is known."""

import time
from pathlib import Path

import httpx
import pytest

from app.protocol.wires import V2
from tests.support.context import settings_with
from tests.support.scripted import Calls, Says, ScriptedModel, says
from tests.support.server import running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client

SESSIONS = 2000


@pytest.mark.alone
async def test_one_session_of_thousands_is_described_alone() -> None:
    async with (
        running_server(provider=ScriptedModel([])) as server,
        httpx.AsyncClient(verify=False, trust_env=False) as http,
    ):
        host = server.service.session_host
        for n in range(SESSIONS):
            host.open(f"user{n}", None, None, wire=V2)

        async def asks(query: str) -> tuple[float, list[str]]:
            began = time.perf_counter()
            # A connection that is kept may wait for what its other side has yet to acknowledge.
            answer = await http.get(
                f"http://127.0.0.1:{server.port}/sessions?{query}", headers={"Connection": "close"}
            )
            lasted = time.perf_counter() - began
            assert answer.json()["active_sessions"] == SESSIONS
            return lasted, [session["user_id"] for session in answer.json()["sessions"]]

        # In turns: what else the machine does at the time makes both longer.
        many, one = zip(*[(await asks("limit=500"), await asks("limit=1")) for _ in range(20)], strict=True)
        idle = await asks("limit=2&state=idle")
        busy = await asks("limit=2&state=speaking")

    assert one[0][1] == ["user0"]
    assert (idle[1], busy[1]) == (["user0", "user1"], [])
    # It was as dear as all of them.
    assert min(lasted for lasted, _ in one) * 2 < min(lasted for lasted, _ in many)


async def test_calls_are_told_with_arguments_endings_and_times_also_after_a_restart(tmp_path: Path) -> None:
    settings = settings_with(database_url=f"sqlite+aiosqlite:///{tmp_path}/talks.db")
    shop = Workshop()
    tools = [shop.tool("work")]
    script = [
        [Says("Voy."), Calls([("work", {"tag": "a", "result": "x" * 5000}), ("none", {"a": 1})])],
        says("Ya está."),
    ]
    async with (
        running_server(settings, provider=ScriptedModel(script), tools=tools) as server,
        v2_client(server) as client,
    ):
        await client.starts()
        await client.says("ve", id="t1")
        await client.hears("response_complete")
        finished = [message for message in client.heard if message["type"] == "tool_finished"]
        listed = (await server.get(f"/sessions/{client.session_id}/messages")).json()["messages"]
        export = (await server.get(f"/sessions/{client.session_id}/export")).json()["messages"]
    async with (
        running_server(settings, provider=ScriptedModel([]), tools=tools) as server,
        v2_client(server) as later,
    ):
        await later.starts(**{"continue": client.session_id})
        history = await later.hears("history")

    unknown, work = sorted(finished, key=lambda message: message["name"])
    assert (work["status"], work["truncated"]) == ("done", True)
    assert work["result"].startswith("xxx")
    assert 1900 < len(work["result"]) <= 2000
    assert unknown["status"] == "failed"
    assert unknown["error"]
    (called,) = [message["calls"] for message in listed if message["calls"]]
    (call,) = called
    assert (call["call_id"], call["name"], call["status"]) == (work["call_id"], "work", "done")
    assert call["arguments"] == {"tag": "a", "result": "x" * 5000}
    assert call["result"] == "x" * 5000
    assert call["started_at"] <= call["ended_at"]
    assert export == listed
    (told,) = history["tools"]
    assert {**told, "type": "tool_finished", "seq": work["seq"], "elapsed_s": work["elapsed_s"]} == {
        **work,
        "turn_id": told["turn_id"],
    }
