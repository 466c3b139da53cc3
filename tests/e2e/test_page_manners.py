"""What is one's own on the page: how bright it is, its keys, and recordings that are dropped on it."""

import base64
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser import ANSWER_LIMIT_MS, ServerProcess, launched, visiting
from tests.support.page_sound import FAKE_DEVICES

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

GROUND = "() => getComputedStyle(document.body).backgroundColor"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


async def test_theme_is_the_systems_until_one_is_chosen_which_is_kept(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        page = visitor.page
        light = await visitor.run(GROUND)
        await page.emulate_media(color_scheme="dark")
        dark = await visitor.run(GROUND)
        assert light != dark

        await page.get_by_role("button", name="Tu perfil").click()
        await page.get_by_role("button", name="Claro").click()
        assert await visitor.run(GROUND) == light
        await page.reload()
        await visitor.is_told("En línea")
        assert await visitor.run(GROUND) == light
        await page.get_by_role("button", name="Tu perfil").click()
        await expect(page.get_by_role("button", name="Claro")).to_have_attribute("aria-pressed", "true")
        await page.get_by_role("button", name="Automático").click()
        assert await visitor.run(GROUND) == dark


async def test_question_mark_lists_the_keys_but_can_be_written(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        dialog = visitor.page.get_by_role("dialog", name="Atajos de teclado")
        await visitor.box.press("?")
        await expect(visitor.box).to_have_value("?")
        await expect(dialog).to_be_hidden()

        await visitor.page.get_by_role("button", name="Nueva conversación").focus()
        await visitor.page.keyboard.press("?")
        await expect(dialog).to_be_visible()
        await visitor.page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()


async def test_keys_begin_a_talk_and_open_the_list(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 2+2")
        await visitor.reads(visitor.answers, "4")
        await visitor.box.press("Alt+KeyN")
        await expect(visitor.exchanges).to_have_count(0)

        panel = visitor.page.get_by_role("navigation", name="Conversaciones")
        await expect(panel).to_be_visible()
        await visitor.box.press("Alt+KeyT")
        await expect(panel).to_be_hidden()


DROP = """([name, type, content]) => {
    const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
    const files = new DataTransfer();
    files.items.add(new File([bytes], name, { type }));
    const drop = (type) => document.body.dispatchEvent(
        new DragEvent(type, { dataTransfer: files, bubbles: true, cancelable: true }));
    drop("dragover");
    const isShown = !document.querySelector("[data-part=drop]").hidden;
    drop("drop");
    return isShown;
}"""


async def test_recording_that_is_dropped_leaves_as_a_clip(chrome: Browser, server: ServerProcess) -> None:
    """This server has no ears, and says so once."""
    async with visiting(chrome, server.url) as visitor:
        wave = base64.b64encode(b"RIFF" + bytes(100)).decode()
        assert await visitor.run(DROP, ["hola.wav", "audio/wav", wave])

        await visitor.reads(
            visitor.alert, "Aquí no puedo oírte: este servidor no tiene reconocimiento de voz."
        )
        await expect(visitor.page.locator("[data-part=drop]")).to_be_hidden()
        await expect(visitor.log).not_to_contain_text("Escuchando la grabación")


@pytest.mark.parametrize(
    ("name", "kind", "size", "sentence"),
    [
        ("cv.pdf", "application/pdf", 10, "no puede oír eso"),
        ("a.wav", "audio/wav", 8_000_000, "demasiado grande"),
    ],
)
async def test_what_is_no_recording_is_refused_in_a_sentence(
    chrome: Browser, server: ServerProcess, name: str, kind: str, size: int, sentence: str
) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.run(DROP, [name, kind, base64.b64encode(bytes(size)).decode()])

        await visitor.reads(visitor.alert, sentence)


async def test_browser_of_another_language_gets_english(chrome: Browser, server: ServerProcess) -> None:
    context = await chrome.new_context(locale="de-DE")
    try:
        page = await context.new_page()
        await page.goto(server.url)
        await expect(page.get_by_role("heading", name="How can I help?")).to_be_visible(
            timeout=ANSWER_LIMIT_MS
        )
    finally:
        await context.close()
