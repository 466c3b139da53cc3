"""The tools of a talk on the page: what their cards show, also when the talk is opened again."""

import re

import pytest
from playwright.async_api import Browser, expect

from tests.support.browser import ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


async def test_card_opens_to_show_arguments_and_result_by_keys_alone(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        await visitor.says("calcula 6*7")
        await visitor.reads(visitor.tools, "terminada")

        await visitor.tools.locator("summary").focus()
        await visitor.page.keyboard.press("Enter")
        facts = visitor.tools.locator("dd")
        await expect(visitor.tools.locator("dt")).to_have_text(["Empezó", "Argumentos", "Resultado"])
        await expect(facts.nth(1)).to_contain_text("6*7")
        await expect(facts.nth(2)).to_contain_text("42")


async def test_cards_stay_in_a_talk_that_is_opened_again(
    chrome: Browser, keeping_server: ServerProcess
) -> None:
    async with visiting(chrome, keeping_server.url) as visitor:
        await visitor.says("calcula 6*9")
        await visitor.reads(visitor.answer_to("6*9"), "54")
        await visitor.page.get_by_role("button", name="Nueva conversación").click()
        await expect(visitor.exchanges).to_have_count(0)

        talks = visitor.page.get_by_role("navigation", name="Conversaciones")
        await talks.get_by_role("link", name=re.compile(r"^calcula 6\*9")).click()

        card = visitor.exchange_of("6*9").locator("tool-card")
        await visitor.reads(card, "terminada")
        await card.locator("summary").click()
        await expect(card).to_contain_text("54")


SHOW = """async (steps) => {
    const { TalkPage } = await import("/static/view.js");
    const page = new TalkPage(() => {}, { cancelTool() {}, approveTool() {} });
    for (const [step, ...values] of steps) page[step](...values);
}"""


async def test_long_arguments_say_that_they_go_on_below(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        lines = {f"campo_{number}": "valor" for number in range(60)}
        await visitor.run(SHOW, [["askApproval", "call-1", "pagar", lines, 60, None, False]])

        card = visitor.log.get_by_role("group", name="Permiso para pagar")
        await expect(card.get_by_text("Hay más abajo")).to_be_visible()
        await card.get_by_role("group", name="Argumentos").evaluate("list => list.scrollTo(0, 99999)")
        await expect(card.get_by_text("Hay más abajo")).to_be_hidden()


async def test_tool_that_has_done_nothing_yet_shows_no_empty_bar(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        start = ["startTool", "call-1", "lenta", None]
        await visitor.run(SHOW, [start, ["moveTool", "call-1", 0, "Esperando", 0]])
        await visitor.reads(visitor.tools, "Esperando")
        await expect(visitor.tools.get_by_role("progressbar")).to_be_hidden()

    async with visiting(chrome, server.url) as visitor:
        await visitor.run(SHOW, [start, ["moveTool", "call-1", 5, "", 0.5]])
        await expect(visitor.tools.get_by_role("progressbar")).to_be_visible()


@pytest.mark.parametrize(
    ("turns", "labels"),
    [
        ([("t1", "agent")], ["Agente"]),
        ([("t1", "agent"), ("t2", "agent"), ("t3", "tool")],
         ["Agente", "Agente · por su cuenta", "Agente · resultado en segundo plano"]),
    ],
)  # fmt: skip
async def test_who_speaks_unasked_is_named_by_why(
    chrome: Browser, server: ServerProcess, turns: list[tuple[str, str]], labels: list[str]
) -> None:
    steps = [
        step
        for turn, source in turns
        for step in (["openTurn", turn, None, None, source], ["addChunk", turn, "Hola"])
    ]
    async with visiting(chrome, server.url) as visitor:
        await visitor.run(SHOW, steps)

        await expect(visitor.log.locator(".message-author")).to_have_text(labels)
