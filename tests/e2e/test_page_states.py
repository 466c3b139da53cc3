"""The page in its twelve states, in both languages and themes: nothing for axe to find, room at every width.

It makes pictures of all of them: into the folder that `PAGE_PICTURES` names, else into a temporary one.
"""

import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from app.errors import LlmUnavailable
from app.voice.readiness import HalfState, VoiceParts
from tests.client.test_client_library import MODULES
from tests.e2e.conftest import database_in
from tests.e2e.test_page_readers import WIDER_THAN_THE_WINDOW
from tests.e2e.test_page_voice import STORY, engines_of, in_front_of
from tests.support.browser import ANSWER, ANSWER_LIMIT_MS, ServerProcess, Visitor, launched, visiting
from tests.support.context import settings_with
from tests.support.loud_ears import LoudVocabulary
from tests.support.page_sound import FAKE_DEVICES
from tests.support.scripted import Answer, Fails, Pause, Says, ScriptedModel, calls, says
from tests.support.server import running_server
from tests.support.talk import Workshop

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(180),
]

AXE = MODULES / "axe-core" / "axe.min.js"
WIDTHS = (320, 390, 640, 768, 1280)
"""In CSS pixels; 640 is a window of 1280 at 200 %."""

WORDS = {
    "es": {
        "question": "Compara el tren y el avión para ir de Madrid a Sevilla",
        "answer": "## Madrid – Sevilla\n\n| | Tren | Avión |\n|:--|--:|--:|\n| Tiempo | 2 h 30 | 3 h |\n"
        "| Precio | 45 € | 80 € |\n\nYo iría **en tren**:\n\n- sale del centro\n- llega al centro\n\n",
        "more": "Si quieres, miro los horarios de",
        "slow": "Prueba una llamada lenta de 20 segundos",
        "sum": "Mientras tanto, ¿cuánto es 12*12?",
        "search": "Conversaciones",
        "pay": "Transfiere 40 € a Ana",
        "lost": "¿Sigues ahí?",
        "profile": "Tu perfil",
        "name": "Nombre",
    },
    "en": {
        "question": "Compare train and plane from Madrid to Seville",
        "answer": "## Madrid – Seville\n\n| | Train | Plane |\n|:--|--:|--:|\n| Time | 2 h 30 | 3 h |\n"
        "| Price | €45 | €80 |\n\n"
        "I would go **by train**:\n\n- it leaves from the centre\n- it arrives there too\n\n",
        "more": "If you like, I can look up the times of",
        "slow": "Try a slow call of 20 seconds",
        "sum": "Meanwhile, what is 12*12?",
        "search": "Conversations",
        "pay": "Transfer €40 to Ana",
        "lost": "Are you still there?",
        "profile": "Your profile",
        "name": "Name",
    },
}

Words = dict[str, str]
State = Callable[..., AbstractAsyncContextManager[Page]]
STATES: dict[str, State] = {}
FORGIVEN = ("WebSocket connection", "Failed to load resource", "CLOSING or CLOSED")


def state(make: State) -> State:
    STATES[make.__name__] = make
    return make


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


def tag(locale: str) -> str:
    return {"es": "es-ES", "en": "en-GB"}[locale]


@asynccontextmanager
async def demo(chrome: Browser, locale: str, **settings: str) -> AsyncIterator[tuple[Visitor, ServerProcess]]:
    server = ServerProcess(AGENT_LOCALE=locale, **settings)
    server.start()
    try:
        async with visiting(
            chrome, server.url, locale=tag(locale), width=1280, height=860, forgiven=FORGIVEN
        ) as visitor:
            yield visitor, server
    finally:
        server.kill()


