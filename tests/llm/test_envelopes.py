"""Address and headers of requests are those that the package itself would send, made once for each model."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from app.llm.chat_completions import REQUEST_HEADERS
from app.llm.envelopes import Envelopes, body_bytes
from tests.support.azure_standin import AzureStandin
from tests.support.providers import CALCULATE, asks, hears, provider_for


class Kept(httpx2.AsyncBaseTransport):
    """Keeps what it is to send."""

    def __init__(self) -> None:
        self.sent: list[httpx2.Request] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.sent.append(request)
        return httpx2.Response(200, request=request)


def azure(http: httpx2.AsyncClient) -> AsyncOpenAI:
    return AsyncAzureOpenAI(
        azure_endpoint="https://service.example.com/",
        api_key="clave",
        api_version="2024-02-15-preview",
        max_retries=0,
        default_headers=REQUEST_HEADERS,
        http_client=http,
    )


def compatible(http: httpx2.AsyncClient) -> AsyncOpenAI:
    return AsyncOpenAI(
        base_url="http://127.0.0.1:9/v1",
        default_query={"group": "a b"},
        api_key="clave",
        max_retries=0,
        default_headers=REQUEST_HEADERS,
        http_client=http,
    )


@pytest.mark.parametrize("model", ["gpt", "org/model:7b", "mío & tuyo?"])
@pytest.mark.parametrize("client_over", [azure, compatible])
async def test_envelope_is_what_the_package_sends(
    client_over: Callable[[httpx2.AsyncClient], AsyncOpenAI], model: str
):
    kept = Kept()
    async with httpx2.AsyncClient(transport=kept) as http:
        client = client_over(http)
        envelope = await Envelopes(client).of(model)
        assert kept.sent == [], "the request that it is taken from goes nowhere"
        async with client.chat.completions.with_streaming_response.create(
            model=model, messages=(), stream=True
        ):
            [sent] = kept.sent

    headers = {name: value for name, value in sent.headers.items() if name != "content-length"}
    assert (str(envelope.url), envelope.headers) == (str(sent.url), headers)
    assert envelope.service == f"{sent.url.netloc.decode()} {model}"


async def test_envelope_is_made_once_for_each_model_and_address():
    async with httpx2.AsyncClient(transport=Kept()) as http:
        client = compatible(http)
        envelopes = Envelopes(client)
        first = await envelopes.of("a")
        assert await envelopes.of("a") is first
        assert await envelopes.of("b") != first

        client.base_url = "http://127.0.0.1:9/other/v1"
        assert (await envelopes.of("a")).url.path == "/other/v1/chat/completions"


@pytest.mark.parametrize(
    ("value", "arrives"),
    [
        ("¿Qué? 🙂 \u2028", "¿Qué? 🙂 \u2028"),
        ("half \ud83d of it", "half ? of it"),
        (2**80, 2**80),
        ({1: "a"}, {"1": "a"}),
        (0.1, 0.1),
    ],
)
def test_body_arrives_as_it_is_meant(value: Any, arrives: Any):
    body = body_bytes({"messages": [{"role": "user", "content": value}]})

    assert json.loads(body.decode()) == {"messages": [{"role": "user", "content": arrives}]}


@pytest.mark.parametrize("kind", ["azure", "openai"])
async def test_second_request_is_like_the_first(kind: Any):
    async with AzureStandin() as standin, provider_for(kind, standin) as provider:
        for _ in range(2):
            assert (await hears(provider, asks("¿Cuánto?", tools=[CALCULATE]))).completion is not None

    first, second = standin.requests
    assert first.body == second.body
    assert first.body["messages"] == [{"role": "user", "content": "¿Cuánto?"}]
