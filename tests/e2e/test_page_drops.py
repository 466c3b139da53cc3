"""A talk on the page that is cut, reloaded, interrupted or opened twice reads as if it never was."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, WebSocket, expect

from tests.support.browser import ANSWER_LIMIT_MS, HandshakeInfo, ServerProcess, visiting
from tests.support.relay import Fault, Relay, relay_to

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

DROP = ("WebSocket connection", "Failed to load resource")
"""What Chromium itself writes when a server is away."""

QUESTION = "ayuda"
"""Its answer is long enough to be cut, and always the same."""


@pytest.fixture(scope="module")
def forgetful_server() -> Iterator[ServerProcess]:
    """Keeps so few messages that a page that was away has missed some for good."""
    process = ServerProcess(RESUME_RING_MESSAGES="3")
    process.start()
    yield process
    process.kill()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def whole(chrome: Browser, server: ServerProcess) -> str:
    """The answer as somebody reads it whom nothing happens to."""
    async with visiting(chrome, server.url) as visitor:
        await visitor.says(QUESTION)
        await visitor.reads(visitor.texts, "Respondido")
        return await visitor.answers.inner_text()


@asynccontextmanager
async def visiting_by_a_bad_network(
    chrome: Browser, server: ServerProcess, width: int = 1440
) -> AsyncIterator[tuple[HandshakeInfo, Relay]]:
    async with relay_to(server.port) as relay:
        url = f"http://127.0.0.1:{relay.port}"
        async with visiting(chrome, url, width=width, forgiven=DROP) as visitor:
            yield visitor, relay


async def is_read_once(visitor: HandshakeInfo, answer: str) -> None:
    await visitor.reads(visitor.texts, "Respondido")
    await expect(visitor.texts).to_have_count(1)
    await expect(visitor.exchanges).to_have_count(1)
    await expect(visitor.answers).to_have_count(1)
    assert await visitor.answers.inner_text() == answer
    await visitor.is_told("En línea")


# The network


async def test_answer_that_is_cut_off_three_times_is_completed_without_a_doubled_word(
    chrome: Browser, server: ServerProcess, whole: str
) -> None:
    async with visiting_by_a_bad_network(chrome, server) as (visitor, relay):
        await visitor.says(QUESTION)
        for words in (4, 12, 20):
            await visitor.hears_it_begin(words)
            relay.drop_all()

        await is_read_once(visitor, whole)
        spoken = await visitor.spoken.all_text_contents()
        answers = [text for text in spoken if text.startswith("Agente:")]
        assert answers == [f"Agente: {whole}"]
        await expect(visitor.log).not_to_contain_text("Sesión nueva")


READING = """() => [...document.querySelectorAll("[role=log] > *")].map((place) =>
    [place, ...place.querySelectorAll("*")].map((element) => {
        if (element.matches("tool-card")) return `${element.ariaLabel}: ${element.dataset.status}`;
        if (element.matches("chat-message")) {
            const { author, status, ending } = element.dataset;
            const body = element.querySelector(".message-body").textContent;
            return `${author} ${status ?? ending ?? "whole"}: ${body}`;
        }
        return element.matches(".notice, .divider, .inline-error") ? element.textContent : "";
    }).filter(Boolean))"""
"""All that a reader sees of the talk, place by place, but for times."""


class Cutter:
    """Breaks the page's connections, and waits until it has made the next one."""

    def __init__(self, visitor: HandshakeInfo, relay: Relay) -> None:
        self._relay = relay
        self._connected = asyncio.Event()
        self.connections = 0
        visitor.page.on("websocket", self._note)

    def _note(self, _: WebSocket) -> None:
        self.connections += 1
        self._connected.set()

    async def cut(self, kind: Literal["cut", "reset"], *on_the_way_back: Fault) -> None:
        """Cuts now, and the connections after that where the faults say."""
        due = self.connections + 1 + len(on_the_way_back)
        for fault in on_the_way_back:
            self._relay.add_fault(fault)
        self._relay.drop_all(kind)
        await self.comes_back(due)

    async def cut_at_the_next_text(self, visitor: HandshakeInfo, text: str) -> None:
        """Says a text whose first byte breaks the connection."""
        due = self.connections + 1
        self._relay.break_next("reset", "up")
        await visitor.says(text)
        await self.comes_back(due)

    async def comes_back(self, due: int) -> None:
        async with asyncio.timeout(ANSWER_LIMIT_MS / 1000):
            while self.connections < due:
                self._connected.clear()
                await self._connected.wait()


