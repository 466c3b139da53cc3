"""Talking aloud on the page: real Chromium, real server; words are levels of sound, but for the last test."""

import asyncio
import re
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, expect

from app.speech.base import SpeechInputEngines, VoiceEngines
from app.speech.models.readiness import HalfState, VoiceParts, VoiceStatus
from app.speech.voices import Voice
from tests.e2e.test_page_drops import DROP
from tests.support.browser import ANSWER_LIMIT_MS, HandshakeInfo, ServerProcess, launched, visiting
from tests.support.context import settings_with
from tests.support.ears import FullStops, WordRecogniser, no_clips, silence
from tests.support.late_voice import LateVoice
from tests.support.loud_ears import LoudDetector, LoudVocabulary
from tests.support.models import MODELS_DIR, model
from tests.support.page_sound import FAKE_DEVICES, Loudspeaker, with_loudspeaker, with_microphone
from tests.support.recordings import recording
from tests.support.scripted import Answer, Pause, Says, ScriptedModel, says
from tests.support.server import Server, running_server
from tests.support.synthesis import words_in
from tests.support.voices import MS_PER_WORD, CommaSplitter, WordySynthesiser, sound_of

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

# No two of them sound alike.
STORY = "uno dos cuatro ocho nueve doce catorce treinta cuarenta cincuenta último después entonces"
LONG = 1200
"""Milliseconds of silence after which everything has been said."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    """With a microphone that is always there and allowed."""
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


class Person:
    """Somebody in front of the page who talks and listens."""

    def __init__(self, visitor: HandshakeInfo, loudspeaker: Loudspeaker, say: Callable[[bytes], Any]) -> None:
        self.visitor = visitor
        self.page = visitor.page
        self.loudspeaker = loudspeaker
        self.vocabulary = LoudVocabulary()
        self.button = visitor.page.locator("[data-part=mic]")
        self.bar = visitor.page.get_by_role("region", name="Voz")
        self.who = self.bar.get_by_role("status")
        self.note = visitor.page.locator("[data-part=voice-note]")
        self.hearing = visitor.log.locator("chat-message[data-status=hearing] .message-body")
        self._say = say

    async def begins(self) -> None:
        """Presses the microphone's button."""
        await expect(self.button).to_be_enabled(timeout=ANSWER_LIMIT_MS)
        await self.button.click()
        await expect(self.bar).to_be_visible(timeout=ANSWER_LIMIT_MS)

    async def says(self, text: str, after_ms: int = LONG) -> None:
        """Says something, and is silent for a while."""
        await self._say(self.vocabulary.sound(text) + silence(after_ms))

    async def hears(self, word: str) -> None:
        """Waits until a word has been heard whole."""
        await self.loudspeaker.until(lambda samples, rate: said_ms(samples, rate, word) > MS_PER_WORD * 0.8)


