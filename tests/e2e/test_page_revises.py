"""Another answer to the last text, and other words in the place of an earlier one, on the page."""

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browser import visiting
from tests.support.scripted import ScriptedModel, last_text, says
from tests.support.server import running_server

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

WORDS = {
    "es-ES": ("Responder otra vez", "Editar el mensaje", "Mensaje editado"),
    "en-GB": ("Answer again", "Edit the message", "Edited message"),
}


def echo() -> ScriptedModel:
    answers = iter(range(1, 100))
    return ScriptedModel(lambda r: says(f"{last_text(r)} {next(answers)}"))


async def says_on(page: Page, text: str, answer: str) -> None:
    await page.locator("#message").fill(text)
    await page.locator("#message").press("Enter")
    await expect(page.get_by_text(answer, exact=True)).to_be_visible()


async def shown(page: Page) -> list[str]:
    return await page.locator("chat-message .message-body").all_inner_texts()


@pytest.mark.parametrize("locale", WORDS)
async def test_texts_are_answered_anew_and_edited_with_keys_alone(chrome: Browser, locale: str) -> None:
    again, edit, field = WORDS[locale]
    async with running_server(provider=echo()) as server:
        url = f"http://127.0.0.1:{server.port}"
        async with visiting(chrome, url, locale=locale) as visitor:
            page = visitor.page
            await says_on(page, "uno", "uno 1")
            await says_on(page, "dos", "dos 2")
            await expect(page.get_by_role("button", name=again)).to_have_count(1)
            await page.get_by_role("button", name=again).press("Enter")
            await expect(page.get_by_text("dos 3", exact=True)).to_be_visible()
            assert await shown(page) == ["uno", "uno 1", "dos", "dos 3"]

            edits = page.get_by_role("button", name=edit)
            await edits.first.press("Enter")
            box = page.get_by_role("textbox", name=field)
            await expect(box).to_be_focused()
            await box.press("Escape")
            await expect(edits.first).to_be_focused()
            await edits.first.press("Enter")
            await box.fill("otro")
            await box.press("Enter")
            await expect(page.get_by_text("otro 4", exact=True)).to_be_visible()
            assert await shown(page) == ["otro", "otro 4"]
            await expect(page.locator("#message")).to_be_focused()

            await page.reload()
            await expect(page.get_by_text("otro 4", exact=True)).to_be_visible()
            assert await shown(page) == ["otro", "otro 4"]
