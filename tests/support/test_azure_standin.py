import asyncio
import sys

import pytest

from app.llm.openai_compatible import OpenAICompatible
from tests.support.answers import Text
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.providers import asks, hears, provider_for


async def test_step_that_nobody_asked_for_fails_the_test():
    with pytest.raises(AssertionError, match="nobody asked for"):
        async with AzureStandin() as standin:
            standin.script(Text("Hola"))


async def test_request_that_the_service_would_refuse_is_noted_and_takes_no_step():
    async with AzureStandin() as standin, provider_for("azure", standin) as provider:
        standin.script(Text("Hola"))
        await hears(provider, asks(""))
        request = asks()
        function = {"name": "no such name", "arguments": "{}"}
        called = [{"id": "a", "type": "function", "function": function}]
        request.messages.append({"role": "assistant", "content": None, "tool_calls": called})
        refused = await hears(provider, request)

        assert refused.error is not None
        assert standin.violations == ["messages[1]: a function name must match [A-Za-z0-9_-]{1,64}"]


async def test_stand_in_runs_as_a_process_of_its_own():
    command = [sys.executable, "-m", "tests.support.azure_standin", "--tokens", "3"]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    url = (await process.stdout.readline()).decode().strip()
    settings = settings_with(openai_base_url=f"{url}/v1", openai_api_key="standin-key-0123456789")
    provider = OpenAICompatible(settings)

    heard = await hears(provider)
    await provider.aclose()
    process.kill()
    await process.wait()

    assert heard.pieces == ["t0 ", "t1 ", "t2 "]
