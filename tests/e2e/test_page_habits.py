"""Habits of other agents' pages: unseen answers are counted, screens stay on, tokens are shown."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from app.chat import TokenUsage
from tests.e2e.test_page_voice import talking
from tests.support.browser import ANSWER_LIMIT_MS, launched
from tests.support.page_sound import FAKE_DEVICES
from tests.support.scripted import Ends, Says, says

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

LOOKS_AWAY = """(isHidden) => {
    Object.defineProperty(document, "hidden", { configurable: true, get: () => isHidden });
    document.dispatchEvent(new Event("visibilitychange"));
}"""

WAKE_LOCKS = """
window.held = 0;
window.locks = [];
Object.defineProperty(navigator, "wakeLock", { value: { request: async () => {
    window.held += 1;
    const lock = { released: false, release: async () => {
        if (!lock.released) window.held -= 1;
        lock.released = true;
    } };
    window.locks.push(lock);
    return lock;
} } });
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


async def test_answers_that_nobody_sees_are_counted_in_the_title(chrome: Browser) -> None:
    async with talking(chrome, says("Uno."), says("Dos."), says("Tres."), says("Cuatro.")) as person:
        own = await person.page.title()
        await person.visitor.says("a")
        await person.visitor.reads(person.visitor.answers, "Uno.")
        assert await person.page.title() == own
        await person.visitor.run(LOOKS_AWAY, True)
        for text, answer, count in (("b", "Dos.", 1), ("c", "Tres.", 2)):
            await person.visitor.says(text)
            await person.visitor.reads(person.visitor.answers.last, answer)
            await expect(person.page).to_have_title(f"({count}) {own}", timeout=ANSWER_LIMIT_MS)
        await person.visitor.run(LOOKS_AWAY, False)
        assert await person.page.title() == own
        # What a reload brings back is no news.
        await person.page.add_init_script(f"({LOOKS_AWAY})(true)")
        await person.page.reload()
        await expect(person.visitor.answers).to_have_count(3, timeout=ANSWER_LIMIT_MS)
        await person.visitor.says("d")
        await person.visitor.reads(person.visitor.answers.last, "Cuatro.")
        await expect(person.page).to_have_title(f"(1) {own}", timeout=ANSWER_LIMIT_MS)


async def test_screen_stays_on_while_somebody_talks(chrome: Browser) -> None:
    async with talking(chrome) as person:
        await person.page.add_init_script(WAKE_LOCKS)
        await person.page.reload()
        await person.visitor.is_told("En línea")
        await person.begins()
        await person.page.wait_for_function("() => window.held === 1")
        # The system takes it while the page is not seen; it is asked for again.
        await person.visitor.run("() => window.locks[0].release()")
        await person.visitor.run(LOOKS_AWAY, True)
        await person.visitor.run(LOOKS_AWAY, False)
        await person.page.wait_for_function("() => window.held === 1 && window.locks.length === 2")
        await person.button.click()
        await person.page.wait_for_function("() => window.held === 0")


async def test_tokens_stand_with_the_times(chrome: Browser) -> None:
    counted = [Says("Uno."), Ends("stop", TokenUsage(1234, 56))]
    async with talking(chrome, counted, says("Dos.")) as person:
        await person.visitor.says("a")
        await person.visitor.reads(person.visitor.answers, "Uno.")
        times = person.visitor.log.locator("details.times")
        await times.locator("summary").click()
        # Spanish has no mark in numbers of four digits.
        await person.visitor.reads(times, "Tokens: 1234 de entrada, 56 de salida")
        await person.visitor.says("b")
        await person.visitor.reads(person.visitor.answers.last, "Dos.")
        await expect(times).to_have_count(2)
        assert "Tokens" not in (await times.last.text_content() or "")