def said_ms(samples: np.ndarray, rate_hz: int, word: str) -> float:
    """How much of a word's sound there is."""
    level = int.from_bytes(sound_of(word)[:2], "little")
    return (
        float(np.count_nonzero(np.abs(samples.astype(int) - level) <= max(3, level // 500))) / rate_hz * 1000
    )


@asynccontextmanager
async def talking(
    browser: Browser,
    *script: Answer,
    width: int = 1200,
    status: VoiceStatus = "ready",
    speaks: HalfState | None = None,
    voices: tuple[Voice, ...] = (),
    **settings: Any,
) -> AsyncIterator[Person]:
    """A page and a server that hear and speak, or only hear."""
    chosen = settings_with(**settings)
    parts = VoiceParts(chosen)
    parts.halves = {"in": HalfState(status), "out": speaks or HalfState(status)}
    parts.status, parts.detail = (status, "") if speaks is None else (speaks.status, speaks.detail)
    llm = ScriptedModel(list(script))
    vocabulary = LoudVocabulary()
    engines = replace(engines_of(vocabulary), voices=voices)
    if speaks is not None:
        engines = replace(engines, synthesiser=None)
    async with running_server(chosen, provider=llm, tools=[], engines=engines, voice=parts) as server:
        async with in_front_of(browser, server, vocabulary, width=width) as person:
            yield person
    assert llm.invalid == []


def engines_of(vocabulary: LoudVocabulary) -> VoiceEngines:
    """Hears these words, and speaks."""
    input_engines = SpeechInputEngines(
        WordRecogniser(vocabulary, 0.02), FullStops(), LoudDetector, lambda rate: lambda pcm: pcm, no_clips
    )
    return VoiceEngines(input_engines, WordySynthesiser(), CommaSplitter)


@asynccontextmanager
async def in_front_of(
    browser: Browser, server: Server, vocabulary: LoudVocabulary, **how: Any
) -> AsyncIterator[Person]:
    """Somebody at a server's page; `how` as in `visiting`."""
    made: list[Any] = []

    async def prepare(page: Any) -> None:
        made.append(await with_loudspeaker(page))
        made.append(await with_microphone(page))

    async with visiting(browser, f"http://127.0.0.1:{server.port}", prepare=prepare, **how) as visitor:
        person = Person(visitor, made[0], made[1])
        person.vocabulary = vocabulary
        yield person


@asynccontextmanager
async def after_a_restart(
    browser: Browser,
    folder: Path,
    *script: Answer,
    later: Callable[[VoiceEngines], VoiceEngines] = lambda e: e,
) -> AsyncIterator[tuple[Person, LateVoice]]:
    """A talk by voice whose server was stopped and started again, and still loads its speech.

    Args:
        later: What it has in the end of what it had.
    """
    vocabulary = LoudVocabulary()
    engines = engines_of(vocabulary)
    database = f"sqlite+aiosqlite:///{folder}/talks.db"
    late = LateVoice(folder, later(engines), database_url=database)
    llm = ScriptedModel([says("Las dos."), *script])
    parts = VoiceParts(late.settings)
    parts.status, parts.halves = "ready", {"in": HalfState("ready"), "out": HalfState("ready")}
    async with AsyncExitStack() as first:
        server = await first.enter_async_context(
            running_server(late.settings, provider=llm, tools=[], engines=engines, voice=parts)
        )
        async with in_front_of(browser, server, vocabulary, forgiven=DROP) as person:
            await person.begins()
            await person.says("hora?")
            await person.hears("dos.")
            await person.visitor.reads(person.visitor.texts, "Respondido")
            await first.aclose()
            async with late.server(llm, server.port):
                yield person, late
    assert llm.invalid == []


# A talk


async def test_question_is_shown_while_it_is_said_and_answered_aloud(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.begins()
        await expect(person.who).to_have_text("Te escucho")
        saying = asyncio.ensure_future(person.says("dime por favor qué hora es ahora en Madrid?"))
        await person.visitor.reads(person.hearing, "dime por")
        await expect(person.who).to_have_text("Hablas tú")
        await saying

        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await person.hears("Las")
        await person.hears("dos.")
        await expect(person.visitor.texts).to_have_count(1)
        await person.visitor.reads(person.visitor.texts, "dime por favor qué hora es ahora en Madrid?")
        await person.visitor.reads(person.visitor.texts, "Respondido")
        await expect(person.who).to_have_text("Te escucho")
        wanted = await person.visitor.run("() => window.wanted.audio")
        assert wanted["echoCancellation"] and wanted["noiseSuppression"]


async def test_times_of_a_spoken_turn_are_below_its_answer(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.begins()
        await person.says("hora?")

        times = person.visitor.log.locator("details")
        await person.visitor.reads(times, "Primer sonido")
        await times.locator("summary").click()
        rows = times.locator("dt")
        await expect(rows).to_contain_text(["Entender", "Modelo", "Voz", "Hasta el altavoz"])


async def test_order_over_the_voice_stops_it(chrome: Browser) -> None:
    async with talking(chrome, says(STORY), says("Vale.")) as person:
        await person.begins()
        await person.says("cuenta.")
        await expect(person.who).to_have_text("Habla el agente", timeout=ANSWER_LIMIT_MS)
        await person.hears("uno")
        await person.says("para.", after_ms=300)
        await person.visitor.reads(person.visitor.log, "Respuesta interrumpida")
        samples, rate_hz = await person.loudspeaker.sound()
        stopped = len(samples) + rate_hz // 4  # what was on its way to the test
        await person.visitor.reads(person.visitor.answers.last, "Vale.")
        await person.hears("Vale.")

        samples, _ = await person.loudspeaker.sound()
        later = ["cincuenta", "último", "después", "entonces"]
        assert [word for word in later if said_ms(samples[stopped:], rate_hz, word) > 5] == []
        assert said_ms(samples, rate_hz, "entonces") < 5
        await expect(person.visitor.answers.first).to_have_text(re.compile("^uno"))


async def test_stop_button_silences_the_voice(chrome: Browser) -> None:
    async with talking(chrome, says(STORY)) as person:
        await person.begins()
        await person.says("cuenta.")
        await person.hears("uno")
        await person.page.get_by_role("button", name="Detener la respuesta").click()
        await person.visitor.reads(person.visitor.log, "Respuesta interrumpida")
        samples, rate_hz = await person.loudspeaker.sound()
        stopped = len(samples) + rate_hz // 4  # what was on its way to the test

        await person.loudspeaker.until(lambda samples, rate: len(samples) > stopped + rate)
        samples, _ = await person.loudspeaker.sound()
        assert not samples[stopped:].any()


async def test_assent_lets_the_voice_go_on_where_it_was(chrome: Browser) -> None:
    async with talking(chrome, says(STORY)) as person:
        await person.begins()
        await person.says("cuenta.")
        await person.hears("dos")
        await person.says("sí.")
        await person.hears("entonces")
        await person.visitor.reads(person.visitor.texts, "Respondido")

        samples, rate_hz = await person.loudspeaker.sound()
        heard = {word: said_ms(samples, rate_hz, word) for word in STORY.split()}
        # Where it was ducked a word is faded, and some of it may be heard twice.
        assert not [(w, ms) for w, ms in heard.items() if not 120 < ms < 360], heard
        await expect(person.visitor.texts).to_have_count(1)
        await expect(person.visitor.log).not_to_contain_text("interrumpida")


async def test_sentence_that_goes_on_after_a_pause_is_one_text(chrome: Browser) -> None:
    async with talking(chrome, [Says("Las"), Pause(30)], says("Las tres."), interrupt_mode="smart") as person:
        await person.begins()
        await person.says("hora?", after_ms=400)
        await person.says("Tokio?")

        await person.visitor.reads(person.visitor.answers.last, "Las tres.")
        await person.visitor.reads(person.visitor.texts.last, "Respondido")
        await person.visitor.reads(person.visitor.texts.last, "Tokio?")


async def test_noise_leaves_no_text(chrome: Browser) -> None:
    async with talking(chrome, says("Sí.")) as person:
        await person.begins()
        await person.says("* *")
        await person.says("hola.")

        await person.visitor.reads(person.visitor.answers, "Sí.")
        await expect(person.visitor.texts).to_have_count(1)
        await expect(person.visitor.alert).to_be_hidden()


async def test_mood_is_shown_at_the_users_words(chrome: Browser) -> None:
    async with talking(chrome, says("Lo siento.")) as person:
        await person.begins()
        await person.says("otra vez mal, esto no funciona, estoy harto.")

        await person.visitor.reads(person.visitor.texts, "con frustración")


# Choices


async def test_spoken_answers_can_be_switched_off(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), says("Las tres.")) as person:
        await person.begins()
        speaker = person.bar.get_by_role("button", name="Respuestas habladas")
        await speaker.click()
        await expect(speaker).to_have_attribute("aria-pressed", "false")
        await person.says("hora?")
        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await person.visitor.reads(person.visitor.texts, "Respondido")

        samples, _ = await person.loudspeaker.sound()
        assert not samples.any()
        await speaker.click()
        await person.says("hora?")
        await person.hears("tres.")


async def test_push_to_talk_hears_what_is_said_while_the_button_is_held(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.begins()
        await person.bar.get_by_role("button", name="Pulsar para hablar").click()
        hold = person.bar.get_by_role("button", name="Mantén pulsado para hablar")
        await person.says("nada.")
        await hold.hover()
        await person.page.mouse.down()
        await expect(person.who).to_have_text("Hablas tú")
        await person.says("qué hora", after_ms=0)
        await person.page.mouse.up()

        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await expect(person.visitor.texts).to_have_count(1)
        await person.visitor.reads(person.visitor.texts, "qué hora")
        await expect(person.who).to_have_text("Pulsa para hablar")


async def test_space_bar_is_the_button_where_nobody_writes(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.begins()
        await person.bar.get_by_role("button", name="Pulsar para hablar").click()
        await person.visitor.box.press("a")
        await person.page.keyboard.down(" ")
        await expect(person.who).to_have_text("Pulsa para hablar")
        await person.page.keyboard.up(" ")
        await expect(person.visitor.box).to_have_value("a ")

        await person.visitor.run("() => document.activeElement.blur()")
        await person.page.keyboard.down(" ")
        await expect(person.who).to_have_text("Hablas tú")
        await person.says("hora", after_ms=0)
        await person.page.keyboard.up(" ")

        await person.visitor.reads(person.visitor.answers, "Las dos.")


TOUCH = """button => {
    for (const type of ["pointerdown", "pointerup"]) {
        button.dispatchEvent(new PointerEvent(type, { pointerId: 1, bubbles: true }));
    }
}"""
"""By the mouse, and in no time: a click's two halves are further apart where the machine is busy."""


async def test_button_that_is_only_touched_says_how_it_works(chrome: Browser) -> None:
    async with talking(chrome) as person:
        await person.begins()
        await person.bar.get_by_role("button", name="Pulsar para hablar").click()
        await person.bar.get_by_role("button", name="Mantén pulsado para hablar").evaluate(TOUCH)

        await person.visitor.reads(person.note, "Mantén pulsado")
        await expect(person.visitor.alert).to_be_hidden()


async def test_phone_has_room_for_the_voice(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), width=360) as person:
        await person.begins()
        await person.bar.get_by_role("button", name="Pulsar para hablar").click()
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers, "Las dos.")

        assert await person.visitor.run(WIDER_THAN_THE_WINDOW) == []
        for button in await person.page.locator(".dock button:visible").all():
            await expect(button).to_be_in_viewport(ratio=1)


WIDER_THAN_THE_WINDOW = """() => [...document.querySelectorAll("body *")]
    .filter((element) => !element.closest(".visually-hidden, .sprite, [hidden]"))
    .filter((element) => element.getBoundingClientRect().right > innerWidth + 0.5)
    .map((element) => `${element.tagName}.${element.className}`)"""


async def test_page_that_is_loaded_again_is_silent_until_it_is_asked(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), says("Las tres.")) as person:
        await person.begins()
        await person.says("hora?")
        await person.visitor.reads(person.visitor.texts, "Respondido")
        await person.page.reload()
        await person.visitor.is_told("En línea")
        await person.visitor.reads(person.visitor.texts, "hora?")
        await expect(person.bar).to_be_hidden()

        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers.last, "Las tres.")
        await person.visitor.reads(person.visitor.texts.last, "Respondido")


# Where there is no voice


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("NotAllowedError", "no deja usar el micrófono"),
        ("NotFoundError", "No se ha encontrado ningún micrófono"),
        ("NotReadableError", "ocupado por otro programa"),
        ("TypeError", "No se ha podido abrir"),
    ],
)
async def test_microphone_that_is_refused_is_a_sentence_and_the_text_goes_on(
    chrome: Browser, fault: str, sentence: str
) -> None:
    async with talking(chrome, says("Hola.")) as person:
        refuse = """(name) => {
            navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("no", name); };
        }"""
        await person.visitor.run(refuse, fault)
        await expect(person.button).to_be_enabled(timeout=ANSWER_LIMIT_MS)
        await person.button.click()

        await person.visitor.reads(person.note, sentence)
        await expect(person.bar).to_be_hidden()
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers, "Hola.")
        await person.page.get_by_role("button", name="English").click()
        await expect(person.note).not_to_contain_text(sentence)


