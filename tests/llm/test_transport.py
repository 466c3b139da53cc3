import asyncio
import gc
import socket
import ssl
import tracemalloc
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx2
import pytest
import trustme

from app.errors import LlmBadResponse, LlmUnavailable, LlmUntrusted
from app.llm.chat_completions import ConnectionLimits
from app.llm.openai_compatible import OpenAICompatible
from app.llm.retry import RetryPolicy
from app.llm.transport import (
    MAX_REFUSAL_BYTES,
    AiohttpTransport,
    ServiceUnreachable,
    UpstreamBody,
    body_of,
    system_trust,
)
from tests.support.answers import HugeLine, Raw, Reset, Status, Text, gzip_bomb, stall
from tests.support.azure_standin import DEPLOYMENT, KEY, AzureStandin
from tests.support.context import settings_with
from tests.support.providers import Heard, asks, hears, provider_for


@asynccontextmanager
async def transport() -> AsyncIterator[AiohttpTransport]:
    async with AiohttpTransport(connect_timeout_s=0.3) as transport:
        yield transport


async def heard_at(url: str, key: str | None = None) -> Heard:
    """What a provider hears of the service at this address."""
    settings = settings_with(openai_base_url=url, openai_model=DEPLOYMENT, openai_api_key=key)
    limits = ConnectionLimits(connect_timeout_s=0.3)
    provider = OpenAICompatible(settings, limits=limits, retry=RetryPolicy(0))
    try:
        return await hears(provider)
    finally:
        await provider.aclose()


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_port_where_nobody_listens_is_refused(host: str):
    """B28"""
    heard = await heard_at(f"http://{host}:{closed_port()}/v1")

    assert type(heard.error) is LlmUnavailable
    assert heard.error.facts.startswith("refused:")
    assert heard.error.retryable


async def test_host_that_does_not_exist_is_a_dns_failure():
    """B28"""
    heard = await heard_at("http://nope.invalid/v1")

    assert type(heard.error) is LlmUnavailable
    assert heard.error.facts.startswith("dns:")


async def test_host_that_never_answers_is_a_timeout_within_the_connect_limit():
    """B28: a listening socket whose backlog is full drops further connections without a word."""
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        fillers = [socket.socket() for _ in range(4)]
        for filler in fillers:
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        heard = await heard_at(f"http://127.0.0.1:{full.getsockname()[1]}/v1")
        for filler in fillers:
            filler.close()

    assert type(heard.error) is LlmUnavailable
    assert heard.error.facts.startswith("timeout:")


async def test_proxy_of_the_environment_is_used_and_may_be_bypassed(monkeypatch: pytest.MonkeyPatch):
    async with AzureStandin() as proxy:
        proxy.script(Text("por el proxy"))
        monkeypatch.setenv("http_proxy", f"127.0.0.1:{proxy.server.port}")
        monkeypatch.setenv("no_proxy", "direct.invalid")

        through = await heard_at("http://model.invalid/v1", KEY)
        past = await heard_at("http://direct.invalid/v1", KEY)

    assert through.text == "por el proxy"
    assert proxy.requests[0].headers["host"] == "model.invalid"
    assert past.error is not None and past.error.facts.startswith("dns:")


