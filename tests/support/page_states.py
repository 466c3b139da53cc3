"""The page in each state that a person may find it in: one server for all of them, and how to get there."""

import asyncio
import json
import re
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, BrowserContext, Locator, expect

from app.speech.base import SpeechInputEngines, VoiceEngines
from app.speech.models.readiness import HalfState, VoiceParts
from app.speech.voices import voice_called
from tests.support.browser import ANSWER_LIMIT_MS, HandshakeInfo
from tests.support.context import settings_with
from tests.support.ears import FullStops, WordRecogniser, no_clips
from tests.support.loud_ears import LoudDetector, LoudVocabulary
from tests.support.page_sound import with_microphone
from tests.support.page_words import ASKED, HEARD, LANGUAGES, PROFILES, Language, answered, tools_of_the_page
from tests.support.relay import Relay, relay_to
from tests.support.scripted import ScriptedModel
from tests.support.server import Server, client_of, running_server
from tests.support.voices import CommaSplitter, WordySynthesiser

LOCALES: dict[Language, str] = {"es": "es-ES", "en": "en-GB"}
TOKEN = "token-of-ana-0123456789"


@dataclass
class Stage:
    """The servers, what a state may change of them, and a browser's memory for each language."""

    server: Server
    guarded: Server
    relay: Relay
    parts: VoiceParts
    vocabulary: LoudVocabulary
    contexts: dict[Language, BrowserContext] = field(default_factory=dict)

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://127.0.0.1:{self.server.port}"


@dataclass
class Person:
    """Somebody in front of the page, in one of its states."""

    visitor: HandshakeInfo
    stage: Stage
    language: Language
    say: Callable[[bytes], None]

    def part(self, name: str) -> Locator:
        """A part of the page, by its name in the page."""
        return self.visitor.page.locator(f"[data-part={name}]")

    async def asks(self, what: str) -> None:
        """Says one of `ASKED`."""
        await self.visitor.says(ASKED[self.language][what])

    async def opens(self, name: str) -> None:
        """Opens a panel at the side, if it is not open yet."""
        if await self.part(name).is_hidden():
            # Where the list lies over the talk, the button of the profile is in it.
            if name == "profile":
                await self.opens("talks")
            await self.part(f"{name}-toggle").click()
        await expect(self.part(name)).to_be_visible()

    async def talks_aloud(self) -> None:
        """Presses the microphone's button."""
        await expect(self.part("mic")).to_be_enabled(timeout=ANSWER_LIMIT_MS)
        await self.part("mic").click()
        await expect(self.part("voice-bar")).to_be_visible(timeout=ANSWER_LIMIT_MS)


@dataclass(frozen=True)
class State:
    """A state of the page.

    Attributes:
        bring: Gets there from a fresh page.
        hold: Whether it is still there once the window has another width; else gets there again.
        path: The page's address, below the server's.
        is_talk: Whether it is the page that people talk on, rather than one for operators.
        forgiven: Parts of what Chromium complains about in it.
        guarded: Whether the server asks for a token.
        relayed: Whether the network may break.
        is_known: Whether the person has talks and a profile on the server.
    """

    bring: Callable[[Person], Awaitable[None]]
    hold: Callable[[Person], Awaitable[None]] | None = None
    path: str = "/"
    is_talk: bool = True
    forgiven: tuple[str, ...] = ()
    guarded: bool = False
    relayed: bool = False
    is_known: bool = False


async def _empty(person: Person) -> None:
    await expect(person.part("suggestions").get_by_role("button").first).to_be_visible()


async def _streaming(person: Person) -> None:
    await person.asks("stream")
    await person.visitor.hears_it_begin(12)
    await expect(person.part("stop")).to_be_visible()


async def _slow_tool(person: Person) -> None:
    await person.asks("stock")
    await expect(person.visitor.tools.locator("progress")).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await expect(person.visitor.answers).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    await person.asks("meanwhile")
    await expect(person.visitor.answers).to_have_count(2, timeout=ANSWER_LIMIT_MS)