UNDER_CONTROL = """() => {
    const ask = navigator.mediaDevices.getUserMedia;
    const tracks = [];
    navigator.mediaDevices.getUserMedia = async (wanted) => {
        if (window.isGone) throw new DOMException("no", "NotFoundError");
        const stream = await ask(wanted);
        window.asked = tracks.push(...stream.getTracks());
        return stream;
    };
    window.system = (type) => tracks.at(-1).dispatchEvent(new Event(type));
    const contexts = [];
    window.AudioContext = class extends AudioContext {
        constructor(...how) {
            super(...how);
            contexts.push(this);
        }
        async resume() {
            if (window.isTaken) throw new DOMException("in use", "InvalidStateError");
            return super.resume();
        }
    };
    window.take = () => {
        window.isTaken = true;
        return contexts[0].suspend();
    };
}"""
"""What a system does with a page's sound: before the microphone is asked for."""


async def test_microphone_that_is_unplugged_is_a_sentence(chrome: Browser) -> None:
    async with talking(chrome, says("Hola.")) as person:
        await person.visitor.run(UNDER_CONTROL)
        await person.begins()
        await person.visitor.run("() => { window.isGone = true; window.system('ended'); }")

        await person.visitor.reads(person.note, "se ha desconectado")
        await expect(person.bar).to_be_hidden()
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers, "Hola.")