async def held(visitor: HandshakeInfo, cutter: Cutter | None) -> tuple[list[list[str]], list[str]]:
    """A talk with answers, a tool and a slow one; what was read and what was read aloud.

    With a cutter the network breaks ten times: in answers and tools, as a text leaves, on the way back.
    """
    await visitor.says(QUESTION)
    for words in (4, 10, 16):
        await visitor.hears_it_begin(words)
        if cutter:
            await cutter.cut("reset")
    await visitor.reads(visitor.texts.last, "Respondido")
    await visitor.says("prueba una llamada lenta de 5 segundos")
    await visitor.reads(visitor.tools, "en marcha")
    if cutter:  # in the handshake, and in what was missed
        await cutter.cut("cut", Fault("reset", "up", 300), Fault("cut", "down", 300))
    await visitor.reads(visitor.texts.last, "Respondido")
    if cutter:
        await cutter.cut("reset")
    await expect(visitor.exchanges).to_have_count(3, timeout=ANSWER_LIMIT_MS)
    await visitor.is_told("En línea")
    if cutter:
        await cutter.cut_at_the_next_text(visitor, "calcula 6*7")
    else:
        await visitor.says("calcula 6*7")
    await visitor.says(QUESTION)
    for words in (4, 20):
        await visitor.hears_it_begin(words)
        if cutter:
            await cutter.cut("cut")
    await visitor.reads(visitor.texts.last, "Respondido")
    await visitor.is_told("En línea")
    read, spoken = await visitor.run(READING), await visitor.spoken.all_text_contents()
    # How long the tool took is measured, and told.
    return [[untimed(text) for text in place] for place in read], [untimed(text) for text in spoken]


def untimed(text: str) -> str:
    return re.sub(r"\d+(\.\d+)? s\b", "n s", text)


async def test_talk_that_is_cut_ten_times_reads_as_if_it_never_was(
    chrome: Browser, server: ServerProcess
) -> None:
    # As narrow as that, the panels are closed and ask for nothing: the faults meet the WebSocket alone.
    async with visiting_by_a_bad_network(chrome, server, width=800) as (visitor, _):
        uncut = await held(visitor, None)
    async with visiting_by_a_bad_network(chrome, server, width=800) as (visitor, relay):
        cutter = Cutter(visitor, relay)
        cut = await held(visitor, cutter)

    assert cutter.connections == 10, "after the first one"
    assert cut[0] == uncut[0]
    assert cut[1] == uncut[1]
    places, _ = uncut
    assert len(places) == 6, "the demo's notice, four texts, and the result that is told by itself"


async def test_lost_connection_is_told_with_the_time_of_the_next_try(
    chrome: Browser, own_server: ServerProcess
) -> None:
    async with visiting(chrome, own_server.url, forgiven=DROP) as visitor:
        own_server.kill()

        bar = visitor.page.locator("[data-part=connection]")
        await visitor.reads(bar, re.compile(r"Nuevo intento en \d+ s"))
        await expect(bar.get_by_role("button", name="Conectar ahora")).to_be_visible()


async def test_messages_that_are_gone_are_replaced_by_the_history(
    chrome: Browser, forgetful_server: ServerProcess, whole: str
) -> None:
    async with visiting(chrome, forgetful_server.url) as visitor:
        await visitor.says(QUESTION)
        await visitor.hears_it_begin()
        await visitor.page.reload()

        await is_read_once(visitor, whole)


# The server


async def test_talk_goes_on_at_a_restarted_server(chrome: Browser, own_keeping_server: ServerProcess) -> None:
    """Killed in the middle of an answer: it is given anew, whole, and nothing stands there twice."""
    async with visiting(chrome, own_keeping_server.url, forgiven=DROP) as visitor:
        session = visitor.page.get_by_role("complementary").locator("code")
        before = await session.inner_text()
        await visitor.says("calcula 6*7")
        await visitor.reads(visitor.answer_to("6*7"), "42")
        await visitor.says(QUESTION)
        await visitor.hears_it_begin()

        own_keeping_server.kill()
        await visitor.is_told("Desconectado")
        await visitor.says("calcula 30+4")
        own_keeping_server.start()

        await visitor.reads(visitor.answer_to("30+4"), "34")
        await visitor.reads(visitor.answer_to("6*7"), "42")
        await expect(session).to_have_text(before)
        await expect(visitor.log).not_to_contain_text("Sesión nueva")
        await expect(visitor.texts).to_have_count(3)
        await visitor.reads(visitor.answer_to(QUESTION), "simular una API lenta")
        await visitor.reads(visitor.exchange_of(QUESTION), "Respondido")
        await expect(visitor.answers).to_have_count(3)


