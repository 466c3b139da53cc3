"""Who may use the Realtime API, and how long one may sit in it without a word."""

import asyncio
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAIError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from tests.realtime.app import App, app_of, said
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import Server, running_server

TOKENS = settings_with(llm_provider="demo", api_tokens="ana=good-token-of-ana:user")


def opened(server: Server, path: str = "/v1/realtime?model=any", **options: Any) -> connect:
    return connect(f"ws://127.0.0.1:{server.port}{path}", proxy=None, **options)


async def first_of(socket: ClientConnection) -> str:
    return App.read(await socket.recv(decode=False)).type


@pytest.mark.parametrize(
    "options",
    [
        {"additional_headers": {"Authorization": "Bearer good-token-of-ana"}},
        {"additional_headers": {"api-key": "good-token-of-ana"}},
        {"subprotocols": ["realtime", "openai-insecure-api-key.good-token-of-ana"]},
    ],
    ids=["bearer", "api-key", "subprotocol"],
)
@pytest.mark.parametrize("path", ["/v1/realtime", "/openai/v1/realtime?model=x&api-version=y"])
async def test_key_is_taken_wherever_clients_put_it(options: dict[str, Any], path: str):
    async with running_server(TOKENS, provider=ScriptedModel([])) as server:
        async with opened(server, path, **options) as socket:
            kind = await first_of(socket)
            (live,) = server.service.sessions

    assert kind == "session.created" and live.session.user_id == "ana"
    assert socket.subprotocol == ("realtime" if "subprotocols" in options else None)


async def test_wrong_key_hears_why_and_is_let_go():
    async with running_server(TOKENS, provider=ScriptedModel([])) as server:
        async with opened(server, additional_headers={"Authorization": "Bearer wrong"}) as socket:
            error = App.read(await socket.recv(decode=False)).error
            with pytest.raises(ConnectionClosed):
                await socket.recv()

    assert (error.code, socket.close_code) == ("invalid_api_key", 4401)


async def test_ephemeral_key_opens_one_session():
    model = ScriptedModel([says("Sí.")])
    async with running_server(TOKENS, provider=model) as server:
        options = {"api_key": "good-token-of-ana", "base_url": f"http://127.0.0.1:{server.port}/v1"}
        async with AsyncOpenAI(**options) as back_end:
            secret = await back_end.realtime.client_secrets.create()
        async with app_of(server, api_key=secret.value) as app:
            response = await app.asks("hola")
        subprotocols = ["realtime", f"openai-insecure-api-key.{secret.value}"]
        async with opened(server, subprotocols=subprotocols) as socket:
            again = await first_of(socket)

    assert secret.value.startswith("ek_") and secret.expires_at > 0
    assert said(response) == "Sí." and again == "error"


async def test_ephemeral_key_is_nobodys_without_a_token():
    async with running_server(TOKENS, provider=ScriptedModel([])) as server:
        options = {"api_key": "wrong", "base_url": f"http://127.0.0.1:{server.port}/v1", "max_retries": 0}
        async with AsyncOpenAI(**options) as back_end:
            with pytest.raises(OpenAIError):
                await back_end.realtime.client_secrets.create()


async def test_ephemeral_key_of_an_open_server_will_do():
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server:
        options = {"api_key": "anything", "base_url": f"http://127.0.0.1:{server.port}/v1"}
        async with AsyncOpenAI(**options) as back_end:
            secret = await back_end.realtime.client_secrets.create()
        async with app_of(server, api_key=secret.value) as app:
            assert said(await app.asks("hola")) == "Sí."


async def test_page_of_another_site_is_refused():
    async with running_server(provider=ScriptedModel([])) as server:
        with pytest.raises(Exception, match="403"):
            async with opened(server, origin="https://elsewhere.example"):
                pass


async def test_silent_session_counts_among_those_that_wait_and_a_word_frees_its_place():
    settings = settings_with(llm_provider="demo", max_pending_connections=1)
    async with running_server(settings, provider=ScriptedModel([])) as server, opened(server) as silent:
        assert await first_of(silent) == "session.created"
        assert len(server.service.arrivals) == 1
        await silent.send('{"type":"session.update","session":{}}')
        assert await first_of(silent) == "session.updated"
        assert len(server.service.arrivals) == 0
        async with opened(server) as next_one:
            assert await first_of(next_one) == "session.created"


async def test_session_ends_with_its_socket():
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server:
        async with app_of(server) as app:
            await app.asks("hola")
        async with asyncio.timeout(5):
            await server.is_empty()
