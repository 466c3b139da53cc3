"""The list of talks on the page: which there are, going on with one, taking it away, deleting it."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect

from tests.support.browser import ANSWER_LIMIT_MS, HandshakeInfo, ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


class Talks:
    """The list as a screen reader finds it."""

    def __init__(self, visitor: HandshakeInfo) -> None:
        self.visitor = visitor
        self.panel = visitor.page.get_by_role("navigation", name="Conversaciones")
        self.entries = self.panel.get_by_role("listitem")
        self.current = self.panel.locator("[aria-current=true]")
        self.dialog = visitor.page.get_by_role("alertdialog", name="¿Borrar la conversación?")

    def entry(self, title: str) -> Locator:
        return self.entries.filter(has_text=title)

    def button(self, title: str, act: str) -> Locator:
        """`Borrar` or `Exportar` of a talk."""
        return self.entry(title).get_by_label(f"{act} «")

    async def opens(self, title: str) -> None:
        await self.entry(title).locator(".talk-open").click()

    async def begins(self) -> None:
        await self.visitor.page.get_by_role("button", name="Nueva conversación").click()
        await expect(self.visitor.exchanges).to_have_count(0)
        await expect(self.current).to_have_count(0)
        await self.visitor.is_told("En línea")

    async def talks_of(self, *texts: str) -> None:
        """One talk for each text; the last one stays on the page."""
        for number, text in enumerate(texts):
            if number:
                await self.begins()
            await self.visitor.says(text)
            await self.visitor.reads(self.visitor.texts.last, "Respondido")
            await expect(self.current).to_contain_text(text, timeout=ANSWER_LIMIT_MS)


@asynccontextmanager
async def looking(
    chrome: Browser, server: ServerProcess, width: int = 1440, forgiven: tuple[str, ...] = (), **how: Any
) -> AsyncIterator[tuple[HandshakeInfo, Talks]]:
    async with visiting(chrome, server.url, width=width, forgiven=forgiven, **how) as visitor:
        yield visitor, Talks(visitor)


class Lists:
    """What the server tells the page of the user's talks, which a test may hold back."""

    def __init__(self) -> None:
        self._may_pass = asyncio.Event()
        self._may_pass.set()
        self._keeps_old = False
        self.waits = asyncio.Event()
        """Whether one is held back."""

    async def pass_here(self, page: Page) -> None:
        """From now on; before the page is opened, or one may be on its way already."""
        await page.route("**/users/**/sessions?*", self._pass)

    async def _pass(self, route: Route) -> None:
        told = await route.fetch()
        if not self._may_pass.is_set():
            self.waits.set()
            await self._may_pass.wait()
            if not self._keeps_old:
                told = await route.fetch()
        await route.fulfill(response=told)

    def wait(self, *, keeps_old: bool = False) -> None:
        """The page keeps the list that it has. `keeps_old`: what it is told later was true when it asked."""
        self._may_pass.clear()
        self._keeps_old = keeps_old

    def go_on(self) -> None:
        """What waits reaches the page."""
        self._may_pass.set()