async def test_microphone_that_the_system_takes_is_asked_for_again(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos.")) as person:
        await person.visitor.run(UNDER_CONTROL)
        await person.begins()
        await person.visitor.run("() => window.system('ended')")
        await person.page.wait_for_function("() => window.asked === 2")
        await expect(person.who).to_have_text("Te escucho")
        await person.says("hora?")

        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await expect(person.note).to_be_hidden()


async def test_microphone_that_the_system_mutes_is_a_line_until_it_hears_again(chrome: Browser) -> None:
    async with talking(chrome) as person:
        await person.visitor.run(UNDER_CONTROL)
        await person.begins()
        await person.visitor.run("() => window.system('mute')")
        await expect(person.who).to_have_text("El sistema ha silenciado el micrófono")
        await person.visitor.run("() => window.system('unmute')")

        await expect(person.who).to_have_text("Te escucho")
        await expect(person.note).to_be_hidden()


async def test_sound_that_the_system_stops_is_a_line_and_comes_back(chrome: Browser) -> None:
    async with talking(chrome, says("Las dos."), says("Las tres.")) as person:
        await person.visitor.run(UNDER_CONTROL)
        await person.begins()
        await person.visitor.run("() => window.take()")
        await expect(person.who).to_have_text("El sistema ha parado el sonido; vuelve solo")
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.log, "Las dos.")
        await person.visitor.run("() => { window.isTaken = false; }")
        await expect(person.who).not_to_have_text(re.compile("El sistema"), timeout=ANSWER_LIMIT_MS)
        await person.hears("dos.")
        await person.says("hora?")

        await person.hears("tres.")
        await expect(person.note).to_be_hidden()
        await expect(person.visitor.alert).to_be_hidden()


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        ("off", "no tiene voz"),
        ("loading", "se está preparando: 40 %"),
        ("not_installed", "no está instalada en el servidor (make voice)"),
        ("failed", "no funciona (make voice)"),
    ],
)
async def test_server_without_voice_says_why_the_button_does_nothing(
    chrome: Browser, status: VoiceStatus, sentence: str
) -> None:
    parts = VoiceParts(settings_with())
    parts.status, parts.progress, parts.detail = status, 0.4, "make voice"
    async with (
        running_server(provider=ScriptedModel([]), tools=[], engines=VoiceEngines(), voice=parts) as server,
        visiting(chrome, f"http://127.0.0.1:{server.port}") as visitor,
    ):
        button = visitor.page.locator("[data-part=mic]")
        note = visitor.page.locator("[data-part=voice-note]")

        await expect(note).to_contain_text(sentence, timeout=ANSWER_LIMIT_MS)
        await expect(button).to_be_disabled()
        await expect(button).to_have_accessible_description(re.compile(re.escape(sentence)))
        parts.status = "ready"
        if status == "loading":
            await expect(button).to_be_enabled(timeout=ANSWER_LIMIT_MS)
            await expect(note).to_be_hidden()


