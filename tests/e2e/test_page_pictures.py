"""The pictures on the first pages show what their words say.

`PAGE_PICTURES=docs` makes them anew, from the page as it runs.
"""

import os
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.support.browser import launched
from tests.support.page_sound import FAKE_DEVICES
from tests.support.page_states import found_in, stage_in
from tests.support.page_words import LANGUAGES, Language

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.timeout(120)]

NAMES: dict[Language, str] = {"en": "screenshot.png", "es": "screenshot.es.png"}


@pytest.mark.parametrize("language", LANGUAGES)
async def test_a_tool_works_while_another_question_is_answered_and_the_next_one_is_heard(
    tmp_path: Path, language: Language
) -> None:
    async with (
        launched(*FAKE_DEVICES) as browser,
        stage_in(tmp_path, browser) as stage,
        found_in(stage, "at work", language, width=1200, height=760, color_scheme="light") as person,
    ):
        visitor = person.visitor
        await expect(visitor.tools.locator("progress")).to_be_in_viewport(ratio=1)
        await expect(visitor.tools.locator(".tool-name")).to_be_in_viewport(ratio=1)
        await expect(visitor.answers.last).to_be_in_viewport(ratio=1)
        await expect(visitor.log.locator("chat-message[data-status=hearing]")).to_be_in_viewport(ratio=1)
        await expect(person.part("voice-now")).to_have_attribute("data-who", "user")

        if folder := os.environ.get("PAGE_PICTURES"):
            await visitor.page.screenshot(path=Path(folder) / NAMES[language])