# Reloads


async def test_reload_in_the_middle_of_an_answer_shows_the_talk_again_and_goes_on(
    chrome: Browser, server: ServerProcess, whole: str
) -> None:
    async with visiting(chrome, server.url) as visitor:
        session = visitor.page.get_by_role("complementary").locator("code")
        before = await session.inner_text()
        await visitor.says(QUESTION)
        await visitor.hears_it_begin()
        await visitor.page.reload()

        await is_read_once(visitor, whole)
        await expect(session).to_have_text(before)
        await visitor.says("calcula 6*7")
        await visitor.reads(visitor.answer_to("6*7"), "42")


async def test_reload_shows_tools_and_answers_where_they_were(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 2+2")
        await visitor.reads(visitor.answer_to("2+2"), "4")
        await visitor.says("prueba una llamada lenta de 20 segundos")
        slow = visitor.tools.filter(has_text="placeholder_api_call")
        await visitor.reads(slow, "en marcha")
        await expect(visitor.texts.last).to_contain_text("Respondido", timeout=ANSWER_LIMIT_MS)

        await visitor.page.reload()

        await visitor.reads(visitor.exchange_of("2+2").locator("tool-card"), "terminada")
        await visitor.reads(visitor.exchange_of("llamada lenta").locator("tool-card"), "en marcha")
        await visitor.is_told("Usando placeholder_api_call…")
        await expect(visitor.page.get_by_role("heading", name="¿En qué te ayudo?")).to_be_hidden()
        assert await visitor.spoken.count() == 0, "what was read aloud before is no news"


# Interruption


@pytest.mark.parametrize("by", ["button", "key"])
async def test_stopped_answer_ends_where_it_was_and_says_so(
    chrome: Browser, server: ServerProcess, whole: str, by: str
) -> None:
    async with visiting(chrome, server.url) as visitor:
        stop = visitor.page.get_by_role("button", name="Detener la respuesta")
        await expect(stop).to_be_hidden()
        await visitor.says(QUESTION)
        begun = await visitor.hears_it_begin()
        if by == "button":
            await stop.click()
        else:
            await visitor.page.keyboard.press("Escape")

        await visitor.reads(visitor.log, "Respuesta interrumpida")
        heard = await visitor.answers.text_content() or ""
        assert heard.startswith(begun.split("\n")[0])
        assert len(heard) < len(whole)
        await visitor.reads(visitor.texts, "Interrumpido")
        await expect(stop).to_be_hidden()
        await expect(visitor.box).to_be_focused()
        await visitor.says("calcula 3*5")
        await visitor.reads(visitor.answer_to("3*5"), "15")
        assert await visitor.answers.first.text_content() == heard


async def test_slow_tool_is_cancelled_by_its_button_and_the_agent_says_so(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("prueba una llamada lenta de 20 segundos")
        await visitor.reads(visitor.texts, "Respondido")
        await visitor.page.get_by_role("button", name="Cancelar placeholder_api_call").click()

        await expect(visitor.tools).to_have_attribute("data-status", "cancelled", timeout=ANSWER_LIMIT_MS)
        await visitor.reads(visitor.tools, "cancelada")
        await expect(visitor.exchanges).to_have_count(2, timeout=ANSWER_LIMIT_MS)
        await visitor.reads(visitor.exchanges.last, re.compile("placeholder|llamada|cancel"))
        await visitor.is_told("En línea")


# Two tabs


async def test_talk_that_goes_on_in_another_tab_ends_in_the_older_for_good(
    chrome: Browser, server: ServerProcess
) -> None:
    """A duplicated tab has a copy of the older one's memory."""
    async with visiting(chrome, server.url) as older:
        await older.says("calcula 4*4")
        await older.reads(older.answer_to("4*4"), "16")

        async with older.page.context.expect_page() as opening:
            await older.run("() => void window.open(location.href)")
        newer = HandshakeInfo(await opening.value)

        await older.reads(older.page.locator("[data-part=connection]"), "en otra pestaña")
        await newer.reads(newer.answer_to("4*4"), "16")
        await newer.says("calcula 5*4")
        await newer.reads(newer.answer_to("5*4"), "20")
        await older.is_told("Desconectado")
        await expect(older.answers).to_have_count(1)
        await older.page.get_by_role("button", name="Conectar ahora").click()
        await older.reads(older.log, "20")
