"""A talk on the page that is cut, reloaded, interrupted or opened twice reads as if it never was."""

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser import ANSWER_LIMIT_MS, ServerProcess, Visitor, visiting
from tests.support.relay import Relay, relay_to

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
    chrome: Browser, server: ServerProcess
) -> AsyncIterator[tuple[Visitor, Relay]]:
    async with relay_to(server.port) as relay:
        url = f"http://127.0.0.1:{relay.port}"
        async with visiting(chrome, url, forgiven=DROP) as visitor:
            yield visitor, relay


async def is_read_once(visitor: Visitor, answer: str) -> None:
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

        await visitor.reads(visitor.exchange_of("2+2").get_by_role("group"), "terminada")
        await visitor.reads(visitor.exchange_of("llamada lenta").get_by_role("group"), "en marcha")
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
        newer = Visitor(await opening.value)

        await older.reads(older.page.locator("[data-part=connection]"), "en otra pestaña")
        await newer.reads(newer.answer_to("4*4"), "16")
        await newer.says("calcula 5*4")
        await newer.reads(newer.answer_to("5*4"), "20")
        await older.is_told("Desconectado")
        await expect(older.answers).to_have_count(1)
        await older.page.get_by_role("button", name="Conectar ahora").click()
        await older.reads(older.log, "20")
