"""Whatever process of a fleet is asked, it answers for the sessions of all of them."""

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from tests.fleet.conftest import fleet
from tests.fleet.test_resume_anywhere import knows
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.process import PATIENCE_S, ServerProcess
from tests.support.resuming_client import resuming_client

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(240)]


async def asked(server: ServerProcess, path: str, method: str = "GET", **values: Any) -> httpx.Response:
    async with httpx.AsyncClient(verify=False, trust_env=False, timeout=30) as client:
        return await client.request(method, f"http://127.0.0.1:{server.port}{path}", **values)


async def test_a_ticket_is_good_at_any_process_once(tmp_path: Path, postgres_address: str):
    token = "a-token-of-ana-that-is-long-enough"
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, api_tokens=f"ana={token}:user") as (first, second),
    ):
        headers = {"Authorization": f"Bearer {token}"}
        ticket = (await asked(first, "/tickets", "POST", headers=headers)).json()["ticket"]
        outcomes: list[Any] = []
        for _ in range(2):
            async with connect(
                second.url, subprotocols=[Subprotocol("voice-agent.v2")], proxy=None
            ) as client:
                await client.send(json.dumps({"type": "start", "token": ticket}))
                told = json.loads(await client.recv())
                outcomes.append(told.get("code", told["type"]))

        assert outcomes == ["session_created", "unauthorized"]


async def test_a_session_of_a_long_token_goes_on_elsewhere(tmp_path: Path, postgres_address: str):
    token = "t" * 20_000
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, api_tokens=f"ana={token}:user") as (first, second),
    ):
        protocol = [Subprotocol("voice-agent.v2")]
        async with connect(first.url, subprotocols=protocol, proxy=None) as here:
            await here.send(json.dumps({"type": "start", "token": token}))
            created = json.loads(await here.recv())
            await here.send(json.dumps({"type": "text", "content": "hola", "id": "a"}))
            while json.loads(await here.recv())["type"] != "message_accepted":
                pass  # from then on the session is stored
            resume = {
                "type": "resume",
                "token": token,
                "session_id": created["session_id"],
                "resume_token": created["resume_token"],
                "last_seq": 1,
            }
            async with connect(second.url, subprotocols=protocol, proxy=None) as there:
                await there.send(json.dumps(resume))
                assert json.loads(await there.recv())["type"] == "session_resumed"


async def test_a_port_lets_go_of_who_does_not_get_to_the_point(tmp_path: Path, postgres_address: str):
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model, 1, handshake_timeout_s=1) as (server,),
    ):
        port = int(server.setting("fleet_address").rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET /fleet/probe HTTP/1.1\r\nHost: ")
        async with asyncio.timeout(PATIENCE_S):
            answer = await reader.read()
        writer.close()

    assert b" 200 " not in answer


async def test_lists_contributions_erasure_and_health_are_of_all_processes(
    tmp_path: Path, postgres_address: str
):
    async with (
        AzureStandin() as model,
        fleet(tmp_path, postgres_address, model) as (first, second),
        resuming_client(first.url, user_id="ana", heartbeat_s=2) as ana,
        resuming_client(second.url, user_id="eva", heartbeat_s=2) as eva,
    ):
        model.reply = lambda _: Text("claro")
        for client in (ana, eva):
            await client.until(lambda one=client: bool(one.session_id))

        for server in (first, second):
            listed = (await asked(server, "/sessions")).json()
            assert {one["session_id"] for one in listed["sessions"]} == {ana.session_id, eva.session_id}
            assert listed["active_sessions"] == 2
            shown = (await asked(server, f"/sessions/{ana.session_id}")).json()
            assert (shown["user_id"], shown["state"]) == ("ana", "idle")
            page = (await asked(server, "/sessions?limit=1")).json()
            rest = (await asked(server, f"/sessions?limit=5&cursor={page['next_cursor']}")).json()
            ids = [one["session_id"] for one in page["sessions"] + rest["sessions"]]
            assert sorted(ids) == sorted([ana.session_id, eva.session_id])

        said = await asked(
            second, f"/sessions/{ana.session_id}/messages", "POST", json={"content": "Llueve.", "mode": "say"}
        )
        assert said.status_code == 202
        await ana.until(lambda: bool(ana.heard("response_complete")))
        assert ana.heard("response_complete")[0]["text"] == "Llueve."

        health = (await asked(first, "/agent/health")).json()
        assert len(health["fleet"]["nodes"]) == 2
        assert health["fleet"]["self"] in {node["id"] for node in health["fleet"]["nodes"]}
        assert (await asked(first, "/agent/ready")).json() == {"ready": True, "reason": None}

        assert (await asked(first, f"/sessions/{eva.session_id}", "DELETE")).status_code == 204
        await eva.until(lambda: 4410 in eva.close_codes)
        assert (await asked(second, f"/sessions/{eva.session_id}")).status_code == 404


async def test_metrics_say_of_which_process_they_are(tmp_path: Path, postgres_address: str):
    async with AzureStandin() as model, fleet(tmp_path, postgres_address, model) as servers:
        own: set[str] = set()
        for server in servers:
            await knows(server, 2)
            text = (await asked(server, "/metrics")).text
            assert 'voice_agent_fleet_nodes{state="serving"} 2.0' in text
            own.update(re.findall(r'voice_agent_node_info\{node="([^"]+)"', text))

        nodes = (await asked(servers[0], "/agent/health")).json()["fleet"]["nodes"]
        assert own == {node["id"] for node in nodes}