@asynccontextmanager
async def scripted(
    chrome: Browser, locale: str, *script: Answer, tools: list[Any] | None = None, **settings: Any
) -> AsyncIterator[Visitor]:
    chosen = settings_with(agent_locale=locale, **settings)
    async with (
        running_server(chosen, provider=ScriptedModel(list(script)), tools=tools or []) as server,
        visiting(
            chrome, f"http://127.0.0.1:{server.port}", locale=tag(locale), width=1280, height=860,
            forgiven=FORGIVEN,
        ) as visitor,
    ):  # fmt: skip
        yield visitor


@state
@asynccontextmanager
async def empty(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with demo(chrome, locale) as (visitor, _):
        yield visitor.page


@state
@asynccontextmanager
async def streaming(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with scripted(chrome, locale, [Says(words["answer"]), Says(words["more"]), Pause(120)]) as visitor:
        await visitor.says(words["question"])
        await visitor.reads(visitor.growing, words["more"])
        yield visitor.page


@state
@asynccontextmanager
async def slow_tool(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with demo(chrome, locale, TOOL_PROGRESS_INTERVAL_S="1") as (visitor, _):
        await visitor.says(words["slow"])
        await expect(visitor.tools).to_have_attribute("data-status", "running", timeout=ANSWER_LIMIT_MS)
        await visitor.says(words["sum"])
        await visitor.reads(visitor.answer_to("12*12"), "144")
        await expect(visitor.tools.first.get_by_role("progressbar")).to_be_visible(timeout=ANSWER_LIMIT_MS)
        yield visitor.page


@state
@asynccontextmanager
async def approval(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    tool = Workshop().tool("transfer", "write")
    script = calls(("transfer", {"tag": "ES91 2100 0418 4502 0005 1332 · 40 €"}))
    later = [says(words["more"])] * 3
    async with scripted(chrome, locale, script, *later, tools=[tool], tool_approval="writes") as visitor:
        await visitor.says(words["pay"])
        await expect(visitor.log.locator("approval-card")).to_be_visible(timeout=ANSWER_LIMIT_MS)
        yield visitor.page


@state
@asynccontextmanager
async def error(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with scripted(chrome, locale, [Fails(LlmUnavailable("down"))]) as visitor:
        await visitor.says(words["question"])
        await expect(visitor.log.locator(".inline-error")).to_be_visible(timeout=ANSWER_LIMIT_MS)
        yield visitor.page


@state
@asynccontextmanager
async def offline(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with demo(chrome, locale) as (visitor, server):
        await visitor.says(words["sum"])
        await visitor.reads(visitor.answer_to("12*12"), "144")
        server.kill()
        await expect(visitor.page.locator("[data-part=connection]")).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await visitor.says(words["lost"])
        yield visitor.page


@asynccontextmanager
async def kept(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Visitor]:
    """Somebody with a talk in the list, on a new page."""
    async with demo(chrome, locale, DATABASE_URL=database_in(folder)) as (visitor, _):
        await visitor.says(words["sum"])
        await visitor.reads(visitor.answer_to("12*12"), "144")
        await expect(visitor.page.locator(".talk-open[aria-current]")).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await visitor.page.locator("[data-part=talks-new]").click()
        await expect(visitor.exchanges).to_have_count(0)
        yield visitor


@state
@asynccontextmanager
async def reopened(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with kept(chrome, locale, words, folder) as visitor:
        await visitor.page.locator(".talk-open").first.click()
        await expect(visitor.log.locator(ANSWER)).to_have_count(1, timeout=ANSWER_LIMIT_MS)
        await visitor.tools.locator("summary").click()
        yield visitor.page


@state
@asynccontextmanager
async def talks_list(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with kept(chrome, locale, words, folder) as visitor:
        await visitor.page.locator(".talk-open").first.hover()
        yield visitor.page


@state
@asynccontextmanager
async def profile(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with kept(chrome, locale, words, folder) as visitor:
        await visitor.page.get_by_role("button", name=words["profile"]).click()
        await visitor.page.get_by_label(words["name"], exact=True).fill("Ana")
        yield visitor.page


@asynccontextmanager
async def voiced(chrome: Browser, locale: str, *script: Answer) -> AsyncIterator[Any]:
    chosen = settings_with(agent_locale=locale)
    parts = VoiceParts(chosen)
    parts.status, parts.halves = "ready", {"in": HalfState("ready"), "out": HalfState("ready")}
    vocabulary = LoudVocabulary()
    async with (
        running_server(
            chosen,
            provider=ScriptedModel(list(script)),
            tools=[],
            engines=engines_of(vocabulary),
            voice=parts,
        ) as server,
        in_front_of(
            chrome, server, vocabulary, locale=tag(locale), width=1280, height=860, forgiven=FORGIVEN
        ) as person,
    ):
        person.bar = person.page.locator("[data-part=voice-bar]")
        await person.begins()
        yield person


@state
@asynccontextmanager
async def voice_listening(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with voiced(chrome, locale) as person:
        await person.page.locator("[data-part=voice-more]").click()
        await person.page.locator("[data-mode=manual]").click()
        yield person.page


@state
@asynccontextmanager
async def voice_speaking(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    async with voiced(chrome, locale, says(f"{STORY} " * 8)) as person:
        await person.says("hora?")
        await expect(person.page.locator("[data-part=voice-now][data-who=agent]")).to_be_visible(
            timeout=ANSWER_LIMIT_MS
        )
        yield person.page


@state
@asynccontextmanager
async def token_dialog(chrome: Browser, locale: str, words: Words, folder: Path) -> AsyncIterator[Page]:
    server = ServerProcess(AGENT_LOCALE=locale, API_TOKENS="ana=token-of-ana-0123456789:user")
    server.start()
    context = await chrome.new_context(locale=tag(locale), viewport={"width": 1280, "height": 860})
    try:
        page = await context.new_page()
        await page.goto(server.url)
        await expect(page.locator("dialog[data-part=token]")).to_be_visible(timeout=ANSWER_LIMIT_MS)
        yield page
    finally:
        await context.close()
        server.kill()


FINDINGS = """async () => {
    const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
    const { violations } = await axe.run(document, { runOnly: tags, resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) =>
        `${id}: ${html.slice(0, 160)} ${failureSummary.slice(0, 300)}`));
}"""


async def looked_at(page: Page, name: str, theme: str, pictures: Path) -> list[str]:
    """What axe finds in a theme; a picture stays."""
    await page.set_viewport_size({"width": 1280, "height": 860})
    await page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # pyright: ignore[reportArgumentType]
    await page.screenshot(path=pictures / f"{name}-{theme}.png", animations="disabled")
    return [f"{theme}: {finding}" for finding in await page.evaluate(FINDINGS)]


@pytest.mark.parametrize("locale", ["es", "en"])
@pytest.mark.parametrize("name", list(STATES) or ["none"])
async def test_state_has_nothing_for_axe_to_find_and_room_at_every_width(
    chrome: Browser, name: str, locale: str, tmp_path: Path
) -> None:
    if not AXE.is_file():
        pytest.skip("the npm package axe-core is not installed")
    pictures = Path(os.environ.get("PAGE_PICTURES") or tmp_path)
    async with STATES[name](chrome, locale, WORDS[locale], tmp_path) as page:
        await page.evaluate(AXE.read_text(encoding="utf-8"))
        found = [
            finding
            for theme in ("light", "dark")
            for finding in await looked_at(page, f"{name}-{locale}", theme, pictures)
        ]
        too_wide = []
        for width in WIDTHS:
            await page.set_viewport_size({"width": width, "height": 720})
            too_wide += [f"{width}: {each}" for each in await page.evaluate(WIDER_THAN_THE_WINDOW)]
            if width in (320, 768):
                await page.screenshot(path=pictures / f"{name}-{locale}-{width}.png")
        await page.emulate_media(forced_colors="active")
        await page.screenshot(path=pictures / f"{name}-{locale}-forced.png")

    assert found == [], "\n".join(found)
    assert too_wide == []
