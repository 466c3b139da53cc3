"""The diagnosis in a browser, where the server asks for a token, and as its operator wants it to look."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import ANSWER_LIMIT_MS, ROOT, ServerProcess

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ADMIN = "token-of-root-0123456789"
USER = "token-of-ana-0123456789"
WORDS = {
    "es-ES": ("Ver el diagnóstico", "no acepta ese token", "no de quien administra", "Todo funciona"),
    "en-US": ("Show the diagnosis", "does not accept that token", "not an administrator", "Everything works"),
}
STORED = "() => [Object.values(sessionStorage), Object.values(localStorage)].flat()"


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[ServerProcess]:
    tokens = f"root={ADMIN}:admin,ana={USER}:user"
    # No address outside is asked: that would be for the network to answer.
    process = ServerProcess(
        API_TOKENS=tokens, PAGE_COLOR="#ffd400", PAGE_TITLE="Paso", TOOLS="calculate", ROOT_PATH="/voice"
    )
    process.start()
    yield process
    process.kill()


@asynccontextmanager
async def arriving(chrome: Browser, url: str, locale: str = "es-ES", **options: bool) -> AsyncIterator[Page]:
    context = await chrome.new_context(locale=locale, viewport={"width": 320, "height": 640}, **options)  # type: ignore[arg-type]
    try:
        page = await context.new_page()
        await page.goto(url)
        yield page
    finally:
        await context.close()


@pytest.mark.parametrize("locale", list(WORDS))
@pytest.mark.parametrize("path", ["/agent/diagnose", "/voice/agent/diagnose"])
async def test_token_opens_the_diagnosis(
    chrome: Browser, guarded_server: ServerProcess, locale: str, path: str
) -> None:
    enter, wrong, other, verdict = WORDS[locale]
    async with arriving(chrome, guarded_server.url + path, locale) as page:
        field, status = page.get_by_label("Token"), page.get_by_role("status")
        await expect(field).to_be_focused()
        for token, sentence in (("nonsense-nonsense", wrong), (USER, other)):
            await field.fill(token)
            await field.press("Enter")
            await expect(status).to_contain_text(sentence, timeout=ANSWER_LIMIT_MS)
        assert await page.evaluate(STORED) == []
        await field.fill(ADMIN)
        await page.get_by_role("button", name=enter).click()
        await expect(page.locator(".verdict")).to_contain_text(verdict, timeout=ANSWER_LIMIT_MS)
        await expect(field).to_have_count(0)
        assert await page.evaluate(STORED) == [ADMIN]
        # It is the talk's token now, and a second look, in the other language too, asks for none.
        await page.get_by_role("link", name="English" if locale == "es-ES" else "Español").click()
        other_verdict = WORDS["en-US" if locale == "es-ES" else "es-ES"][3]
        await expect(page.locator(".verdict")).to_contain_text(other_verdict, timeout=ANSWER_LIMIT_MS)
        await page.get_by_role("navigation").get_by_role("link").first.click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("Paso")
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_a_users_tab_keeps_its_user(chrome: Browser, guarded_server: ServerProcess) -> None:
    async with arriving(chrome, f"{guarded_server.url}/") as page:
        dialog = page.get_by_role("dialog")
        await dialog.get_by_label("Token", exact=True).fill(USER)
        await dialog.get_by_label("Token", exact=True).press("Enter")
        await expect(dialog).to_be_hidden()
        await page.goto(f"{guarded_server.url}/agent/diagnose")
        await expect(page.get_by_role("status")).to_contain_text("no de quien", timeout=ANSWER_LIMIT_MS)
        await page.get_by_label("Token").fill(ADMIN)
        await page.get_by_label("Token").press("Enter")
        await expect(page.locator(".verdict")).to_contain_text("Todo", timeout=ANSWER_LIMIT_MS)
        kept = await page.evaluate(STORED)

    assert USER in kept and ADMIN not in kept


async def test_without_scripts_a_line_says_how(chrome: Browser, guarded_server: ServerProcess) -> None:
    url = f"{guarded_server.url}/agent/diagnose"
    async with arriving(chrome, url, java_script_enabled=False) as page:
        await expect(page.locator("form")).to_be_hidden()
        await expect(page.locator("main")).to_contain_text("curl -H 'Authorization: Bearer TOKEN'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", ["/agent/diagnose", "/nowhere", "/docs"])
async def test_it_can_be_read_in_the_operators_colour(
    chrome: Browser, guarded_server: ServerProcess, scheme: str, path: str
) -> None:
    axe = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not axe.exists():
        pytest.skip("no axe-core: `make node_modules` installs it")
    async with arriving(chrome, guarded_server.url + path) as page:
        await page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        # The page's policy lets no other script in; a test's comes past it.
        await page.evaluate(axe.read_text(encoding="utf-8"))
        found = await page.evaluate(
            "async () => (await axe.run()).violations.map(({ id, nodes }) => [id, nodes[0].html])"
        )
        shown = await page.evaluate("() => getComputedStyle(document.querySelector('nav a')).color")
        width = await page.evaluate("() => document.documentElement.scrollWidth")

    assert found == []
    assert width == 320
    assert shown == ("rgb(255, 212, 0)" if scheme == "dark" else shown) != "rgb(65, 80, 191)"
