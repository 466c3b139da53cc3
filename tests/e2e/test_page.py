"""The page at `/`, as a person with a browser meets it: real server, the whole Chromium, demo model."""

import json
import re
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.support.browser import ANSWER, ANSWER_LIMIT_MS, TEXT, ServerProcess, launched, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

DROP = ("WebSocket connection", "Failed to load resource")
"""What Chromium itself writes when a server is away."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(whole=True) as browser:
        yield browser


def rest(server: ServerProcess, path: str) -> Any:
    with urllib.request.urlopen(f"{server.url}{path}", timeout=5) as response:
        return json.load(response)


# A talk


async def test_answer_with_a_tool_stands_below_its_question(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("Hola, ¿puedes calcular 2+2?")

        exchange = visitor.exchange_of("calcular 2+2")
        await visitor.reads(visitor.answer_to("calcular 2+2"), re.compile(r"\b4\b"))
        await visitor.reads(exchange.get_by_role("group", name="Herramienta calculate"), "terminada")
        await visitor.reads(visitor.texts, "Respondido")
        await visitor.is_told("En línea")


async def test_talk_goes_on_while_a_slow_tool_runs(chrome: Browser, server: ServerProcess) -> None:
    """The heart of the product: the second text is answered first, the slow result is told when it comes."""
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("prueba una llamada lenta de 6 segundos")
        slow_tool = visitor.tools.filter(has_text="placeholder_api_call")
        await visitor.reads(slow_tool, "en marcha")

        await visitor.says("¿qué hora es?")
        await visitor.reads(visitor.answer_to("qué hora es"), re.compile(r"\d:\d\d"))

        await expect(slow_tool).to_have_attribute("data-status", "running")
        await visitor.is_told("Usando placeholder_api_call…")
        own_turn = visitor.log.locator(".exchange[data-source=agent]")
        await visitor.reads(own_turn.locator(ANSWER), re.compile("[Ll]lamada|placeholder"))
        await expect(slow_tool).to_have_attribute("data-status", "done")
        await expect(own_turn).to_have_count(1)
        await expect(visitor.exchanges.last.locator(TEXT)).to_have_count(0)
        await visitor.is_told("En línea")


async def test_texts_typed_together_are_each_answered_below_themselves(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        for number in range(11, 19):
            await visitor.says(f"calcula {number}*1000")

        for number in range(11, 19):
            answer = visitor.answer_to(f"{number}*1000")
            await visitor.reads(answer, re.compile(rf"{number}[.,\s]?000"))
        await expect(visitor.alert).to_be_hidden()


async def test_answer_is_announced_once_and_whole(chrome: Browser, server: ServerProcess) -> None:
    """A reader that hears each token would stutter."""
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 6*7")
        await visitor.reads(visitor.texts, "Respondido")

        answer = " ".join((await visitor.answers.inner_text()).split())
        spoken = await visitor.spoken.all_inner_texts()
        assert [line for line in spoken if line.startswith("Agente:")] == [f"Agente: {answer}"]
        assert "Herramienta calculate: terminada" in spoken
        await visitor.reads(visitor.log, "6*7 = 42")
        await expect(visitor.log).to_have_attribute("aria-live", "off")


async def test_refused_text_is_told_once_and_at_the_text(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("largo " * 200_000)

        await visitor.reads(visitor.texts, "Sin respuesta")
        await visitor.reads(visitor.log.locator(".inline-error"), "demasiado grande")
        await expect(visitor.alert).to_be_hidden()
        await expect(visitor.spoken.filter(has_text="demasiado grande")).to_have_count(1)
        await visitor.says("calcula 5*5")
        await visitor.reads(visitor.answers, "25")
        await expect(visitor.alert).to_be_hidden()


# The connection


async def test_server_that_has_forgotten_the_talk_begins_a_new_one_with_what_was_typed_meanwhile(
    chrome: Browser,
    own_server: ServerProcess,
) -> None:
    async with visiting(chrome, own_server.url, forgiven=DROP) as visitor:
        await visitor.says("calcula 2+3")
        await visitor.reads(visitor.answer_to("2+3"), "5")

        own_server.kill()
        await visitor.is_told("Desconectado")
        await visitor.says("calcula 30+4")
        await visitor.reads(visitor.exchange_of("30+4"), "Se enviará al conectar")
        own_server.start()

        await visitor.reads(visitor.answer_to("30+4"), "34")
        await visitor.is_told("En línea")
        await visitor.reads(visitor.log, "Sesión nueva")
        await visitor.reads(visitor.answer_to("2+3"), "5")


async def test_tool_that_is_lost_with_its_session_says_so(
    chrome: Browser,
    own_server: ServerProcess,
) -> None:
    async with visiting(chrome, own_server.url, forgiven=DROP) as visitor:
        await visitor.says("prueba una llamada lenta de 20 segundos")
        await visitor.reads(visitor.tools, "en marcha")
        await visitor.reads(visitor.texts, "Respondido")

        own_server.kill()
        await visitor.is_told("Desconectado")
        own_server.start()
        await visitor.reads(visitor.tools, "perdida con la sesión")
        await expect(visitor.tools).to_have_attribute("data-status", "lost")
        await expect(visitor.tools.get_by_role("button")).to_have_count(0)


async def test_text_that_is_lost_with_its_session_can_be_sent_again(
    chrome: Browser, own_server: ServerProcess
) -> None:
    """It is not sent by itself: whatever it asked for may have happened."""
    async with visiting(chrome, own_server.url, forgiven=DROP) as visitor:
        own_server.freeze()
        await visitor.says("calcula 7*3")
        await visitor.reads(visitor.texts, "Enviando")

        own_server.kill()
        own_server.start()
        await visitor.reads(visitor.texts, "se perdió la sesión")
        await visitor.is_told("En línea")
        await expect(visitor.answers).to_have_count(0)
        await visitor.page.get_by_role("button", name="Enviar de nuevo").click()

        await visitor.reads(visitor.answers, "21")


# The session


async def test_panel_shows_the_session_that_the_server_has(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 1+1")
        await visitor.reads(visitor.texts, "Respondido")

        panel = visitor.page.get_by_role("complementary", name="Datos de la sesión")
        session_id = await panel.locator("code").inner_text()
        facts = rest(server, f"/sessions/{session_id}")
        await visitor.reads(panel.locator("[data-part=user]"), facts["user_id"])
        await visitor.reads(panel.locator("[data-part=message-count]"), str(facts["message_count"]))
        await visitor.reads(panel, "demo")
        await expect(panel).to_contain_text("Ninguna")


async def test_panel_says_what_speech_misses_in_both_languages(chrome: Browser, tmp_path: Path) -> None:
    server = ServerProcess(VOICE="true", MODELS_DIR=str(tmp_path))
    try:
        server.start()
        async with visiting(chrome, server.url) as visitor:
            line = visitor.page.locator("[data-part=voice]")

            await visitor.reads(line, "Sin instalar: python -m app.voice.install")
            await visitor.page.get_by_role("button", name="English").click()
            await visitor.reads(line, "Not installed: python -m app.voice.install")
    finally:
        server.kill()


async def test_session_id_can_be_copied(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        panel = visitor.page.get_by_role("complementary")

        await panel.get_by_role("button", name="Copiar el identificador").click()

        await visitor.reads(panel.get_by_role("status"), "Copiado")
        copied = await visitor.run("() => navigator.clipboard.readText()")
        assert copied == await panel.locator("code").inner_text()


async def test_running_tool_is_in_the_panel(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("prueba una llamada lenta de 3 segundos")

        pending = visitor.page.get_by_role("complementary").get_by_role("listitem")
        await expect(pending).to_contain_text("placeholder_api_call", timeout=ANSWER_LIMIT_MS)
        await expect(pending).to_have_text("Ninguna", timeout=ANSWER_LIMIT_MS)


async def test_changed_user_begins_a_new_session_and_is_kept(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        session = visitor.page.get_by_role("complementary").locator("code")
        before = await session.inner_text()

        await visitor.page.get_by_role("button", name="Tu perfil").click()
        await visitor.page.get_by_label("Usuario").fill("ana")
        await visitor.page.get_by_role("button", name="Aplicar").click()

        await visitor.page.get_by_role("button", name="Datos de la sesión").click()
        await expect(session).not_to_have_text(before)
        await expect(session).to_have_text(re.compile("-"))
        assert rest(server, f"/sessions/{await session.inner_text()}")["user_id"] == "ana"
        await visitor.page.reload()
        await expect(visitor.page.get_by_role("button", name="Tu perfil")).to_contain_text("ana")


async def test_new_conversation_empties_the_page(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 1+1")
        await visitor.reads(visitor.texts, "Respondido")

        await visitor.page.get_by_role("button", name="Nueva conversación").click()

        await expect(visitor.exchanges).to_have_count(0)
        await expect(visitor.page.get_by_role("heading", name="¿En qué te ayudo?")).to_be_visible()
        await visitor.says("calcula 2*9")
        await visitor.reads(visitor.answers, "18")
