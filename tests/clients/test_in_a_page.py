"""The stock client of OpenAI's agents library in a browser, which has the subprotocol alone for its key."""

import base64
from collections.abc import AsyncIterator, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
import pytest_asyncio
from openai import AsyncOpenAI
from playwright.async_api import Browser

from config.settings import Settings
from tests.clients.test_stock_clients import HERE, answer, environment_of
from tests.realtime.test_sound import LONG, spoken
from tests.support.browser import launched
from tests.support.context import settings_with
from tests.support.ears import silence
from tests.support.scripted import ScriptedModel
from tests.support.server import Server, running_server

pytestmark = [pytest.mark.alone, pytest.mark.timeout(120)]

TOKEN = "good-token-of-ana"
BUNDLE = "node_modules/@openai/agents-realtime/dist/bundle"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


class Quiet(SimpleHTTPRequestHandler):
    """Gives out files without a word."""

    def log_message(self, format: str, *args: Any) -> None:
        """See the class."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[str]:
    """Another origin than the server's: a page that has the library, unchanged, and our few lines with it."""
    bundle = environment_of("node") / BUNDLE
    for file in (*bundle.glob("*.mjs"), HERE / "agents_in_a_page.mjs"):
        (tmp_path / file.name).symlink_to(file.resolve())
    (tmp_path / "index.html").write_text("<!doctype html><title>app</title>")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path))) as files:
        serving = Thread(target=files.serve_forever)
        serving.start()
        try:
            yield f"http://127.0.0.1:{files.server_port}"
        finally:
            files.shutdown()
            serving.join()


def settings_for(site: str) -> Settings:
    return settings_with(
        llm_provider="demo",
        realtime_client_instructions=True,
        api_tokens=f"ana={TOKEN}:user",
        allowed_origins=site,
    )


async def key_for(server: Server) -> str:
    """What a back end gives a page: good once."""
    async with AsyncOpenAI(api_key=TOKEN, base_url=f"http://127.0.0.1:{server.port}/v1") as back_end:
        return (await back_end.realtime.client_secrets.create()).value


async def told_by(chrome: Browser, site: str, what: str, server: Server, *more: str) -> dict[str, Any]:
    """What the page says at the end."""
    page = await chrome.new_page()
    try:
        await page.goto(site)
        called = f"async (given) => (await import('/agents_in_a_page.mjs')).{what}(...given)"
        url = f"ws://127.0.0.1:{server.port}/v1/realtime"
        return await page.evaluate(called, [url, await key_for(server), *more])
    finally:
        await page.close()


@pytest.mark.asyncio(loop_scope="module")
async def test_library_in_a_page_talks_and_has_its_tool_called(chrome: Browser, site: str):
    model = ScriptedModel(answer)
    async with running_server(settings_for(site), provider=model, tools=[]) as server:
        told = await told_by(chrome, site, "reads", server)

    assert told["errors"] == [] and told["protocol"] == "realtime"
    assert told["calls"] == ["Vigo"]
    assert "It rains." in told["answers"]
    assert "Be brief." in model.requests[0].messages[0]["content"]


@pytest.mark.asyncio(loop_scope="module")
async def test_library_in_a_page_is_heard_hears_and_is_interrupted(chrome: Browser, site: str):
    async with spoken(LONG, "Dime.", settings=settings_for(site), api_key=TOKEN) as talk:
        words = ("buenos días.", "espera un momento por favor.")
        sounds = [b"".join((talk.vocabulary.sound(word, 450), silence(2250))) for word in words]
        given = [base64.b64encode(sound).decode() for sound in sounds]
        told = await told_by(chrome, site, "hears", talk.server, *given)

    assert told["errors"] == [] and told["interruptions"] >= 1
    assert told["texts"]["user"] == list(words)
    assert told["before"] > 0 and told["texts"]["assistant"][-1] == "Dime."
    # What the library says was heard of the first answer is what the model was told.
    heard = [m["content"] for m in talk.model.requests[1].messages if m["role"] == "assistant"]
    assert len(heard) == 1 and LONG.startswith(heard[0]) and 0 < len(heard[0]) < len(LONG)