async def _approval(person: Person) -> None:
    await person.asks("pay")
    await expect(person.visitor.log.locator("approval-card")).to_be_visible(timeout=ANSWER_LIMIT_MS)


async def _error(person: Person) -> None:
    await person.asks("fail")
    await expect(person.visitor.log.locator(".inline-error")).to_be_visible(timeout=ANSWER_LIMIT_MS)
    file = {"name": "cv.pdf", "mimeType": "application/pdf", "buffer": b"%PDF"}
    await person.part("recording").set_input_files([file])  # type: ignore[list-item]
    await expect(person.visitor.alert.first).to_be_visible()


async def _offline(person: Person) -> None:
    await person.asks("greet")
    await expect(person.visitor.answers).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    person.stage.relay.leads_to(1)
    person.stage.relay.drop_all()
    await expect(person.part("connection")).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await person.visitor.says(ASKED[person.language]["meanwhile"])


async def _reopened(person: Person) -> None:
    await person.opens("talks")
    await person.part("talks-list").get_by_text(ASKED[person.language]["month"]).click()
    await expect(person.visitor.answers).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    await person.visitor.tools.locator("summary").click()
    await expect(person.visitor.tools.locator("pre").first).to_be_visible()


async def _talks_list(person: Person) -> None:
    await person.opens("talks")
    entries = person.part("talks-list").get_by_role("listitem")
    await expect(entries).to_have_count(3, timeout=ANSWER_LIMIT_MS)
    await person.part("talks-search").fill("a")
    await entries.first.hover()
    await entries.first.locator("button").first.click()
    await expect(person.part("talks-list").get_by_role("textbox")).to_be_visible()


async def _profile(person: Person) -> None:
    await person.opens("profile")
    await expect(person.part("profile-notes").get_by_role("listitem")).to_have_count(
        2, timeout=ANSWER_LIMIT_MS
    )


async def _listening(person: Person) -> None:
    await person.talks_aloud()
    await person.part("voice-more").click()
    words = " ".join([HEARD[person.language]] * 20)
    person.say(person.stage.vocabulary.sound(words))
    heard = person.visitor.log.locator("chat-message[data-status=hearing]")
    await expect(heard).to_be_visible(timeout=ANSWER_LIMIT_MS)


async def _speaking(person: Person) -> None:
    await person.talks_aloud()
    await person.asks("story")
    await expect(person.part("voice-now")).to_have_attribute("data-who", "agent", timeout=ANSWER_LIMIT_MS)


async def _token(person: Person) -> None:
    dialog = person.part("token")
    await expect(dialog).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await dialog.locator("input[name=token]").fill("wrong")
    await dialog.locator("input[name=token]").press("Enter")
    await expect(dialog.get_by_role("alert")).to_have_attribute("data-kind", "error", timeout=ANSWER_LIMIT_MS)


STATES: Mapping[str, State] = {
    "empty": State(_empty),
    "streaming": State(_streaming),
    "slow tool": State(_slow_tool),
    "approval": State(_approval),
    "error": State(_error),
    "offline": State(_offline, relayed=True, forgiven=("WebSocket connection", "Failed to load resource")),
    "reopened talk": State(_reopened, is_known=True),
    "talks list": State(_talks_list, lambda person: person.opens("talks"), is_known=True),
    "profile": State(_profile, lambda person: person.opens("profile"), is_known=True),
    "voice listening": State(_listening),
    "voice speaking": State(_speaking),
    "token dialog": State(_token, guarded=True, forgiven=("WebSocket connection", "Failed to load")),
}
"""The twelve that the page is looked at in."""


async def _session(person: Person) -> None:
    await person.asks("greet")
    await person.opens("panel")
    await expect(person.part("user")).not_to_have_text("—", timeout=ANSWER_LIMIT_MS)


