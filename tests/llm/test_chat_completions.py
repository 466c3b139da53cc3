import logging

import httpx2
import pytest

from app.llm.chat_completions import http_client
from app.llm.retry import RetryPolicy
from app.llm.transport import AiohttpTransport
from tests.support.answers import Status, Text
from tests.support.azure_standin import AzureStandin
from tests.support.providers import CALCULATE, asks, hears, provider_for

# What both services have in common is in test_provider_contract.py.


async def test_client_follows_no_redirect_and_sets_no_timers():
    async with http_client(AiohttpTransport(1)) as client:
        assert not client.follow_redirects
        assert client.timeout == httpx2.Timeout(None)


async def test_model_without_tools_is_talked_to_without_them():
    """A small model on one's own machine: a talk without tools is better than none."""
    refusal = Status(400, message="registry.example/gemma does not support tools")
    async with AzureStandin() as standin, provider_for("openai", standin) as provider:
        standin.script(refusal, Text("Hola"), Text("otra vez"))
        heard = [await hears(provider, asks(tools=[CALCULATE])) for _ in range(2)]

    assert [h.text for h in heard] == ["Hola", "otra vez"]
    assert ["tools" in request.body for request in standin.requests] == [True, False, False]


async def test_each_retry_and_each_refused_parameter_is_one_log_line(caplog: pytest.LogCaptureFixture):
    async with AzureStandin() as standin, provider_for("openai", standin, temperature=1) as provider:
        standin.refused_parameters = {"temperature"}
        standin.script(Status(503), Text("Hola"))
        with caplog.at_level(logging.INFO, "app"):
            await hears(provider)

    ours = [record for record in caplog.records if record.name.startswith("app")]
    assert [record.message for record in ours] == ["llm_parameter_refused", "llm_retry"]
    assert sum(provider.retries.values()) == 1
    assert "status=503" in ours[1].cause  # type: ignore[attr-defined]


async def test_tokens_are_not_logged(caplog: pytest.LogCaptureFixture):
    async with AzureStandin() as standin, provider_for("openai", standin, retry=RetryPolicy(0)) as provider:
        standin.script(Text("confidencial " * 50))
        with caplog.at_level(logging.INFO):
            await hears(provider)

    assert "confidencial" not in caplog.text
    assert len(caplog.records) < 5