async def test_server_with_a_plainer_voice_is_talked_to_as_any_other(chrome: Browser) -> None:
    parts = VoiceParts(settings_with())
    parts.status, parts.detail = "degraded", "espeak-ng speaks"
    parts.halves = {"in": HalfState("ready"), "out": HalfState("degraded", "espeak-ng speaks")}
    async with (
        running_server(provider=ScriptedModel([]), tools=[], engines=VoiceEngines(), voice=parts) as server,
        visiting(chrome, f"http://127.0.0.1:{server.port}") as visitor,
    ):
        state = visitor.page.locator("[data-part=voice]")

        await expect(state).to_have_text(
            "Lista, con una voz más sencilla: espeak-ng speaks", timeout=ANSWER_LIMIT_MS
        )
        await expect(visitor.page.locator("[data-part=mic]")).to_be_enabled()
        await expect(visitor.page.locator("[data-part=voice-note]")).to_be_hidden()


async def test_server_that_cannot_speak_says_so_and_hears(chrome: Browser) -> None:
    lacks = HalfState("failed", "no espeak-ng")
    async with talking(chrome, says("Las dos."), speaks=lacks) as person:
        await expect(person.note).to_contain_text("van por escrito: no espeak-ng", timeout=ANSWER_LIMIT_MS)
        await person.begins()
        await person.says("qué hora es?")

        await person.visitor.reads(person.visitor.answers, "Las dos.")
        await expect(person.bar).to_be_visible()


