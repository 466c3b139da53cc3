"""The page for every reader: phones, keyboards, languages, and texts that others wrote."""

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import HandshakeInfo, ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARKUP = '<img src=x onerror="alert(1)"><script>alert(2)</script><b>&amp;</b>'

# What others wrote


async def test_markup_in_a_text_stays_text(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        visitor.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))

        await visitor.says(f"analiza este texto: {MARKUP}")
        await visitor.reads(visitor.texts, "Respondido")

        await visitor.reads(visitor.texts, MARKUP)
        await expect(visitor.log.locator("img, script, b")).to_have_count(0)


SHOW_ANSWER = """async (content) => {
    const { TalkPage } = await import("/static/view.js");
    const page = new TalkPage(() => {}, () => {});
    page.openTurn("turn-test", null, null);
    for (const piece of content.match(/.{1,7}/gs)) page.addChunk("turn-test", piece);
    page.closeTurn("turn-test", "whole");
}"""


async def test_markup_in_an_answer_stays_text(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        visitor.page.on("dialog", lambda dialog: pytest.fail(f"a script ran: {dialog.message}"))

        await visitor.run(SHOW_ANSWER, MARKUP)

        await expect(visitor.answers).to_have_text(MARKUP)
        await expect(visitor.log.locator("img, script, b")).to_have_count(0)


async def test_only_web_and_mail_addresses_become_links(chrome: Browser, server: ServerProcess) -> None:
    text = (
        "Mira https://example.org/a_(b)?q=1. (O http://example.net/) mailto:a@example.org javascript:alert(1)"
    )
    async with visiting(chrome, server.url) as visitor:
        await visitor.run(SHOW_ANSWER, text)

        await expect(visitor.answers).to_have_text(text)
        links = visitor.answers.get_by_role("link")
        addresses = [await link.get_attribute("href") for link in await links.all()]
        assert addresses == ["https://example.org/a_(b)?q=1", "http://example.net/", "mailto:a@example.org"]
        assert {await link.get_attribute("rel") for link in await links.all()} == {"noopener noreferrer"}


# Every reader


WIDER_THAN_THE_WINDOW = """() => [...document.querySelectorAll("body *")]
    .filter((element) => !element.closest(".visually-hidden, .sprite, [hidden]"))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => `${element.tagName}.${element.className}`)"""


async def test_phone_width_holds_everything(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url, width=360, height=640) as visitor:
        assert await visitor.run(WIDER_THAN_THE_WINDOW) == []

        await visitor.says("analiza este texto: " + "palabra" * 60)
        await visitor.reads(visitor.texts, "Respondido")
        assert await visitor.run(WIDER_THAN_THE_WINDOW) == []
        await visitor.log.locator("summary.times-summary").click()
        await expect(visitor.log.locator(".times-rows")).to_be_in_viewport()
        assert await visitor.run(WIDER_THAN_THE_WINDOW) == []

        await visitor.page.get_by_role("button", name="Datos de la sesión").click()
        await expect(visitor.page.get_by_role("complementary")).to_be_in_viewport(ratio=1)
        assert await visitor.run(WIDER_THAN_THE_WINDOW) == []


async def test_keyboard_alone_is_enough(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url, width=900) as visitor:
        keyboard = visitor.page.keyboard
        await expect(visitor.box).to_be_focused()

        await keyboard.type("Hola:")
        await keyboard.press("Shift+Enter")
        await keyboard.type("calcula 8*8")
        await keyboard.press("Enter")
        await visitor.reads(visitor.answers, "64")
        await expect(visitor.box).to_have_value("")
        assert await visitor.texts.locator(".message-body").text_content() == "Hola:\ncalcula 8*8"

        panel = visitor.page.get_by_role("complementary")
        await tab_to(visitor, "Datos de la sesión", "Shift+Tab")
        await keyboard.press("Enter")
        await expect(panel).to_be_visible()
        await keyboard.press("Escape")
        await expect(panel).to_be_hidden()
        await expect(visitor.box).to_be_focused()


async def tab_to(visitor: HandshakeInfo, name: str, key: str) -> None:
    focused = visitor.page.locator(":focus")
    for _ in range(20):
        await visitor.page.keyboard.press(key)
        if await focused.get_attribute("aria-label") == name:
            return
    pytest.fail(f"{name} cannot be reached by {key}")


async def test_language_is_switched_at_once_and_kept(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 3*3")
        await visitor.reads(visitor.texts, "Respondido")

        await visitor.page.get_by_role("button", name="English").click()

        await visitor.is_told("Online")
        await visitor.reads(visitor.texts, "Answered")
        await visitor.reads(visitor.tools, "done")
        await expect(visitor.box).to_have_attribute("placeholder", "Write a message…")
        await visitor.page.reload()
        await visitor.is_told("Online")
        await expect(visitor.page.locator("html")).to_have_attribute("lang", "en")


async def test_page_begins_in_the_language_of_the_browser(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url, locale="en-GB") as visitor:
        await expect(visitor.page.get_by_role("heading", name="How can I help?")).to_be_visible()
        await expect(visitor.page.get_by_role("button", name="Hello, can you calculate 2+2?")).to_be_visible()


async def test_suggestion_is_sent_as_a_text(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.page.get_by_role("button", name="Hola, ¿puedes calcular 2+2?").click()

        await visitor.reads(visitor.answers, "4")
        await expect(visitor.page.get_by_role("heading", name="¿En qué te ayudo?")).to_be_hidden()


GROWS_TWICE = """scroller => {
    const grow = () => {
        const box = document.createElement("div");
        box.style.minHeight = "1500px";
        scroller.firstElementChild.append(box);
    };
    grow();
    scroller.scrollTop = scroller.scrollHeight;
    grow();
    return new Promise(done => requestAnimationFrame(() => requestAnimationFrame(() => requestAnimationFrame(
        () => done(scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight)))));
}"""
"""More comes between a step to the end and the event that tells of it."""


async def test_what_grows_faster_than_the_page_scrolls_is_followed(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("hola")
        await visitor.reads(visitor.texts, "Respondido")

        left = await visitor.page.get_by_role("region", name="Conversación").evaluate(GROWS_TWICE)

        assert left < 64
        await expect(visitor.page.get_by_role("button", name="Ir a lo último")).to_be_hidden()


async def test_reader_above_is_not_pulled_down(chrome: Browser, server: ServerProcess) -> None:
    lines = "analiza este texto:" + "\nuna línea" * 60
    async with visiting(chrome, server.url) as visitor:
        await visitor.says(lines)
        await visitor.reads(visitor.texts, "Respondido")
        jump = visitor.page.get_by_role("button", name="Ir a lo último")
        await expect(jump).to_be_hidden()
        await expect(visitor.answers).to_be_in_viewport()

        await visitor.page.get_by_role("region", name="Conversación").evaluate(
            "scroller => scroller.scrollTo(0, 0)"
        )
        await expect(jump).to_be_visible()
        await visitor.run(SHOW_ANSWER, "algo nuevo, más abajo")

        await expect(visitor.answers.last).not_to_be_in_viewport()
        await jump.click()
        await expect(visitor.answers.last).to_be_in_viewport()