async def test_talks_are_listed_by_their_first_words_and_the_one_on_the_page_is_marked(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await visitor.reads(talks.panel, "Aquí aparecerán tus conversaciones")
        await talks.talks_of("calcula 1+1", "calcula 2+2")

        await expect(talks.entries).to_have_count(2)
        await visitor.reads(talks.entries.first, "calcula 2+2")
        await visitor.reads(talks.entries.last, "calcula 1+1")
        await expect(talks.current).to_have_text(re.compile(r"calcula 2\+2"))
        await talks.begins()
        await expect(talks.entries).to_have_count(2)


async def test_old_talk_goes_on_where_it_was(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 3+3", "calcula 4+4")

        await talks.opens("calcula 3+3")

        await visitor.reads(visitor.answer_to("3+3"), "6")
        await expect(visitor.exchanges).to_have_count(1)
        await expect(talks.current).to_have_text(re.compile(r"calcula 3\+3"))
        await expect(visitor.box).to_be_focused()
        await visitor.says("calcula 5*5")
        await visitor.reads(visitor.answer_to("5*5"), "25")
        await visitor.page.reload()
        await visitor.reads(visitor.answer_to("5*5"), "25")
        await visitor.reads(visitor.answer_to("3+3"), "6")
        await expect(talks.entries).to_have_count(2)
        await expect(visitor.alert).to_be_hidden()


async def test_tool_of_a_talk_that_was_left_goes_on_and_its_result_is_there(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("prueba una llamada lenta de 4 segundos", "calcula 4+5")

        await talks.opens("llamada lenta")

        await expect(visitor.answers).to_have_count(2, timeout=ANSWER_LIMIT_MS)
        await visitor.reads(visitor.answers.last, re.compile("[Ll]lamada|placeholder"))
        await visitor.is_told("En línea")


async def test_talk_that_is_gone_is_told_and_a_new_one_begins(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    lists = Lists()
    async with looking(chrome, keeping_server, prepare=lists.pass_here) as (visitor, talks):
        await talks.talks_of("calcula 6+1", "calcula 6+2")
        link = talks.entry("6+1").get_by_role("link", name="Exportar")
        session_id = (await link.get_attribute("href") or "").split("/")[-2]
        lists.wait()
        erased = await visitor.page.request.delete(f"{keeping_server.url}/sessions/{session_id}")
        assert erased.status == 204

        await talks.opens("6+1")
        lists.go_on()

        await visitor.reads(visitor.alert, "No se puede continuar esa conversación")
        await visitor.is_told("En línea")
        await visitor.says("calcula 6+3")
        await visitor.reads(visitor.answer_to("6+3"), "9")
        await expect(talks.entry("6+1")).to_have_count(0)
        await visitor.page.unroute_all(behavior="wait")


@pytest.mark.parametrize("which", ["calcula 7+1", "calcula 7+2"], ids=["another", "the one on the page"])
async def test_deleted_talk_is_gone_for_good_once_that_is_confirmed(
    chrome: Browser, keeping_server: ServerProcess, which: str
) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 7+1", "calcula 7+2")

        await talks.button(which, "Borrar").click()
        await visitor.reads(talks.dialog, which)
        await expect(talks.dialog.get_by_role("button", name="Cancelar")).to_be_focused()
        await visitor.page.keyboard.press("Escape")
        await expect(talks.dialog).to_be_hidden()
        await expect(talks.entry(which)).to_be_visible()
        await talks.button(which, "Borrar").click()
        await talks.dialog.get_by_role("button", name="Borrar").click()

        await expect(talks.entries).to_have_count(1)
        await expect(visitor.spoken.filter(has_text="Conversación borrada")).to_have_count(1)
        await expect(visitor.exchanges).to_have_count(0 if which.endswith("2") else 1)
        await visitor.is_told("En línea")
        await visitor.page.reload()
        await expect(talks.entries).to_have_count(1)
        await expect(talks.entry(which)).to_have_count(0)


COUNT = """() => {
    const list = document.querySelector("[data-part=talks-list]");
    const count = () => list.querySelectorAll("li").length;
    window.counts = [count()];
    new MutationObserver(() => window.counts.push(count())).observe(list, { childList: true, subtree: true });
}"""


async def test_deleted_talk_does_not_come_back_by_a_list_that_was_asked_for_before(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    lists = Lists()
    async with looking(chrome, keeping_server, prepare=lists.pass_here) as (visitor, talks):
        await talks.talks_of("calcula 15+1", "calcula 15+2")
        lists.wait(keeps_old=True)
        await visitor.says("calcula 15+3")
        await asyncio.wait_for(lists.waits.wait(), ANSWER_LIMIT_MS / 1000)

        await talks.button("calcula 15+1", "Borrar").click()
        await talks.dialog.get_by_role("button", name="Borrar").click()
        await expect(talks.entries).to_have_count(1)
        await visitor.run(COUNT)
        async with visitor.page.expect_response("**/users/**/sessions?*") as old:
            lists.go_on()
        await (await old.value).finished()
        async with visitor.page.expect_response("**/users/**/sessions?*") as fresh:
            await visitor.says("calcula 15+4")
        await (await fresh.value).finished()
        await visitor.reads(visitor.answer_to("15+4"), "19")

        assert set(await visitor.run("() => window.counts")) == {1}
        await visitor.page.unroute_all(behavior="wait")


async def test_talk_is_exported_as_a_file(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 8+1")

        async with visitor.page.expect_download() as download:
            await talks.button("calcula 8+1", "Exportar").click()

        file = await download.value
        assert file.suggested_filename.startswith("talk-") and file.suggested_filename.endswith(".md")
        path = await file.path()
        content = await asyncio.to_thread(path.read_text, encoding="utf-8")
        assert "calcula 8+1" in content and re.search(r"\b9\b", content)


async def test_long_list_comes_in_pages(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await visitor.run(MANY_TALKS, 35)
        await talks.begins()

        await expect(talks.entries).to_have_count(30, timeout=ANSWER_LIMIT_MS)
        await visitor.page.get_by_role("button", name="Mostrar más").click()

        await expect(talks.entries).to_have_count(35)
        await expect(talks.entry("texto 34")).to_have_count(1)
        await expect(talks.entries.last).to_contain_text("texto 0")
        await expect(visitor.page.get_by_role("button", name="Mostrar más")).to_be_hidden()


MANY_TALKS = """async (count) => {
    const { VoiceAgentClient } = await import("/static/voice-agent-client.js");
    const url = location.origin.replace("http", "ws") + "/ws";
    const userId = localStorage.getItem("voice-agent.user");
    for (let number = 0; number < count; number += 1) {
        const client = new VoiceAgentClient(url, { userId });
        client.connect();
        await client.say(`texto ${number}`).accepted;
        client.end();
    }
}"""


async def test_keyboard_alone_opens_exports_and_deletes(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        keyboard = visitor.page.keyboard
        await talks.talks_of("calcula 9+1", "calcula 9+2")

        await visitor.page.get_by_role("button", name="Nueva conversación").focus()
        for _ in range(6):  # the search, the first entry's four, then the second entry
            await keyboard.press("Tab")
        await keyboard.press("Enter")
        await visitor.reads(visitor.answer_to("9+1"), "10")
        await visitor.page.get_by_role("button", name="Nueva conversación").focus()
        for _ in range(5):
            await keyboard.press("Tab")
        await keyboard.press("Enter")
        await expect(talks.dialog).to_be_visible()
        await keyboard.press("Tab")
        await keyboard.press("Enter")

        await expect(talks.entries).to_have_count(1)
        await expect(talks.entries.locator(".talk-open")).to_be_focused()
        await visitor.reads(visitor.answer_to("9+1"), "10")


async def test_list_on_a_phone_lies_over_the_talk_and_leaves_it_when_one_is_chosen(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with looking(chrome, keeping_server, width=360) as (visitor, talks):
        await expect(talks.panel).to_be_hidden()
        await visitor.says("calcula 10+1")
        await visitor.reads(visitor.texts, "Respondido")
        await visitor.page.get_by_role("button", name="Nueva conversación").click()
        await expect(visitor.exchanges).to_have_count(0)

        await visitor.page.get_by_role("button", name="Conversaciones").click()
        await expect(talks.panel).to_be_in_viewport(ratio=1)
        await expect(talks.panel.get_by_role("button", name="Cerrar")).to_be_focused()
        await expect(talks.button("calcula 10+1", "Borrar")).to_be_in_viewport(ratio=1)
        await talks.opens("calcula 10+1")

        await expect(talks.panel).to_be_hidden()
        await visitor.reads(visitor.answer_to("10+1"), "11")
        await visitor.page.get_by_role("button", name="Conversaciones").click()
        await visitor.page.mouse.click(350, 320)
        await expect(talks.panel).to_be_hidden()


async def test_nobody_has_no_list_and_is_told_why(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await visitor.run("() => localStorage.setItem('voice-agent.user', 'anonymous')")
        await visitor.page.reload()

        await visitor.reads(talks.panel, "Sin un nombre no hay lista")
        await talks.panel.get_by_role("button", name="Elegir un nombre").click()
        field = visitor.page.get_by_role("complementary", name="Tu perfil").get_by_label("Usuario")
        await expect(field).to_be_focused()
        await field.fill("Zoë")
        await field.press("Enter")

        await visitor.reads(talks.panel, "Aquí aparecerán tus conversaciones")
        await visitor.reads(talks.panel.get_by_role("button", name="Tu perfil"), "Zoë")
        await visitor.page.reload()
        await visitor.reads(talks.panel.get_by_role("button", name="Tu perfil"), "Zoë")


async def test_server_that_keeps_nothing_says_so(chrome: Browser, server: ServerProcess) -> None:
    async with looking(chrome, server) as (visitor, talks):
        await visitor.reads(talks.panel, "Este servidor no guarda conversaciones")


@pytest.mark.parametrize(
    ("status", "sentence"),
    [(403, "solo lo muestra en el propio equipo"), (404, "No existe o no es tuyo"), (503, "no responde")],
)
async def test_list_that_the_server_refuses_is_told_in_a_sentence(
    chrome: Browser, keeping_server: ServerProcess, status: int, sentence: str
) -> None:
    async with looking(chrome, keeping_server, forgiven=("Failed to load resource",)) as (visitor, talks):
        await visitor.page.route("**/users/**", lambda route: route.fulfill(status=status, json={}))
        await visitor.says("calcula 1+1")

        await visitor.reads(talks.panel.get_by_role("status"), sentence)


async def test_title_is_text_whatever_it_says(chrome: Browser, keeping_server: ServerProcess) -> None:
    markup = "<img src=x onerror=alert(1)>"
    async with looking(chrome, keeping_server) as (visitor, talks):
        await visitor.says(f"analiza este texto: {markup}")

        await visitor.reads(talks.entries, markup)
        await expect(talks.panel.locator("img, script")).to_have_count(0)


async def test_talks_are_grouped_by_days(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await visitor.page.route("**/users/**/sessions?*", answered_with_old_talks)
        await visitor.says("hola")

        await expect(talks.panel.get_by_role("heading", level=3)).to_have_text(
            ["Hoy", "Ayer", "Últimos 7 días", re.compile(r"^[A-Z][a-z]+ de \d{4}$")], timeout=ANSWER_LIMIT_MS
        )
        await expect(talks.entries).to_have_count(4)


async def answered_with_old_talks(route: Route) -> None:
    now = datetime.now(UTC)
    ages = [timedelta(0), timedelta(days=1), timedelta(days=4), timedelta(days=40)]
    talks = [
        {"session_id": f"talk-{number}", "title": f"hace {age.days}", "created_at": (now - age).isoformat()}
        for number, age in enumerate(ages)
    ]
    await route.fulfill(json={"sessions": talks, "next_cursor": None})


async def test_talk_is_given_another_title(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 11+1")

        await talks.button("11+1", "Cambiar el título de").click()
        field = talks.panel.get_by_label("Título nuevo")
        await expect(field).to_have_value("calcula 11+1")
        await field.fill("otra cosa")
        await field.press("Escape")
        await expect(talks.entry("11+1")).to_have_count(1)
        await talks.button("11+1", "Cambiar el título de").click()
        await field.fill("Doce, al fin")
        await field.press("Enter")

        await expect(talks.entry("Doce, al fin")).to_have_count(1)
        await expect(visitor.spoken.filter(has_text="Título cambiado")).to_have_count(1)
        await visitor.page.reload()
        await expect(talks.entry("Doce, al fin")).to_have_count(1, timeout=ANSWER_LIMIT_MS)


async def test_talks_are_found_by_their_words(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 12+1", "calcula 12+2")
        search = talks.panel.get_by_role("searchbox", name="Buscar conversaciones")

        await search.fill("12+1")
        await expect(talks.entries).to_have_count(1, timeout=ANSWER_LIMIT_MS)
        await search.fill("nada de esto")
        await visitor.reads(talks.panel, "Ninguna conversación tiene esas palabras")
        await search.fill("")
        await expect(talks.entries).to_have_count(2, timeout=ANSWER_LIMIT_MS)


async def test_search_is_hidden_where_nothing_is_kept(chrome: Browser, server: ServerProcess) -> None:
    async with looking(chrome, server) as (visitor, talks):
        await visitor.says("calcula 1+1")
        await visitor.reads(visitor.texts, "Respondido")

        await expect(talks.panel.get_by_role("searchbox")).to_be_hidden()
        assert "#" not in visitor.page.url


async def test_address_leads_back_to_its_talk(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 13+1", "calcula 13+2")
        newer = visitor.page.url
        assert re.search(r"#/talk/[\w-]{36}$", newer)
        await talks.opens("13+1")
        await visitor.reads(visitor.answer_to("13+1"), "14")
        assert visitor.page.url != newer

        await visitor.page.go_back()
        await visitor.reads(visitor.answer_to("13+2"), "15")
        other = await visitor.page.context.new_page()
        await other.goto(visitor.page.url.replace("#", "?again#"))
        await expect(other.get_by_role("log")).to_contain_text("13+2", timeout=ANSWER_LIMIT_MS)


async def test_draft_is_kept_over_a_reload_by_talk(chrome: Browser, keeping_server: ServerProcess) -> None:
    async with looking(chrome, keeping_server) as (visitor, talks):
        await talks.talks_of("calcula 14+1", "calcula 14+2")
        await visitor.box.fill("a medias")

        await visitor.page.reload()
        await expect(visitor.box).to_have_value("a medias")
        await talks.opens("14+1")
        await visitor.reads(visitor.answer_to("14+1"), "15")
        await expect(visitor.box).to_have_value("")
        await talks.opens("14+2")
        await visitor.reads(visitor.answer_to("14+2"), "16")
        await expect(visitor.box).to_have_value("a medias")
        await visitor.box.press("Enter")
        await visitor.page.reload()
        await expect(visitor.box).to_have_value("")