async def test_server_that_cannot_hear_says_so(chrome: Browser) -> None:
    parts = VoiceParts(settings_with())
    parts.status, parts.detail = "not_installed", "make voice"
    parts.halves = {"in": HalfState("not_installed", "make voice"), "out": HalfState("ready")}
    async with (
        running_server(provider=ScriptedModel([]), tools=[], engines=VoiceEngines(), voice=parts) as server,
        visiting(chrome, f"http://127.0.0.1:{server.port}") as visitor,
    ):
        note = visitor.page.locator("[data-part=voice-note]")

        await expect(note).to_contain_text("no oírte; escribe, por favor: make", timeout=ANSWER_LIMIT_MS)
        await expect(visitor.page.locator("[data-part=mic]")).to_be_disabled()


# After a restart


async def test_talk_by_voice_goes_on_by_text_and_then_by_voice_after_a_restart(
    chrome: Browser, tmp_path: Path
) -> None:
    script = says("Las tres."), says("Las cuatro.")
    async with after_a_restart(chrome, tmp_path, *script) as (person, late):
        await expect(person.who).to_have_text("La voz vuelve enseguida", timeout=ANSWER_LIMIT_MS)
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers.last, "Las tres.")
        await expect(person.who).to_have_text("La voz vuelve enseguida")
        await expect(person.note).to_be_hidden()
        await late.comes()
        await expect(person.who).to_have_text("Te escucho", timeout=ANSWER_LIMIT_MS)
        await person.says("hora?")
        await person.hears("cuatro.")

        await person.visitor.reads(person.visitor.answers.last, "Las cuatro.")
        await expect(person.visitor.texts).to_have_count(3)
        await expect(person.visitor.alert).to_be_hidden()
        await expect(person.note).to_be_hidden()


async def test_voice_that_does_not_come_back_is_a_sentence_and_the_text_goes_on(
    chrome: Browser, tmp_path: Path
) -> None:
    broken = VoiceEngines(failures={"in": "a broken model", "out": "a broken model"})
    async with after_a_restart(chrome, tmp_path, says("Hola."), later=lambda _: broken) as (person, late):
        await expect(person.who).to_have_text("La voz vuelve enseguida", timeout=ANSWER_LIMIT_MS)
        await late.comes()

        await expect(person.bar).to_be_hidden(timeout=ANSWER_LIMIT_MS)
        await person.visitor.reads(person.note, "no funciona (a broken model)")
        await expect(person.button).to_be_disabled()
        await person.visitor.says("hola")
        await person.visitor.reads(person.visitor.answers.last, "Hola.")


