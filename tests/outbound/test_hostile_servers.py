"""Every HTTP client of the server against servers that never come to an end: others go on meanwhile.

The bounds are ten times what is aimed at: a stall of 50 ms, 16 MiB that stay.
"""

import asyncio
import dataclasses
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.errors import AgentError
from app.llm.base import ChatRequest
from app.llm.openai_compatible import OpenAICompatible
from app.outbound.httpx_transports import operator_client, release_client
from app.services.upkeep.endpoints import try_endpoint
from app.speech.engines.azure import AzureSpeech
from app.speech.models.catalogue import ModelFile
from app.speech.models.fetching import LIMITS, FetchError, ReleaseSource
from app.tools import make_http_request
from app.tools.base import ToolError
from app.tools.support.operator_http import EndpointFailed, get_bytes
from tests.support.context import arguments_of, settings_with, tool_context
from tests.support.hostile_http import MODES, hostile_server

CALLS = 16
LIMIT_S = 1.0
STALL_S = 0.5
MIB = 1 << 20
STAYS_BYTES = 160 * MIB


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with hostile_server() as port:
        yield port


Ask = Callable[[], Awaitable[object]]


@pytest.fixture
def frozen_heap() -> Iterator[None]:
    """Keep what earlier tests left from the collector, as the server does with what it starts with."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


@asynccontextmanager
async def by_tool(url: str) -> AsyncIterator[Ask]:
    settings = settings_with(http_tool_allowed_private="127.0.0.1")
    args = arguments_of(make_http_request.run, url=url)
    async with tool_context(settings, timeout_s=LIMIT_S * 2) as ctx:

        async def ask() -> object:
            own = dataclasses.replace(ctx, deadline=ctx.clock.monotonic() + LIMIT_S * 2)
            return await make_http_request.run.run(args, own)

        yield ask


@asynccontextmanager
async def by_operator(url: str) -> AsyncIterator[Ask]:
    async with tool_context() as ctx:
        yield lambda: get_bytes(ctx, httpx.URL(url), timeout_s=LIMIT_S)


@asynccontextmanager
async def by_diagnosis(url: str) -> AsyncIterator[Ask]:
    async with operator_client(LIMIT_S) as http:
        yield lambda: try_endpoint(http, "WEATHER_URL", url)


@asynccontextmanager
async def by_model(url: str) -> AsyncIterator[Ask]:
    settings = settings_with(
        openai_base_url=f"{url}/v1",
        openai_model="m",
        llm_max_retries=0,
        llm_first_token_timeout_s=LIMIT_S,
        llm_stall_timeout_s=LIMIT_S,
    )
    provider = OpenAICompatible(settings)

    async def ask() -> None:
        async for _ in provider.stream(ChatRequest(messages=[{"role": "user", "content": "hello"}])):
            pass

    async with aclosing(provider):
        yield ask


@asynccontextmanager
async def by_speech(url: str) -> AsyncIterator[Ask]:
    settings = settings_with(
        azure_openai_endpoint=url,
        azure_openai_api_key="key",
        azure_openai_tts_deployment="tts",
        azure_openai_deployment_name="gpt",
    )
    speech = AzureSpeech(settings, "AZURE_OPENAI_TTS_DEPLOYMENT", LIMIT_S)

    def create(client: Any, model: str) -> Any:
        streamed = client.audio.speech.with_streaming_response
        return streamed.create(model=model, voice="alloy", input="hello")

    async with aclosing(speech):
        yield lambda: speech.whole(create, max_bytes=MIB)


CLIENTS = {"tool": by_tool, "operator": by_operator, "diagnosis": by_diagnosis, "model": by_model,
           "speech": by_speech}  # fmt: skip


def resident_bytes() -> int:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


async def longest_stall_s(work: Ask) -> float:
    """The longest that a task which only wants to go on had to wait while the work was done.

    In the loop's own CPU time: what other processes take of the machine does not count.
    """
    longest = 0.0
    done = asyncio.Event()

    async def look_on() -> None:
        nonlocal longest
        last = time.thread_time()
        while not done.is_set():
            await asyncio.sleep(0.001)
            now = time.thread_time()
            longest, last = max(longest, now - last), now

    onlooker = asyncio.create_task(look_on())
    await work()
    done.set()
    await onlooker
    return longest


ENDLESS_HEADS = [mode for mode in MODES if mode[:3].isdigit()] + ["headers", "header", "status", "blank"]
# Two clients stand on another's connections; what they do themselves is shown by the heads.
PAIRS = [(mode, client) for mode in MODES for client in CLIENTS
         if client not in ("diagnosis", "speech") or mode in (*ENDLESS_HEADS, "tiny")]  # fmt: skip


@pytest.mark.usefixtures("frozen_heap")
@pytest.mark.parametrize(("mode", "client"), PAIRS)
async def test_server_without_end_keeps_nobody_waiting(port: int, mode: str, client: str):
    async with CLIENTS[client](f"http://127.0.0.1:{port}/{mode}") as ask:

        async def bounded() -> None:
            # Some of what these servers send is an answer; how it is told is for other tests.
            with suppress(ToolError, EndpointFailed, AgentError):
                async with asyncio.timeout(LIMIT_S * 8):
                    await ask()

        async def crowd() -> None:
            await asyncio.gather(*(bounded() for _ in range(CALLS)))

        await bounded()  # what is loaded once does not count
        before = resident_bytes()

        stall_s = await longest_stall_s(crowd)

        assert stall_s < STALL_S
        assert resident_bytes() - before < STAYS_BYTES


@pytest.mark.parametrize("mode", [*ENDLESS_HEADS, "redirects"])
def test_download_of_a_model_ends(port: int, mode: str, tmp_path: Path):
    file = ModelFile("a.bin", 1, "0" * 64, f"http://127.0.0.1:{port}/{mode}", ())

    with release_client(LIMITS) as http, pytest.raises(FetchError):
        ReleaseSource(http, lambda _: None).fetch(file, tmp_path, lambda _: None)