async def test_key_goes_out_whatever_a_netrc_file_says(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with AzureStandin() as standin:
        standin.script(Text("Hola"))
        async with provider_for("openai", standin) as provider:
            assert (await hears(provider)).text == "Hola"

        assert standin.requests[0].headers["authorization"] == f"Bearer {KEY}"


def server_context(authority: trustme.CA, *names: str, expired: bool = False) -> ssl.SSLContext:
    yesterday = datetime.now(UTC) - timedelta(days=1)
    cert = authority.issue_cert(*names, not_after=yesterday if expired else None)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    cert.configure_cert(context)
    return context


@pytest.fixture
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[trustme.CA]:
    """An authority that this machine trusts."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    system_trust.cache_clear()
    yield authority
    system_trust.cache_clear()


async def test_service_with_a_good_certificate_is_spoken_to(trusted: trustme.CA):
    """B29: the other side of the refusals below."""
    async with AzureStandin(server_context(trusted, "127.0.0.1")) as standin:
        standin.script(Text("Hola"))
        async with provider_for("azure", standin) as provider:
            assert (await hears(provider)).text == "Hola"


@pytest.mark.parametrize(
    ("name", "expired", "is_trusted"),
    [("127.0.0.1", False, False), ("other.example", False, True), ("127.0.0.1", True, True)],
    ids=["unknown authority", "wrong name", "expired"],
)
async def test_bad_certificate_ends_the_talk_before_the_key_is_sent(
    trusted: trustme.CA, name: str, expired: bool, is_trusted: bool
):
    """B29"""
    authority = trusted if is_trusted else trustme.CA()
    async with AzureStandin(server_context(authority, name, expired=expired)) as standin:
        async with provider_for("openai", standin) as provider:
            heard = await hears(provider)

        assert type(heard.error) is LlmUntrusted
        assert heard.error.facts.startswith("tls:")
        assert not heard.error.retryable
        assert standin.requests == []


async def test_tls_to_a_port_that_speaks_plain_http_is_a_tls_failure():
    """B29"""
    async with AzureStandin() as standin:
        heard = await heard_at(f"https://127.0.0.1:{standin.server.port}/v1")

    assert type(heard.error) is LlmUntrusted


async def test_plain_http_to_a_port_that_speaks_tls_is_no_answer(trusted: trustme.CA):
    """B29"""
    async with AzureStandin(server_context(trusted, "127.0.0.1")) as standin:
        heard = await heard_at(f"http://127.0.0.1:{standin.server.port}/v1")

        assert type(heard.error) is LlmUnavailable
        assert standin.requests == []


async def test_answer_that_is_no_http_is_a_bad_response():
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"220 mail.example ESMTP\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        heard = await heard_at(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1")

    assert type(heard.error) is LlmBadResponse
    assert heard.error.facts.startswith("not_http:")


@pytest.mark.parametrize("answer", [HugeLine(), gzip_bomb()], ids=["huge line", "gzip bomb"])
async def test_hostile_answer_takes_little_memory(answer: HugeLine | Raw):
    """B19, B20"""
    async with AzureStandin() as standin, provider_for("openai", standin) as provider:
        await hears(provider)
        standin.script(answer)
        tracemalloc.start()
        heard = await hears(provider)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert type(heard.error) is LlmBadResponse
    assert peak < 8 * 1024 * 1024


async def test_refusal_is_read_no_further_than_its_limit():
    """B20"""
    async with AzureStandin() as standin, transport() as client:
        standin.script(Status(500, body=b"x" * 10 * MAX_REFUSAL_BYTES))
        request = httpx2.Request("POST", f"{standin.url}/v1/chat/completions", headers=auth(), json=body())
        response = await client.handle_async_request(request)

        assert (response.status_code, len(response.content)) == (500, MAX_REFUSAL_BYTES)


async def test_compressed_refusal_is_not_unpacked():
    """B20"""
    async with AzureStandin() as standin, transport() as client:
        standin.script(Status(500, {"content-encoding": "gzip"}, b"\x1f\x8b rubbish"))
        request = httpx2.Request("POST", f"{standin.url}/v1/chat/completions", headers=auth(), json=body())
        response = await client.handle_async_request(request)

        assert (response.status_code, response.content) == (500, b"")


async def test_aborted_body_wakes_the_one_who_reads_it():
    async with AzureStandin() as standin, transport() as client:
        standin.script(stall("uno"))
        request = httpx2.Request("POST", f"{standin.url}/v1/chat/completions", headers=auth(), json=body())
        response = await client.handle_async_request(request)
        upstream = body_of(response)
        await upstream.read()
        asyncio.get_running_loop().call_soon(upstream.abort)

        with pytest.raises(ServiceUnreachable) as caught:
            await upstream.read()

    assert caught.value.reason == "disconnected"


async def test_aborted_body_leaves_nothing_behind():
    """E14: the library fails all reads of closed bodies with one exception, which would hold on to each."""
    async with AzureStandin() as standin, transport() as client:
        bodies = [weakref.ref(await aborted_body(standin, client)) for _ in range(2)]
        gc.collect()

        assert [upstream() for upstream in bodies] == [None, None]


async def aborted_body(standin: AzureStandin, client: AiohttpTransport) -> UpstreamBody:
    """A body that was given up while somebody read it."""
    standin.script(stall("uno"))
    request = httpx2.Request("POST", f"{standin.url}/v1/chat/completions", headers=auth(), json=body())
    upstream = body_of(await client.handle_async_request(request))
    await upstream.read()
    asyncio.get_running_loop().call_soon(upstream.abort)
    with pytest.raises(ServiceUnreachable):
        await upstream.read()
    return upstream


async def test_new_connection_that_breaks_is_told_from_an_old_one():
    """B31: only the old one is nobody's fault."""
    async with AzureStandin() as standin, transport() as client:
        request = httpx2.Request("POST", f"{standin.url}/v1/chat/completions", headers=auth(), json=body())
        kept_alive: list[bool] = []
        for _ in range(2):
            standin.script(Reset())
            with pytest.raises(ServiceUnreachable) as caught:
                await client.handle_async_request(request)
            kept_alive.append(caught.value.was_kept_alive)
            await (await client.handle_async_request(request)).aread()

    assert kept_alive == [False, True]


def auth() -> dict[str, str]:
    return {"authorization": "Bearer standin-key-0123456789"}


def body() -> dict[str, object]:
    return {"model": "standin-gpt", "stream": True, "messages": asks().messages}
