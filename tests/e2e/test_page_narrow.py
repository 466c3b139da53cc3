"""The page on the smallest phone: what it says there is whole, and what is needed is in sight."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser import ANSWER_LIMIT_MS, ServerProcess, launched, visiting
from tests.support.page_sound import FAKE_DEVICES
from tests.support.page_states import Stage, found_in, stage_in
from tests.support.page_words import LANGUAGES, Language

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

NARROW = 320
LOW = 568


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with launched(*FAKE_DEVICES) as browser:
        async with stage_in(tmp_path_factory.mktemp("talks"), browser) as made:
            yield made


CUT_STATES = """async () => {
    const { show } = await import("/static/language.js");
    const text = document.querySelector("[data-part=state-text]");
    const activities = ["idle", "thinking", "speaking", "listening", "tools", "tool"];
    const found = [];
    for (const state of ["connecting", ...activities, "disconnected"]) {
        show(text, `state.${state}`, { count: 12, name: "stock_lookup" });
        if (text.scrollWidth > text.clientWidth || text.scrollHeight > text.clientHeight)
            found.push(text.textContent);
    }
    return found;
}"""


@pytest.mark.parametrize("locale", ["es-ES", "en-GB"])
async def test_state_is_read_whole(chrome: Browser, server: ServerProcess, locale: str) -> None:
    async with visiting(chrome, server.url, width=NARROW, locale=locale) as visitor:
        assert await visitor.run(CUT_STATES) == []
        await visitor.page.reload()  # what was written over is the page's again


@pytest.mark.parametrize("language", LANGUAGES)
async def test_box_stays_in_sight_beside_the_voice_and_its_settings(stage: Stage, language: Language) -> None:
    async with found_in(stage, "voice listening", language, width=NARROW, height=LOW) as person:
        for name in ("composer", "voice-bar"):
            await expect(person.part(name)).to_be_in_viewport(ratio=1)


TOPS = "(parts) => new Set(parts.map((part) => part.getBoundingClientRect().top)).size"


async def test_settings_of_the_voice_share_a_line_where_there_is_room(stage: Stage) -> None:
    async with found_in(stage, "voice listening") as person:
        choices = person.part("voice-settings").locator("select:visible")

        await expect(choices).to_have_count(4)
        assert await choices.evaluate_all(TOPS) == 1


@pytest.mark.parametrize("name", ["empty", "slow tool"])
async def test_page_without_a_talk_is_read_from_its_beginning(stage: Stage, name: str) -> None:
    async with found_in(stage, name, width=NARROW, height=LOW) as person:
        visitor, welcome = person.visitor, person.part("welcome")
        if name != "empty":
            await expect(visitor.answers.last).to_be_in_viewport(ratio=1)
            await person.part("new").click()
        await expect(visitor.exchanges).to_have_count(0)

        await expect(welcome.get_by_role("heading")).to_be_in_viewport(ratio=1)
        await person.part("scroller").evaluate("(scroller) => scroller.scrollTo(0, 99999)")
        await expect(welcome.get_by_role("button").last).to_be_in_viewport(ratio=1)
        await expect(person.part("jump")).to_be_hidden()
        await person.asks("greet")
        await expect(visitor.answers).to_be_in_viewport(ratio=1, timeout=ANSWER_LIMIT_MS)