async def _shortcuts(person: Person) -> None:
    await person.part("scroller").focus()
    await person.visitor.page.keyboard.press("?")
    await expect(person.part("shortcuts")).to_be_visible()


async def _erasing(person: Person) -> None:
    await person.opens("profile")
    await person.part("profile-forget").click()
    await expect(person.part("confirm")).to_be_visible()


async def _push_to_talk(person: Person) -> None:
    await person.talks_aloud()
    await person.visitor.page.locator("[data-mode=manual]").click()
    await person.part("hold").click()
    await expect(person.part("voice-note")).to_be_visible()


async def _reading(person: Person) -> None:
    await person.part("aloud").click()
    await expect(person.part("voice-bar")).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await person.part("voice-more").click()
    await person.asks("story")
    await expect(person.part("voice-now")).to_have_attribute("data-who", "agent", timeout=ANSWER_LIMIT_MS)


async def _times(person: Person) -> None:
    await person.asks("month")
    await expect(person.visitor.answers).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    await person.visitor.log.locator("summary.times-summary").click()


async def _editing(person: Person) -> None:
    await person.asks("greet")
    await expect(person.visitor.log.locator(".regenerate")).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await person.visitor.log.locator(".edit").click()
    await expect(person.visitor.log.locator(".revision textarea")).to_be_focused()


async def _at_work(person: Person) -> None:
    await _slow_tool(person)
    await person.talks_aloud()
    person.say(person.stage.vocabulary.sound(" ".join([HEARD[person.language]] * 20)))
    heard = person.visitor.log.locator("chat-message[data-status=hearing] .message-body")
    await expect(heard).to_have_text(re.compile(r"(\S+ ){3}"), timeout=ANSWER_LIMIT_MS)


async def _voice_loading(person: Person) -> None:
    await expect(person.part("voice-note")).to_contain_text("40", timeout=ANSWER_LIMIT_MS)


async def _half_a_voice(person: Person) -> None:
    await expect(person.part("voice-note")).to_contain_text("no espeak-ng", timeout=ANSWER_LIMIT_MS)


async def _nothing(person: Person) -> None:
    await expect(person.visitor.page.get_by_role("heading", level=1)).to_be_visible()


BESIDE: Mapping[str, State] = {
    "session": State(_session, lambda person: person.opens("panel")),
    "shortcuts": State(_shortcuts),
    "erasing": State(_erasing, is_known=True),
    "push to talk": State(_push_to_talk),
    "read aloud": State(_reading),
    "times": State(_times),
    "editing": State(_editing),
    "at work": State(_at_work),
    "voice loading": State(_voice_loading),
    "half a voice": State(_half_a_voice),
    "diagnosis": State(_nothing, path="/agent/diagnose", is_talk=False),
    "diagnosis with a token": State(
        _nothing, path="/agent/diagnose", is_talk=False, guarded=True, forgiven=("Failed to load",)
    ),
    "routes": State(_nothing, path="/docs", is_talk=False),
    "nowhere": State(_nothing, path="/nowhere", is_talk=False, forgiven=("Failed to load",)),
}
"""What else the page can look like, and the pages for operators."""

_SPEECH = {
    "voice loading": ("loading", HalfState("loading"), HalfState("loading")),
    "half a voice": ("failed", HalfState("ready"), HalfState("failed", "no espeak-ng")),
}
_WHOLE_SPEECH = ("ready", HalfState("ready"), HalfState("ready"))


