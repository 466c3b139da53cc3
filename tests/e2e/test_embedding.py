"""The agent in a page of another site, as docs/embed.md says: its samples, in a real Chromium."""

import re
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.speech.models.readiness import HalfState, VoiceParts
from tests.e2e.test_page_voice import engines_of, said_ms
from tests.support.browser import ANSWER_LIMIT_MS, launched
from tests.support.context import settings_with
from tests.support.ears import silence
from tests.support.loud_ears import LoudVocabulary
from tests.support.page_sound import FAKE_DEVICES, with_loudspeaker, with_microphone
from tests.support.scripted import ScriptedModel, says
from tests.support.server import running_server
from tests.support.voices import MS_PER_WORD

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

DOCS = Path(__file__).parents[2] / "docs" / "embed.md"
BUTTON = '<button type="button" id="talk">Talk</button>'


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


def sample(language: str) -> str:
    """The one block of the page in that language."""
    [block] = re.findall(
        rf"^```{language}\n(.*?)^```$", DOCS.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE
    )
    return block


class Shop:
    """A site of its own; what it shows may be set once the agent's port is known."""

    html = ""
    url = ""


@contextmanager
def shop() -> Iterator[Shop]:
    site = Shop()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = self.path == "/"
            self.send_response(200 if found else 204)
            if found:
                self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(site.html.encode() if found else b"")

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    site.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield site
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


async def opened(page: Page, site: Shop) -> list[str]:
    """Opens the shop; what the browser complains about goes into the list."""
    complaints: list[str] = []
    page.on("console", lambda m: complaints.append(m.text) if m.type == "error" else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    await page.goto(site.url)
    return complaints


async def asks(page: Page, text: str) -> None:
    await page.get_by_label("Your message").fill(text)
    await page.get_by_role("button", name="Send").click()


async def test_chat_of_another_site_is_answered_and_goes_on_after_a_reload(chrome: Browser) -> None:
    with shop() as site:
        settings = settings_with(llm_provider="demo", allowed_origins=site.url)
        async with running_server(settings) as server:
            site.html = sample("html").replace("localhost:8000", f"127.0.0.1:{server.port}")
            page = await chrome.new_page()
            complaints = await opened(page, site)
            await asks(page, "calculate 2+2")
            await expect(page.locator("main p").first).to_contain_text("4", timeout=ANSWER_LIMIT_MS)
            await page.reload()
            await asks(page, "calculate 20+3")
            await expect(page.locator("main p").last).to_contain_text("23", timeout=ANSWER_LIMIT_MS)
            await expect(page.locator("main p")).to_have_count(1)
            assert len(server.service.sessions) == 1  # one talk over the reload
            await page.close()
    assert complaints == []


async def test_sites_that_are_not_named_are_turned_away(chrome: Browser) -> None:
    with shop() as site:
        async with running_server(settings_with(llm_provider="demo")) as server:
            site.html = sample("html").replace("localhost:8000", f"127.0.0.1:{server.port}")
            page = await chrome.new_page()
            complaints = await opened(page, site)
            await expect(page.get_by_label("Your message")).to_be_visible()
            await asks(page, "calculate 2+2")
            await page.wait_for_load_state("networkidle")
            assert any("CORS" in text for text in complaints)
            await expect(page.locator("main p")).to_have_count(0)
            await page.close()


async def test_agent_is_talked_to_aloud_from_another_site(chrome: Browser) -> None:
    with shop() as site:
        settings = settings_with(allowed_origins=site.url)
        parts = VoiceParts(settings)
        parts.status, parts.halves = "ready", {"in": HalfState("ready"), "out": HalfState("ready")}
        vocabulary = LoudVocabulary()
        model = ScriptedModel([says("Las dos.")])
        async with running_server(
            settings, provider=model, tools=[], engines=engines_of(vocabulary), voice=parts
        ) as server:
            script = f"{sample('javascript')}</script>"
            page_text = sample("html").replace("<script", f"{BUTTON}\n<script").replace("</script>", script)
            site.html = page_text.replace("localhost:8000", f"127.0.0.1:{server.port}")
            page = await chrome.new_page()
            loudspeaker = await with_loudspeaker(page)
            say = await with_microphone(page)
            complaints = await opened(page, site)
            heard: list[str] = []
            page.on("console", lambda m: heard.append(m.text))
            await page.locator("#talk").click()
            await page.wait_for_function("() => window.say !== undefined")
            await say(vocabulary.sound("hora?") + silence(1200))
            await expect(page.locator("main p").first).to_contain_text("Las dos.", timeout=ANSWER_LIMIT_MS)
            await loudspeaker.until(lambda pcm, rate: said_ms(pcm, rate, "dos.") > MS_PER_WORD * 0.8)
            assert "heard: hora?" in heard
            await page.close()
    assert complaints == []
    assert model.invalid == []
