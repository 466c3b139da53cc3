"""The page below a path of a site: a real nginx with `deploy/nginx-path.conf`, and a real Chromium."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from app.speech.models.readiness import HalfState, VoiceParts
from tests.deploy.proxies import Proxy, asks, proxied
from tests.deploy.test_proxies import HOST, status_of
from tests.e2e.test_page_drops import DROP
from tests.e2e.test_page_voice import Person, engines_of
from tests.support.browser import ANSWER_LIMIT_MS, launched, visiting
from tests.support.context import settings_with
from tests.support.loud_ears import LoudVocabulary
from tests.support.page_sound import FAKE_DEVICES, with_loudspeaker, with_microphone
from tests.support.scripted import Answer, ScriptedModel, says
from tests.support.server import running_server

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

VOCABULARY = LoudVocabulary()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    """With a microphone that is always there and allowed."""
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


@asynccontextmanager
async def below_a_path(folder: Path, *script: Answer, **settings: Any) -> AsyncIterator[Proxy]:
    """A server that hears and speaks, behind nginx at `/voice/`."""
    chosen = settings_with(root_path="/voice", **settings)
    llm, engines = ScriptedModel(list(script)), engines_of(VOCABULARY)
    parts = VoiceParts(chosen)
    parts.status, parts.halves = "ready", {"in": HalfState("ready"), "out": HalfState("ready")}
    async with running_server(chosen, provider=llm, tools=[], engines=engines, voice=parts) as server:
        async with proxied("nginx", folder, server.port, file="nginx-path.conf", path="/voice") as proxy:
            yield proxy


@asynccontextmanager
async def in_front_of(chrome: Browser, proxy: Proxy, page: str = "/voice/") -> AsyncIterator[Person]:
    made: list[Any] = []

    async def prepare(page: Any) -> None:
        made.append(await with_loudspeaker(page))
        made.append(await with_microphone(page))

    url = f"http://127.0.0.1:{proxy.port}{page}"
    async with visiting(chrome, url, prepare=prepare, forgiven=DROP) as visitor:
        person = Person(visitor, made[0], made[1])
        person.vocabulary = VOCABULARY
        yield person


async def test_page_is_styled_talks_and_comes_back(chrome: Browser, tmp_path: Path) -> None:
    script = (says("Hola."), says("Sigo."))
    # The page's own origin is allowed although another one is listed.
    async with below_a_path(tmp_path, *script, allowed_origins="https://app.example.com") as proxy:
        async with in_front_of(chrome, proxy) as person:
            visitor = person.visitor
            ground = await visitor.run("() => getComputedStyle(document.body).backgroundColor")
            assert ground not in ("rgba(0, 0, 0, 0)", "rgb(255, 255, 255)")
            await visitor.says("hola")
            await visitor.reads(visitor.answer_to("hola"), "Hola.")
            await proxy.ends()
            await expect(visitor.page.locator("[data-part=connection]")).to_be_visible(
                timeout=ANSWER_LIMIT_MS
            )
            await proxy.starts()
            await visitor.is_told("En línea")
            await visitor.says("¿sigues?")
            await visitor.reads(visitor.answer_to("¿sigues?"), "Sigo.")
            kept = await visitor.run("() => Object.keys(sessionStorage)")

    # Another server below another path of the site has a storage of its own.
    assert kept and all(key.startswith("voice-agent.voice.") for key in kept)


async def test_page_hears_and_speaks(chrome: Browser, tmp_path: Path) -> None:
    async with below_a_path(tmp_path, says("Las dos.")) as proxy:
        async with in_front_of(chrome, proxy) as person:
            await person.begins()
            await person.says("hora?")
            await person.hears("dos.")


async def test_the_path_without_its_slash_leads_to_the_page(chrome: Browser, tmp_path: Path) -> None:
    async with below_a_path(tmp_path) as proxy:
        async with in_front_of(chrome, proxy, "/voice") as person:
            assert person.page.url.endswith("/voice/")


async def test_library_is_imported_from_below_the_path(chrome: Browser, tmp_path: Path) -> None:
    async with below_a_path(tmp_path, says("Hola.")) as proxy:
        async with in_front_of(chrome, proxy) as person:
            said = await person.visitor.run(
                """async () => {
                    const { VoiceAgentClient } = await import("/voice/static/voice-agent-client.js");
                    const address = location.origin.replace("http", "ws") + "/voice/ws";
                    const client = new VoiceAgentClient(address, { userId: "ana" });
                    const answer = new Promise((done) =>
                        client.addEventListener("chunk", ({ detail }) => done(detail.content)));
                    client.connect();
                    client.say("hola");
                    const text = await answer;
                    client.close();
                    return text;
                }"""
            )

    assert said == "Hola."


@pytest.mark.parametrize("route", ["metrics", "agent/diagnose"])
@pytest.mark.parametrize(
    "path", ["/voice/", "/voice/voice/", "/voice//", "/voice//voice/", "/voice/./voice/", "/%76oice/%76oice/"]
)
async def test_metrics_and_diagnosis_are_not_for_the_street(tmp_path: Path, path: str, route: str) -> None:
    async with below_a_path(tmp_path) as proxy:
        answer = await asks(proxy.port, f"GET {path}{route} HTTP/1.1\r\n".encode() + HOST + b"\r\n")

    assert status_of(answer) == 404
    assert b"voice_agent_" not in answer and b'"checks"' not in answer


async def test_configuration_is_taken_without_a_warning(tmp_path: Path) -> None:
    status, said = await Proxy("nginx", tmp_path, 1, file="nginx-path.conf").checks()

    assert (status, "warn" in said.lower()) == (0, False)
