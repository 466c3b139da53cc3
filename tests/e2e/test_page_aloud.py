"""Answers that are read aloud to somebody who writes, and has no microphone or gives none."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from app.speech.models.readiness import HalfState
from tests.e2e.test_page_voice import STORY, Person, said_ms, talking
from tests.support.browser import ANSWER_LIMIT_MS, launched
from tests.support.page_sound import FAKE_DEVICES
from tests.support.scripted import says
from tests.support.voices import MS_PER_WORD

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

NO_MICROPHONE = """() => {
    window.asked = 0;
    navigator.mediaDevices.getUserMedia = async () => {
        window.asked += 1;
        throw new DOMException("none", "NotFoundError");
    };
}"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES, whole=True) as browser:
        yield browser


def switch_of(person: Person, name: str = "Leer las respuestas en voz alta") -> Locator:
    return person.page.get_by_role("button", name=name)


async def test_answers_are_read_without_a_microphone(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), says("Las tres."), says("Las cuatro.")) as person:
        await person.page.add_init_script(f"({NO_MICROPHONE})()")
        await person.page.reload()
        await person.visitor.is_told("En línea")
        sent: list[str] = []
        person.page.on("websocket", lambda one: one.on("framesent", lambda frame: sent.append(str(frame))))
        switch = switch_of(person)
        await expect(switch).to_have_attribute("aria-pressed", "false")
        await switch.click()
        await expect(switch).to_have_attribute("aria-pressed", "true")
        await expect(person.who).to_have_text("Leo las respuestas en voz alta", timeout=ANSWER_LIMIT_MS)
        for name in ("Manos libres", "Silenciar el micrófono", "Respuestas habladas"):
            await expect(person.bar.get_by_role("button", name=name)).to_be_hidden()
        await person.visitor.says("hola")
        await person.hears("dos.")

        # The next visit remembers it; browsers let it sound from the first key on.
        await person.page.reload()
        await person.visitor.is_told("En línea")
        await expect(switch).to_have_attribute("aria-pressed", "true", timeout=ANSWER_LIMIT_MS)
        await person.visitor.box.press_sequentially("y?")
        await expect(person.bar).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await person.visitor.box.press("Enter")
        await person.hears("tres.")

        await expect(person.who).to_have_text("Leo las respuestas en voz alta", timeout=ANSWER_LIMIT_MS)
        await person.page.keyboard.press("Alt+KeyL")
        await expect(switch).to_have_attribute("aria-pressed", "false")
        await expect(person.bar).to_be_hidden()
        await person.visitor.says("y ahora?")
        await person.visitor.reads(person.visitor.answers.last, "Las cuatro.")
        await expect(person.visitor.page.locator("[data-part=stop]")).to_be_hidden(timeout=ANSWER_LIMIT_MS)
        assert await person.visitor.run("() => window.asked") == 0, "no microphone was asked for"

    told = [frame for frame in sent if '"audio"' in frame]
    assert told and all('"in"' not in frame for frame in told), told
    assert any('"out":true' in frame for frame in told) and '"out":false' in told[-1]


async def test_reading_outlives_a_talk_by_voice_and_a_refused_microphone(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), says("Las tres."), says("Las cuatro.")) as person:
        await expect(switch_of(person)).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await switch_of(person).click()
        await expect(person.bar).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await person.button.click()
        await expect(person.who).to_have_text("Te escucho", timeout=ANSWER_LIMIT_MS)
        await expect(switch_of(person)).to_be_hidden()
        await person.says("hora?")
        await person.hears("dos.")
        await person.button.click()
        await expect(person.who).to_have_text("Leo las respuestas en voz alta", timeout=ANSWER_LIMIT_MS)
        await person.visitor.says("hola")
        await person.hears("tres.")

        await person.visitor.run(NO_MICROPHONE)
        await person.button.click()
        await person.visitor.reads(person.note, "No se ha encontrado ningún micrófono")
        await person.visitor.says("sigues?")
        await person.hears("cuatro.")


async def test_reading_is_stopped_by_escape(chrome: Browser) -> None:
    async with talking(chrome, says(STORY), says("Las dos.")) as person:
        await expect(switch_of(person)).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await switch_of(person).click()
        await expect(person.bar).to_be_visible(timeout=ANSWER_LIMIT_MS)
        await person.visitor.says("cuenta")
        await person.hears("dos")
        await person.page.keyboard.press("Escape")
        await expect(person.who).to_have_text("Leo las respuestas en voz alta", timeout=ANSWER_LIMIT_MS)
        await expect(person.page.locator("[data-part=stop]")).to_be_hidden(timeout=ANSWER_LIMIT_MS)
        await person.visitor.says("y ahora?")
        await person.hears("dos.")
        samples, rate = await person.loudspeaker.sound()

    assert said_ms(samples, rate, STORY.split()[-1]) < MS_PER_WORD / 4


async def test_it_is_not_offered_where_the_server_does_not_speak(chrome: Browser) -> None:
    async with talking(chrome, speaks=HalfState("failed", "no espeak-ng")) as person:
        await person.visitor.reads(person.note, "no espeak-ng")
        await expect(person.page.locator("[data-part=aloud]")).to_be_hidden()


async def test_it_has_its_name_in_english(chrome: Browser) -> None:
    async with talking(chrome) as person:
        await person.page.get_by_role("button", name="English").click()
        await expect(switch_of(person, "Read answers aloud")).to_be_visible(timeout=ANSWER_LIMIT_MS)
