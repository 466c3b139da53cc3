"""The bar of the voice: being mute without leaving, choosing devices and speed, room on a small phone."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from app.speech.base import VoiceEngines
from app.speech.models.readiness import VoiceParts
from app.speech.voices import voice_called
from tests.e2e.test_page_readers import WIDER_THAN_THE_WINDOW
from tests.e2e.test_page_voice import STORY, talking
from tests.support.browser import ANSWER_LIMIT_MS, launched, visiting
from tests.support.context import settings_with
from tests.support.page_sound import FAKE_DEVICES
from tests.support.scripted import Pause, Says, ScriptedModel, says
from tests.support.server import running_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


async def test_microphone_is_muted_and_the_talk_goes_on(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), says("Las tres.")) as person:
        await person.begins()
        mute = person.bar.get_by_role("button", name="Silenciar el micrófono")
        await mute.click()
        await expect(mute).to_have_attribute("aria-pressed", "true")
        await expect(person.who).to_have_text("Tu micrófono está silenciado")
        await person.says("nadie oye esto?")
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await expect(person.visitor.texts).to_have_count(1)

        await mute.click()
        await person.hears("dos.")
        await expect(person.who).to_have_text("Te escucho", timeout=ANSWER_LIMIT_MS)
        await person.says("hora?")
        await person.visitor.reads(person.visitor.answers.last, "Las tres.")


async def test_devices_are_chosen_by_names_that_can_be_read(chrome: Browser) -> None:
    async with talking(chrome) as person:
        await person.begins()
        more = person.bar.get_by_role("button", name="Ajustes de la voz")
        await more.click()
        await expect(more).to_have_attribute("aria-expanded", "true")

        for name in ("Micrófono", "Altavoz"):
            choice = person.bar.get_by_role("combobox", name=name)
            await expect(choice).to_be_visible()
            box = await choice.bounding_box()
            assert box and box["width"] >= 150, (name, box)
        labels = (
            await person.bar.get_by_role("combobox", name="Micrófono").locator("option").all_inner_texts()
        )
        assert labels and all(label.strip() for label in labels)


SLOW_LOUDSPEAKER = """AudioContext.prototype.setSinkId = async () => {
    window.isChoosing = true;
    await new Promise((over) => { window.choose = over; });
};"""


async def test_loudspeaker_that_comes_late_has_no_sound_leave_before_it_was_agreed_on(
    chrome: Browser,
) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.page.add_init_script(SLOW_LOUDSPEAKER)
        await person.page.reload()
        await person.visitor.is_told("En línea")
        await expect(person.button).to_be_enabled(timeout=ANSWER_LIMIT_MS)
        await person.button.click()
        await person.page.wait_for_function("window.isChoosing")
        await person.says("hora?")
        await person.visitor.run("() => window.choose()")

        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await expect(person.visitor.alert).to_be_hidden()


async def test_speed_is_told_to_the_server_and_kept(chrome: Browser) -> None:
    async with talking(chrome) as person:
        sent: list[str] = []
        await person.begins()
        person.page.on(
            "websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame)))
        )
        await person.bar.get_by_role("button", name="Ajustes de la voz").click()
        await person.bar.get_by_label("Velocidad").select_option("1.3")
        assert await person.visitor.run(
            "() => Object.keys(localStorage).some((key) => key.endsWith('speed'))"
        )
        await person.page.reload()
        await person.visitor.is_told("En línea")
        await person.begins()

        await expect(person.page.locator("[data-part=speed]")).to_have_value("1.3")
        assert any('"speed":1.3' in frame for frame in sent)


async def test_voice_is_chosen_by_its_name_and_kept(chrome: Browser) -> None:
    voices = (voice_called("ef_dora", "es"), voice_called("em_alex", "es"), voice_called("af_heart", "en"))
    async with talking(chrome, says("Las dos."), voices=voices) as person:
        sent: list[str] = []
        person.page.on(
            "websocket", lambda socket: socket.on("framesent", lambda frame: sent.append(str(frame)))
        )
        await person.begins()
        await person.bar.get_by_role("button", name="Ajustes de la voz").click()
        choice = person.bar.get_by_label("Voz del agente")
        labels = await choice.locator("option").all_inner_texts()
        assert labels == ["La de cada idioma", "Dora", "Alex", "Heart"]
        assert await choice.locator("optgroup").evaluate_all("(all) => all.map((one) => one.label)") == [
            "Español",
            "English",
        ]
        await choice.select_option(label="Alex")
        await person.page.reload()
        await person.visitor.is_told("En línea")
        await person.begins()
        await expect(person.page.locator("[data-part=speaking-voice]")).to_have_value("em_alex")
        await person.visitor.says("hola")
        await person.hears("dos.")

    assert any('"voice":"em_alex"' in frame for frame in sent)


async def test_both_levels_move_with_who_speaks(chrome: Browser) -> None:
    async with talking(chrome, says(STORY)) as person:
        await person.begins()
        await person.visitor.run(
            """() => { window.most = { user: 0, agent: 0 };
            const look = (part) =>
                Number(document.querySelector(`[data-part=${part}]`).style.getPropertyValue("--level"));
            setInterval(() => {
                window.most.user = Math.max(window.most.user, look("voice-level"));
                window.most.agent = Math.max(window.most.agent, look("agent-level"));
            }, 10); }"""
        )
        await person.says("cuenta.")
        await person.hears("dos")

        most = await person.visitor.run("() => window.most")
        assert most["user"] > 0.1 and most["agent"] > 0.01, most


async def test_space_bar_talks_from_the_button_that_chose_it(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.begins()
        chosen = person.bar.get_by_role("button", name="Pulsar para hablar")
        await chosen.click()
        await expect(chosen).to_be_focused()
        await person.page.keyboard.down(" ")
        await expect(person.who).to_have_text("Hablas tú")
        await person.says("hora", after_ms=0)
        await person.page.keyboard.up(" ")

        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await expect(chosen).to_have_attribute("aria-pressed", "true")


@pytest.mark.parametrize("locale", ["es-ES", "en-GB"])
async def test_smallest_phone_has_room_for_the_bar(chrome: Browser, locale: str) -> None:
    async with talking(chrome, width=320) as person:
        if locale.startswith("en"):
            await person.page.get_by_role("button", name="English").click()
        person.bar = person.page.locator("[data-part=voice-bar]")
        await person.begins()
        await person.page.locator("[data-part=voice-more]").click()
        for mode in ("auto", "manual"):
            await person.page.locator(f"[data-mode={mode}]").click()
            assert await person.visitor.run(WIDER_THAN_THE_WINDOW) == []
            for button in await person.page.locator(".dock button:visible").all():
                await expect(button).to_be_in_viewport(ratio=1)


async def test_stop_button_leaves_the_microphone_where_it_is(chrome: Browser) -> None:
    async with talking(chrome, [Says("Ya "), Pause(60)]) as person:
        await expect(person.button).to_be_enabled(timeout=ANSWER_LIMIT_MS)
        before = await person.button.bounding_box()
        await person.visitor.says("hola")
        await expect(person.page.get_by_role("button", name="Detener la respuesta")).to_be_visible()

        assert await person.button.bounding_box() == before


async def test_button_of_a_server_without_voice_says_why_when_it_is_pressed(chrome: Browser) -> None:
    parts = VoiceParts(settings_with())
    parts.status = "off"
    async with (
        running_server(provider=ScriptedModel([]), tools=[], engines=VoiceEngines(), voice=parts) as server,
        visiting(chrome, f"http://127.0.0.1:{server.port}") as visitor,
    ):
        note = visitor.page.locator("[data-part=voice-note]")
        button = visitor.page.get_by_role("button", name="Hablar", exact=True)
        await expect(note).to_contain_text("no tiene voz", timeout=ANSWER_LIMIT_MS)
        await expect(note).to_be_hidden()
        await button.focus()
        await visitor.page.keyboard.press("Enter")

        await expect(note).to_be_visible()
