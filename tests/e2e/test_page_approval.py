"""The user's approval before a tool acts, given on the page."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from playwright.async_api import Browser, Locator, expect

from tests.support.browser import HandshakeInfo, visiting
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, calls, says
from tests.support.server import running_server
from tests.support.talk import Workshop

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

MARKUP = "<b>x</b>"
UNSEEN = "ana\u202eana"


@dataclass
class RequestBuilder:
    """A page on which a tool waits for permission."""

    visitor: HandshakeInfo
    workshop: Workshop
    card: Locator

    async def answers(self, button: str) -> None:
        await self.card.get_by_role("button", name=button, exact=True).click()


@asynccontextmanager
async def asking(chrome: Browser, timeout_s: float = 60, width: int = 1200) -> AsyncIterator[RequestBuilder]:
    workshop = Workshop()
    tool = workshop.tool("transferir", "write")
    llm = ScriptedModel([calls(("transferir", {"tag": f"{MARKUP} {UNSEEN}"})), *[says("Bien.")] * 5])
    settings = settings_with(tool_approval="writes", approval_timeout_s=timeout_s)
    async with (
        running_server(settings, provider=llm, tools=[tool]) as server,
        visiting(chrome, f"http://127.0.0.1:{server.port}", width=width) as visitor,
    ):
        await visitor.says("paga")
        card = visitor.log.get_by_role("group", name="Permiso para transferir")
        await visitor.reads(card, "¿Permites")
        yield RequestBuilder(visitor, workshop, card)


async def test_card_shows_all_that_is_asked_as_text(chrome: Browser) -> None:
    async with asking(chrome) as asked:
        await asked.visitor.reads(asked.card, "transferir")
        await asked.visitor.reads(asked.card, MARKUP)
        # What nobody sees, as the sign that turns letters round, is in no argument by then.
        await asked.visitor.reads(asked.card, "anaana")
        await expect(asked.card.locator(".approval-left")).to_have_text(re.compile(r"^[1-6]?\d s$"))
        await expect(asked.card.locator("b")).to_have_count(0)
        await expect(asked.visitor.spoken.filter(has_text="pide permiso para usar transferir")).to_have_count(
            1
        )
        assert asked.workshop.runs == []


async def test_tool_runs_when_it_is_allowed(chrome: Browser) -> None:
    async with asking(chrome) as asked:
        await asked.answers("Permitir")

        await asked.visitor.reads(asked.visitor.tools, "terminada")
        await expect(asked.card).to_have_count(0)
        assert len(asked.workshop.runs) == 1


async def test_tool_that_is_not_allowed_does_not_run_and_the_talk_goes_on(chrome: Browser) -> None:
    async with asking(chrome) as asked:
        await asked.answers("No permitir")

        await asked.visitor.reads(asked.visitor.tools, "no permitida")
        await expect(asked.card).to_have_count(0)
        await asked.visitor.says("hola")
        await asked.visitor.reads(asked.visitor.answer_to("hola"), "Bien.")
        assert asked.workshop.runs == []


async def test_card_that_nobody_answers_goes_by_itself(chrome: Browser) -> None:
    async with asking(chrome, timeout_s=1) as asked:
        await asked.visitor.reads(asked.visitor.tools, "no se permitió a tiempo")
        await expect(asked.card).to_have_count(0)
        assert asked.workshop.runs == []


async def test_page_that_is_loaded_again_can_still_be_asked(chrome: Browser) -> None:
    async with asking(chrome) as asked:
        await asked.visitor.page.reload()
        await asked.visitor.reads(asked.card, "transferir")
        await asked.answers("Permitir")

        await asked.visitor.reads(asked.visitor.tools, "terminada")
        assert len(asked.workshop.runs) == 1


async def test_what_was_asked_and_decided_stays_on_the_card(chrome: Browser) -> None:
    async with asking(chrome) as asked:
        await asked.answers("Permitir")

        card = asked.visitor.tools
        await asked.visitor.reads(card, "terminada")
        await expect(card.locator("dl")).to_be_hidden()
        await card.locator("summary").click()
        await expect(card.locator("dt")).to_have_text(["Empezó", "Permiso", "Argumentos", "Resultado"])
        await expect(card).to_contain_text("Lo has permitido")
        await expect(card.locator("pre").first).to_contain_text(f'"tag": "{MARKUP} anaana"')


async def test_card_of_what_was_not_allowed_shows_what_was_asked(chrome: Browser) -> None:
    async with asking(chrome) as asked:
        await asked.answers("No permitir")

        await asked.visitor.reads(asked.visitor.tools, "no permitida")
        await asked.visitor.tools.locator("summary").click()
        await expect(asked.visitor.tools.locator("pre").first).to_contain_text("anaana")


async def test_card_fits_a_phone(chrome: Browser) -> None:
    async with asking(chrome, width=360) as asked:
        for button in await asked.card.get_by_role("button").all():
            await expect(button).to_be_in_viewport(ratio=1)
