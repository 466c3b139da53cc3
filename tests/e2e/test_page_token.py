"""A server with `API_TOKENS`: the page asks for a token, says when it is wrong, and uses it everywhere."""

import json
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.e2e.conftest import database_in
from tests.support.browser import HandshakeInfo, ServerProcess
from tests.support.relay import relay_to

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

GOOD = "token-of-ana-0123456789"
OTHER = "token-of-luis-0123456789"


@pytest.fixture(scope="module")
def guarded_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder: Path = tmp_path_factory.mktemp("talks")
    tokens = f"ana={GOOD}:user,luis={OTHER}:user"
    process = ServerProcess(DATABASE_URL=database_in(folder), API_TOKENS=tokens)
    process.start()
    yield process
    process.kill()


def rest(server: ServerProcess, path: str, token: str = GOOD) -> Any:
    request = urllib.request.Request(server.url + path, headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=5) as response:
        return json.load(response)


@asynccontextmanager
async def arriving(chrome: Browser, url: str) -> AsyncIterator[tuple[HandshakeInfo, Locator]]:
    """A new visitor in front of the dialog."""
    context = await chrome.new_context(locale="es-ES", viewport={"width": 1440, "height": 800})
    try:
        visitor = HandshakeInfo(await context.new_page())
        await visitor.page.goto(url)
        yield visitor, visitor.page.get_by_role("dialog", name="Este servidor pide un token")
    finally:
        await context.close()


async def enters(dialog: Locator, token: str, *, remember: bool = False) -> None:
    field = dialog.get_by_label("Token", exact=True)
    await expect(field).to_be_focused()
    await field.fill(token)
    if remember:
        await dialog.get_by_label("Recordarlo").check()
    await field.press("Enter")


async def test_talk_begins_with_the_token_that_is_asked_for(
    chrome: Browser, guarded_server: ServerProcess
) -> None:
    async with arriving(chrome, guarded_server.url) as (visitor, dialog):
        await enters(dialog, GOOD)

        await expect(dialog).to_be_hidden()
        await visitor.is_told("En línea")
        await visitor.says("calcula 6*7")
        await visitor.reads(visitor.answers, "42")
        # The token says who it is; the list, the profile and the panel go by it.
        await visitor.reads(visitor.page.get_by_role("navigation").get_by_role("listitem"), "calcula 6*7")
        panel = visitor.page.get_by_role("complementary", name="Datos de la sesión")
        await visitor.reads(panel.locator("[data-part=user]"), "ana")
        await visitor.page.get_by_role("button", name="Tu perfil").click()
        await visitor.page.get_by_label("Nombre", exact=True).fill("Ana")
        await visitor.page.get_by_role("button", name="Guardar").click()
        await visitor.reads(visitor.page.get_by_role("complementary").get_by_role("status"), "Guardado")
    assert rest(guarded_server, "/users/ana/profile")["name"] == "Ana"


async def test_wrong_token_is_told_in_words_and_can_be_mended(
    chrome: Browser, guarded_server: ServerProcess
) -> None:
    async with arriving(chrome, guarded_server.url) as (visitor, dialog):
        await enters(dialog, "wrong")

        await visitor.reads(dialog.get_by_role("alert"), "no acepta ese token")
        await enters(dialog, GOOD)
        await visitor.is_told("En línea")
        await expect(dialog).to_be_hidden()
        await expect(visitor.alert).to_be_hidden()


@pytest.mark.parametrize("remember", [False, True])
async def test_token_lasts_as_long_as_its_user_wants(
    chrome: Browser, guarded_server: ServerProcess, remember: bool
) -> None:
    async with arriving(chrome, guarded_server.url) as (visitor, dialog):
        await enters(dialog, GOOD, remember=remember)
        await visitor.is_told("En línea")
        await visitor.says("calcula 2*3")
        await visitor.reads(visitor.answers, "6")

        await visitor.page.reload()
        await visitor.reads(visitor.answers, "6")
        await expect(dialog).to_be_hidden()
        kept = await visitor.run("() => [JSON.stringify(localStorage), JSON.stringify(sessionStorage)]")
        assert [GOOD in place for place in kept] == [remember, not remember]
        later = HandshakeInfo(await visitor.page.context.new_page())
        await later.page.goto(guarded_server.url)
        if remember:
            await later.is_told("En línea")
        else:
            await expect(later.page.get_by_role("dialog")).to_be_visible()


async def test_talk_resumes_with_its_token_after_a_drop(
    chrome: Browser, guarded_server: ServerProcess
) -> None:
    async with relay_to(guarded_server.port) as relay:
        async with arriving(chrome, f"http://127.0.0.1:{relay.port}") as (visitor, dialog):
            await enters(dialog, GOOD)
            await visitor.is_told("En línea")
            await visitor.says("ayuda")
            await visitor.hears_it_begin()
            relay.drop_all()

            await visitor.reads(visitor.texts, "Respondido")
            await expect(visitor.exchanges).to_have_count(1)
            await expect(dialog).to_be_hidden()
            await expect(visitor.log).not_to_contain_text("Sesión nueva")


async def test_dialog_can_be_left_and_come_back_to(chrome: Browser, guarded_server: ServerProcess) -> None:
    async with arriving(chrome, guarded_server.url) as (visitor, dialog):
        await dialog.get_by_role("button", name="Cancelar").click()

        bar = visitor.page.locator("[data-part=connection]")
        await visitor.reads(bar, "El servidor pide un token")
        await visitor.says("calcula 9*9")
        await bar.get_by_role("button", name="Escribir el token").click()
        await enters(dialog, GOOD)
        await visitor.reads(visitor.answer_to("9*9"), "81")


async def test_forgotten_token_takes_the_talk_and_the_list_off_the_page(
    chrome: Browser, guarded_server: ServerProcess
) -> None:
    async with arriving(chrome, guarded_server.url) as (visitor, dialog):
        await enters(dialog, OTHER, remember=True)
        await visitor.is_told("En línea")
        await visitor.says("calcula 5*9")
        await visitor.reads(visitor.answers, "45")
        entries = visitor.page.get_by_role("navigation").get_by_role("listitem")
        await visitor.reads(entries, "calcula 5*9")

        await visitor.page.get_by_role("button", name="Tu perfil").click()
        await visitor.page.get_by_role("button", name="Olvidar el token").click()

        await expect(dialog).to_be_visible()
        await expect(dialog.get_by_role("alert")).to_be_hidden()
        await expect(visitor.exchanges).to_have_count(0)
        assert OTHER not in await visitor.run("() => JSON.stringify([localStorage, sessionStorage])")
        await enters(dialog, GOOD)
        await visitor.is_told("En línea")
        await expect(entries.filter(has_text="5*9")).to_have_count(0)


async def test_page_says_when_anybody_on_the_network_may_talk(chrome: Browser, server: ServerProcess) -> None:
    wide = ServerProcess(HOST="0.0.0.0", DATABASE_URL="none")
    wide.start()
    try:
        for url, is_open in ((wide.url, True), (server.url, False)):
            context = await chrome.new_context(locale="es-ES")
            visitor = HandshakeInfo(await context.new_page())
            await visitor.page.goto(url)
            await visitor.is_told("En línea")
            warning = visitor.page.get_by_role("note").filter(has_text="Cualquiera de la red")
            await expect(warning).to_have_count(1 if is_open else 0)
            await context.close()
    finally:
        wide.kill()