async def test_server_that_only_hears_after_a_restart_answers_in_writing(
    chrome: Browser, tmp_path: Path
) -> None:
    def only_hears(engines: VoiceEngines) -> VoiceEngines:
        return replace(engines, synthesiser=None, failures={"out": "no espeak-ng"})

    async with after_a_restart(chrome, tmp_path, says("Las tres."), later=only_hears) as (person, late):
        await expect(person.who).to_have_text("La voz vuelve enseguida", timeout=ANSWER_LIMIT_MS)
        await late.comes()
        await person.visitor.reads(person.note, "van por escrito: no espeak-ng")
        await expect(person.who).to_have_text("Te escucho")
        await person.says("hora?")

        await person.visitor.reads(person.visitor.answers.last, "Las tres.")
        await expect(person.bar).to_be_visible()


# With everything real


def played_wav(path: Path, pcm: bytes) -> Path:
    """A recording for Chromium's microphone: a while of silence, then it, then silence for good."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(silence(1500) + pcm + silence(20_000))
    return path


async def is_ready(button: Locator) -> None:
    await expect(button).to_be_enabled(timeout=90_000)


QUIET = 300
"""A level that no speech of the agent stays below."""


def spoken_part(samples: np.ndarray) -> np.ndarray:
    """All from the first sound to the last one."""
    [loud] = np.nonzero(np.abs(samples.astype(int)) > QUIET)
    return samples[loud[0] : loud[-1] + 1] if loud.size else samples[:0]


def has_been_spoken(samples: np.ndarray, rate_hz: int) -> bool:
    """Whether there was speech, and a second of silence after it."""
    return bool(spoken_part(samples).size) and not spoken_part(samples[-rate_hz:]).size


# Real models hear and speak in real time: beside other tests they come too late for the page's patience.
@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_recorded_question_is_answered_in_text_and_in_speech_that_is_understood(tmp_path: Path) -> None:
    for name in ("whisper-base", "kokoro-v1.0.int8.onnx", "silero_vad.onnx", "smart-turn-v3.2-cpu.onnx"):
        model(name)
    question = played_wav(tmp_path / "question.wav", recording("es_calcula"))
    # With two workers Kokoro speaks also on a busy machine.
    server = ServerProcess(VOICE="true", MODELS_DIR=str(MODELS_DIR), TTS_WORKERS="2")
    server.start()
    made: list[Loudspeaker] = []

    async def prepare(page: Any) -> None:
        made.append(await with_loudspeaker(page))

    try:
        capture = f"--use-file-for-fake-audio-capture={question}%noloop"
        async with (
            launched(*FAKE_DEVICES, capture) as browser,
            visiting(browser, server.url, prepare=prepare) as visitor,
        ):
            button = visitor.page.locator("[data-part=mic]")
            await is_ready(button)
            await button.click()
            await expect(visitor.texts).to_contain_text("calcular", timeout=40_000)
            await expect(visitor.answers).to_contain_text("4", timeout=40_000)
            await expect(visitor.texts).to_contain_text("Respondido", timeout=60_000)
            await expect(visitor.page.locator("[data-part=voice-who]")).to_have_text(
                "Te escucho", timeout=60_000
            )
            # The last of the sound may not have come out of the loudspeaker yet.
            await made[0].until(has_been_spoken)
            samples, rate_hz = await made[0].sound()
    finally:
        server.kill()

    # Once, without the silence, and when the server's own models rest: Whisper wants a core for seconds.
    heard = await words_in(at_24_khz(spoken_part(samples), rate_hz), "es", tmp_path)
    assert re.search(r"cuatro|4", heard), heard
    assert re.search(r"dos|2", heard), heard


def at_24_khz(samples: np.ndarray, rate_hz: int) -> bytes:
    places = np.arange(0, len(samples), rate_hz / 24_000)
    return np.interp(places, np.arange(len(samples)), samples).astype("<i2").tobytes()
