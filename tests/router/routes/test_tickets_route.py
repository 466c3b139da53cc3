"""Tickets over HTTP; tests/faults/test_group_f_access.py uses them."""

import httpx

from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.server import running_server


async def test_a_ticket_is_for_whoever_has_a_token() -> None:
    settings = settings_with(api_tokens="ana=token-ana-1:user", ticket_lifetime_s=12)
    async with running_server(settings, provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            url = f"http://127.0.0.1:{server.port}/tickets"
            good = await client.post(url, headers={"Authorization": "Bearer token-ana-1"})
            bad = await client.post(url, headers={"Authorization": "Bearer token-ana-2"})
            read = await client.get(url, headers={"Authorization": "Bearer token-ana-1"})

    assert (good.status_code, bad.status_code, read.status_code) == (201, 401, 405)
    assert good.json()["ticket"].startswith("ticket.")
    assert good.json()["expires_in_s"] == 12


async def test_where_no_token_is_asked_for_there_is_nothing_to_get() -> None:
    async with running_server(provider=ScriptedModel([])) as server:
        async with httpx.AsyncClient(verify=False, trust_env=False) as client:
            assert (await client.post(f"http://127.0.0.1:{server.port}/tickets")).status_code == 404
