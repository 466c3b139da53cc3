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


ENDINGS = (
    "done", "failed", "timed_out", "cancelled", "interrupted", "unknown", "lost", "denied", "expired",
)  # fmt: skip
NAMES = ("f", "stock_lookup", "make_http_request", "get_the_weather_of_every_city_of_the_country_for_a_week")
SIZES = {
    "a small phone": (320, ""),
    "a phone": (390, ""),
    "large letters": (640, "200%"),
    "a screen": (1280, ""),
}
"""Width of the window, and size of the letters."""
OPEN_ALL = "() => document.querySelectorAll('tool-card details').forEach((each) => { each.open = true; })"

ASKEW = """() => {
    const found = [];
    for (const head of document.querySelectorAll(".tool-head")) {
        const { paddingBlockStart, paddingBlockEnd, lineHeight } = getComputedStyle(head);
        const line = Math.max(parseFloat(lineHeight), head.firstElementChild.clientHeight);
        const frame = head.getBoundingClientRect();
        const start = frame.top + parseFloat(paddingBlockStart);
        const parts = [...head.children].map((part) => ({ part, box: part.getBoundingClientRect() }));
        const say = (what) => found.push(`${head.textContent}: ${what}`);
        for (const { part, box } of parts)
            if (box.height && box.top > start + line / 2) say(`${part.className} is below the first line`);
        // What has no element of its own is in the height all the same.
        const end = Math.max(...parts.map(({ box }) => box.bottom)) + parseFloat(paddingBlockEnd);
        if (frame.bottom > end + 1) say(`a line of ${frame.bottom - end} px below all parts`);
        if (head.scrollWidth > head.clientWidth) say("cut");
    }
    return found;
}"""
"""Heads of cards whose sign, time or mark is not beside the first line of the tool's name."""


@pytest.mark.parametrize("locale", ["es-ES", "en-GB"])
@pytest.mark.parametrize("size", SIZES)
async def test_line_of_a_card_holds_together_at_any_width(
    chrome: Browser, server: ServerProcess, size: str, locale: str
) -> None:
    width, letters = SIZES[size]
    steps: list[list[object]] = []
    for name in NAMES:
        for ending in ("running", *ENDINGS):
            call = f"{name}-{ending}"
            steps += [["startTool", call, name, None], ["moveTool", call, 1234, "", 0.5]]
            if ending != "running":
                steps += [["endTool", call, ending, 1234.5]]
    async with visiting(chrome, server.url, width=width, locale=locale) as visitor:
        await visitor.run("(size) => { document.documentElement.style.fontSize = size; }", letters)
        await visitor.run(SHOW, steps)
        await expect(visitor.tools).to_have_count(len(NAMES) * (1 + len(ENDINGS)))

        closed = await visitor.run(ASKEW)
        await visitor.run(OPEN_ALL)

        assert (closed, await visitor.run(ASKEW)) == ([], [])


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