@asynccontextmanager
async def stage_in(folder: Path, browser: Browser) -> AsyncIterator[Stage]:
    """The servers, and a browser at them; `folder` is for what they keep."""
    settings = settings_with(
        database_url=f"sqlite+aiosqlite:///{folder}/talks.db",
        tool_approval="writes",
        approval_timeout_s=600,
    )
    vocabulary = LoudVocabulary()
    ears = WordRecogniser(vocabulary, 0.02)
    input_engines = SpeechInputEngines(
        ears, FullStops(), LoudDetector, lambda rate: lambda pcm: pcm, no_clips
    )
    voices = (voice_called("ef_dora", "es"), voice_called("em_alex", "es"), voice_called("af_heart", "en"))
    engines = VoiceEngines(input_engines, WordySynthesiser(), CommaSplitter, voices=voices)
    parts = VoiceParts(settings)
    async with AsyncExitStack() as opened:
        server = await opened.enter_async_context(
            running_server(
                settings,
                provider=ScriptedModel(answered),
                tools=tools_of_the_page(),
                engines=engines,
                voice=parts,
            )
        )
        asks = settings_with(api_tokens=f"ana={TOKEN}:user")
        guarded = await opened.enter_async_context(running_server(asks, provider=ScriptedModel([])))
        relay = await opened.enter_async_context(relay_to(server.port))
        stage = Stage(server, guarded, relay, parts, vocabulary)
        for language in LANGUAGES:
            await _fill(stage, language)
            # One each: a page whose files the browser has already comes sooner.
            stage.contexts[language] = await browser.new_context(locale=LOCALES[language])
        yield stage
        for context in stage.contexts.values():
            await context.close()


async def _fill(stage: Stage, language: Language) -> None:
    """Gives somebody talks and a profile."""
    user = f"ana-{language}"
    for what in ("greet", "meanwhile", "month"):
        async with client_of(stage.server) as client:
            await client.opens(user)
            await client.says(ASKED[language][what])
            await client.hears("response_complete")
    request = urllib.request.Request(
        f"{stage.url}/users/{user}/profile",
        method="PUT",
        data=json.dumps(PROFILES[language]).encode(),
        headers={"Content-Type": "application/json"},
    )
    await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=5).close())


def _address(stage: Stage, state: State) -> str:
    port = stage.relay.port if state.relayed else stage.guarded.port if state.guarded else stage.server.port
    return f"http://127.0.0.1:{port}{state.path}"


_FIRST_VISIT = """if (!sessionStorage.length) {
    localStorage.clear();
    if ("USER") localStorage.setItem("voice-agent.user", "USER");
}"""


@asynccontextmanager
async def found_in(
    stage: Stage,
    name: str,
    language: Language = "es",
    width: int = 1280,
    height: int = 800,
    **media: Any,
) -> AsyncIterator[Person]:
    """Somebody who finds the page so; afterwards, fails for anything that the browser complained about.

    Args:
        stage: What it is served by; nothing of an earlier visit is kept.
        name: Of the state.
        language: Of the browser.
        width: Of the window, in CSS pixels; so is `height`.
        height: Of the window.
        media: What the person prefers, such as `color_scheme`.
    """
    state = {**STATES, **BESIDE}[name]
    parts = stage.parts
    parts.status, parts.halves["in"], parts.halves["out"] = _SPEECH.get(name, _WHOLE_SPEECH)  # type: ignore[assignment]
    parts.progress, parts.detail = 0.4, parts.halves["out"].detail
    stage.relay.leads_to(stage.server.port)
    said: list[asyncio.Future[None]] = []
    page = await stage.contexts[language].new_page()
    visitor = HandshakeInfo(page)
    try:
        await page.set_viewport_size({"width": width, "height": height})
        await page.emulate_media(**media)
        user = f"ana-{language}" if state.is_known else ""
        await page.add_init_script(_FIRST_VISIT.replace("USER", user))
        microphone = await with_microphone(page)
        person = Person(visitor, stage, language, lambda pcm: said.append(microphone(pcm)))
        await page.goto(_address(stage, state))
        if state.is_talk and not state.guarded:
            await visitor.is_told("Online" if language == "en" else "En línea")
        await state.bring(person)
        yield person
    finally:
        await page.close()
        # What was still being said has ended with the page.
        await asyncio.gather(*said, return_exceptions=True)
    unforgiven = [text for text in visitor.complaints if not any(part in text for part in state.forgiven)]
    assert not unforgiven, f"the browser complained: {unforgiven}"
