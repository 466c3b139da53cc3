"""A page that looks as its operator wants, in a real browser."""

from collections.abc import Iterator

import pytest
from playwright.async_api import Browser, expect

from app.router.page_colors import page_colors
from tests.support.browser import HandshakeInfo, ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

COLOR = "#ffd400"
SVG = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64"/></svg>'


@pytest.fixture(scope="module")
def dressed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    logo = tmp_path_factory.mktemp("look") / "logo.svg"
    logo.write_text(SVG)
    process = ServerProcess(
        AGENT_NAME="Lola",
        PAGE_TITLE="Zapatería <b>Paso</b>",
        PAGE_COLOR=COLOR,
        PAGE_LOGO=str(logo),
        PAGE_SUGGESTIONS_ES="¿Cuánto es 2+2?|Hola",
    )
    process.start()
    yield process
    process.kill()


async def test_title_logo_name_and_suggestions(chrome: Browser, dressed: ServerProcess) -> None:
    async with visiting(chrome, dressed.url) as visitor:
        page = visitor.page
        assert await page.title() == "Zapatería <b>Paso</b>"
        await expect(page.get_by_role("heading", level=1)).to_have_text("Zapatería <b>Paso</b>")
        await expect(page.locator("[data-part=agent-name]")).to_have_text("Hablas con Lola.")
        assert await visitor.run("() => document.querySelector('[data-part=logo]').naturalWidth") == 64
        await expect(page.locator("[data-part=suggestions] button")).to_have_text(["¿Cuánto es 2+2?", "Hola"])
        await page.get_by_role("button", name="¿Cuánto es 2+2?").click()
        await visitor.reads(visitor.answers, "4")
        # Only what has been set is another one.
        await page.get_by_role("button", name="English").click()
        await page.locator("[data-part=talks-new]").click()
        await visitor.reads(page.locator("[data-part=suggestions]"), "What time is it in Tokyo?")
        await expect(page.locator("[data-part=agent-name]")).to_have_text("You are talking to Lola.")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_colour_is_one_that_can_be_read(chrome: Browser, dressed: ServerProcess, scheme: str) -> None:
    shades = page_colors(COLOR).light if scheme == "light" else page_colors(COLOR).dark

    async def prepare(page: object) -> None:
        await page.emulate_media(color_scheme=scheme)  # type: ignore[attr-defined]

    async with visiting(chrome, dressed.url, prepare=prepare) as visitor:
        for name, wanted in (("--accent", shades.accent), ("--bubble", shades.bubble)):
            shown = await shown_color(visitor, name)
            assert shown == tuple(int(wanted[at : at + 2], 16) for at in (1, 3, 5)), name


async def shown_color(visitor: HandshakeInfo, name: str) -> tuple[int, ...]:
    text = await visitor.run(
        """(name) => {
            const made = document.body.appendChild(document.createElement("i"));
            made.style.color = `var(${name})`;
            return getComputedStyle(made).color;
        }""",
        name,
    )
    return tuple(int(part) for part in text.removeprefix("rgb(").removesuffix(")").split(","))


@pytest.mark.parametrize(
    ("browser_locale", "offered", "shown"),
    [("fr-FR", "es,en", "en"), ("es-MX", "es,en", "es"), ("fr-FR", "es", "es"), ("en-US", "es", "es")],
)
async def test_language_to_begin_with(chrome: Browser, browser_locale: str, offered: str, shown: str) -> None:
    process = ServerProcess(PAGE_LANGUAGES=offered)
    process.start()
    context = await chrome.new_context(locale=browser_locale)
    try:
        visitor = HandshakeInfo(await context.new_page())
        await visitor.page.goto(process.url)
        await visitor.is_told("Online" if shown == "en" else "En línea")
        assert await visitor.run("() => document.documentElement.lang") == shown
        switch = visitor.page.get_by_role("group", name="Idioma" if shown == "es" else "Language", exact=True)
        await expect(switch).to_have_count(1 if "," in offered else 0)
    finally:
        await context.close()
        process.kill()
