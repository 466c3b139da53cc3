"""A request that cannot be read is answered without what it held."""

import httpx

from tests.support.scripted import ScriptedModel
from tests.support.server import running_server


async def test_what_was_sent_is_not_repeated() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}"
            query = await client.get(f"{url}/sessions", params={"limit": "secret-1", "status": "secret-2"})
            body = await client.post(f"{url}/sessions/x/messages", json={"content": 7, "mode": "secret-3"})
            broken = await client.post(f"{url}/sessions/x/messages", content='{"content": secret-4')

    for answer in (query, body, broken):
        assert answer.status_code == 422
        assert "secret" not in answer.text
        assert all(fault["loc"] and fault["msg"] for fault in answer.json()["detail"])
    assert {tuple(fault["loc"]) for fault in query.json()["detail"]} == {
        ("query", "limit"),
        ("query", "status"),
    }
