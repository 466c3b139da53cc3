"""The page in every state, for everybody: axe-core, any width, few colours, no motion, keys alone.

`PAGE_PICTURES=folder` keeps a picture of each state, language and scheme, to be looked at.
"""

import os
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Literal

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Locator, Page, expect

from tests.support.browser import ANSWER_LIMIT_MS, ROOT, launched
from tests.support.page_sound import FAKE_DEVICES
from tests.support.page_states import BESIDE, STATES, Person, Stage, found_in, stage_in
from tests.support.page_words import LANGUAGES, Language

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.browser,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.timeout(120),
]

SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
ALL = [*STATES, *BESIDE]
FOUND = [(name, language) for name in STATES for language in LANGUAGES] + [(name, "es") for name in BESIDE]

WIDTHS = {
    "a small phone": (320, 568),
    "a phone": (390, 844),
    "a tablet": (768, 1024),
    "a screen": (1280, 800),
    "a screen at 200 %": (640, 400),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched(*FAKE_DEVICES) as browser:
        yield browser


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(chrome: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage_in(tmp_path_factory.mktemp("talks"), chrome) as made:
        yield made


@pytest.fixture(scope="module")
def axe() -> str:
    path = ROOT / "node_modules" / "axe-core" / "axe.min.js"
    if not path.exists():
        pytest.skip("no axe-core: `make node_modules` installs it")
    return path.read_text(encoding="utf-8")


# One visit for each state: getting there takes longer than all that is looked for in it.


@pytest.mark.parametrize(("name", "language"), FOUND)
async def test_everybody_can_use_the_page(stage: Stage, axe: str, name: str, language: Language) -> None:
    async with found_in(stage, name, language) as person:
        found = await seen_by_axe(person, axe, f"{name}-{language}")
        if language == "es":
            found += await unseen_in_the_systems_colours(person, name)
            found += await unseen_focus(person)
            found += [line for window in WIDTHS for line in await what_is_lost(person, name, window)]

        assert found == []


@pytest.mark.parametrize("name", ALL)
async def test_focus_is_seen_on_a_phone(stage: Stage, name: str) -> None:
    async with found_in(stage, name, width=390) as person:
        assert await unseen_focus(person) == []


RUN_AXE = """async () => {
    await Promise.all(document.getAnimations()
        .filter((each) => each instanceof CSSTransition).map((each) => each.finished));
    const { violations } = await axe.run({ resultTypes: ["violations"] });
    return violations.flatMap(({ id, nodes }) => nodes.map(({ html, any, all, none }) =>
        `${id}: ${html} ${[...any, ...all, ...none].map(({ message }) => message).join("; ")}`));
}"""


async def seen_by_axe(person: Person, axe: str, picture: str) -> list[str]:
    """What axe-core finds wrong, in both schemes."""
    page, found = person.visitor.page, list[str]()
    await page.evaluate(axe)
    for scheme in SCHEMES:
        await page.emulate_media(color_scheme=scheme)
        found += [f"{scheme}: {line}" for line in await page.evaluate(RUN_AXE)]
        await keep_picture(page, f"{picture}-{scheme}")
    await page.emulate_media(color_scheme="null")
    return found


async def keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get("PAGE_PICTURES"):
        await page.screenshot(path=Path(folder) / f"{name.replace(' ', '-')}.png")


# Any width

CUT = """() => {
    const isLeftOut = (element) => element.closest(".visually-hidden, .sprite, .skip-link, [data-part=drop]");
    const scrolls = (element) => ["auto", "scroll"].includes(getComputedStyle(element).overflowX);
    const isInScroller = (element) =>
        element.parentElement && (scrolls(element.parentElement) || isInScroller(element.parentElement));
    const found = [];
    if (document.documentElement.scrollWidth > innerWidth) found.push("the page scrolls sideways");
    for (const element of document.querySelectorAll("body *")) {
        if (isLeftOut(element) || !element.checkVisibility()) continue;
        const { left, right } = element.getBoundingClientRect();
        const isOutside = (right > innerWidth + 0.5 || left < -0.5) && !isInScroller(element);
        const { overflowX, textOverflow } = getComputedStyle(element);
        const isCut = element.scrollWidth > element.clientWidth + 1 && element.clientWidth > 0;
        const hides = ["hidden", "clip"].includes(overflowX) && textOverflow !== "ellipsis";
        if (isOutside || (isCut && hides)) found.push(element.outerHTML.slice(0, 160));
    }
    return found;
}"""
"""What is outside the window, or cut, and cannot be scrolled to."""

COVERED = """() => {
    const dialog = document.querySelector("dialog[open]");
    const over = [...document.querySelectorAll(".side:not([hidden])")]
        .find((side) => getComputedStyle(side).position === "fixed");
    const controls = (dialog ?? over ?? document.body).querySelectorAll(
        "a[href], button, input, select, textarea, summary, [tabindex='0']");
    const found = [];
    for (const element of controls) {
        if (element.closest(".visually-hidden, .skip-link") || !element.checkVisibility()) continue;
        element.scrollIntoView({ block: "center", inline: "nearest" });
        const { left, top, width, height } = element.getBoundingClientRect();
        const hit = document.elementFromPoint(left + width / 2, top + height / 2);
        if (!hit || !(element.contains(hit) || hit.contains(element)))
            found.push(`${element.outerHTML.slice(0, 120)} under ${hit?.outerHTML.slice(0, 80)}`);
    }
    return found;
}"""
"""Controls that no pointer can meet, not even after scrolling."""


async def what_is_lost(person: Person, name: str, window: str) -> list[str]:
    """What cannot be read or reached in a window of this size."""
    page = person.visitor.page
    width, height = WIDTHS[window]
    await page.set_viewport_size({"width": width, "height": height})
    # Panels follow the width, and what follows that is drawn.
    await page.evaluate(
        "() => new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)))"
    )
    if hold := {**STATES, **BESIDE}[name].hold:
        await hold(person)
    await keep_picture(page, f"{name}-{window.removesuffix(' %')}")
    return [f"{window}: {line}" for line in [*await page.evaluate(CUT), *await page.evaluate(COVERED)]]


# Few colours, and little motion

INVISIBLE = """() => {
    const clear = new Set(["transparent", "rgba(0, 0, 0, 0)"]);
    const ground = (element) => {
        for (let each = element; each; each = each.parentElement) {
            const { backgroundColor } = getComputedStyle(each);
            if (!clear.has(backgroundColor)) return backgroundColor;
        }
        return "rgb(255, 255, 255)";
    };
    const hasLine = (element) => {
        const { outlineStyle, borderStyle, borderColor } = getComputedStyle(element);
        const isDrawn = borderStyle !== "none" && borderColor !== ground(element.parentElement);
        return outlineStyle !== "none" || isDrawn;
    };
    const found = [];
    const each = (selector, isLost, what) => {
        for (const element of document.querySelectorAll(selector)) {
            if (!element.checkVisibility() || element.closest(".sprite, .visually-hidden")) continue;
            if (isLost(element)) found.push(`${what}: ${element.outerHTML.slice(0, 160)}`);
        }
    };
    const ink = (element) => getComputedStyle(element)[element.matches("svg") ? "stroke" : "color"];
    each("button, a, summary, h1, h2, h3, p, dt, dd, label, time, svg",
        (element) => ink(element) === ground(element), "no contrast");
    each("[aria-pressed=true], [aria-expanded=true], .talk-entry:has([aria-current])",
        (element) => !hasLine(element), "chosen, but like the others");
    each(".send, .filled-button, .hold, .message-body, .composer, tool-card, approval-card, .dialog[open], " +
        ".alert, .connection, .inline-error, .verdict, .mark, .languages, .suggestions button",
        (element) => !hasLine(element), "no edge");
    each(".state-dot, .voice-level, .voice-level span, .times-bar, .typing span", (element) => {
        const { backgroundColor, borderStyle } = getComputedStyle(element);
        return borderStyle === "none" && backgroundColor === ground(element.parentElement);
    }, "a part like its ground");
    return found;
}"""
"""What has no edge, no sign or no contrast where the system has colours of its own."""


async def unseen_in_the_systems_colours(person: Person, name: str) -> list[str]:
    """What cannot be seen where the system has colours of its own, in both schemes."""
    page, found = person.visitor.page, list[str]()
    for scheme in SCHEMES:
        await page.emulate_media(forced_colors="active", color_scheme=scheme)
        found += [f"{scheme}: {line}" for line in await page.evaluate(INVISIBLE)]
        await keep_picture(page, f"{name}-forced-{scheme}")
    await page.emulate_media(forced_colors="null", color_scheme="null")
    return found


MOVING = """() => document.getAnimations().filter(({ playState }) => playState === "running")
    .map(({ animationName = "transition", effect }) => `${animationName} of ${effect.target.className}`)"""


@pytest.mark.parametrize("name", ["streaming", "slow tool", "at work", "voice speaking"])
async def test_nothing_moves_for_who_wants_it_still(stage: Stage, name: str) -> None:
    async with found_in(stage, name, reduced_motion="reduce") as person:
        assert await person.visitor.page.evaluate(MOVING) == []
        await person.visitor.page.emulate_media(reduced_motion="no-preference")
        assert await person.visitor.page.evaluate(MOVING) != []


# Keys alone

UNSEEN_FOCUS = """() => {
    const element = document.activeElement;
    const { left, top, width, height } = element.getBoundingClientRect();
    const hit = document.elementFromPoint(left + width / 2, top + height / 2);
    const drawn = element.matches("textarea") ? element.closest(".composer") : element;
    const { outlineStyle, outlineWidth } = getComputedStyle(drawn);
    const name = element.outerHTML.slice(0, 160);
    if (!hit || !(element.contains(hit) || hit.contains(element))) return `covered: ${name}`;
    return outlineStyle === "none" || outlineWidth === "0px" ? `no outline: ${name}` : "";
}"""


IS_ROUND = """() => {
    const element = document.activeElement;
    if (element === document.body || element === window.first) return true;
    window.first ??= element;
    return false;
}"""


async def unseen_focus(person: Person) -> list[str]:
    """Where the Tab key leads without anybody seeing it."""
    page = person.visitor.page
    await page.evaluate("() => { document.activeElement.blur(); window.first = null; }")
    unseen: set[str] = set()
    for _ in range(120):
        await page.keyboard.press("Tab")
        if await page.evaluate(IS_ROUND):
            return sorted(unseen - {""})
        unseen.add(await page.evaluate(UNSEEN_FOCUS))
    return ["the Tab key does not come round"]


class Keys:
    """Somebody without a pointer."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.page = person.visitor.page
        self.press = person.visitor.page.keyboard.press
        self.type = person.visitor.page.keyboard.type

    async def goes_to(self, target: Locator, key: str = "Tab") -> None:
        """Presses the key until this has the focus."""
        for _ in range(80):
            await self.press(key)
            if await target.evaluate("(element) => element === document.activeElement"):
                return
        pytest.fail(f"{target} cannot be reached by {key}")

    async def uses(self, target: Locator, key: str = "Tab") -> None:
        """Goes to a control and presses Enter."""
        await self.goes_to(target, key)
        await self.press("Enter")

    async def says(self, text: str) -> None:
        """Writes and sends."""
        await expect(self.person.visitor.box).to_be_focused()
        await self.type(text)
        await self.press("Enter")


@pytest_asyncio.fixture(loop_scope="module")
async def keys(stage: Stage) -> AsyncIterator[Keys]:
    async with found_in(stage, "empty") as person:
        yield Keys(person)


async def test_answer_is_stopped_by_keys(keys: Keys) -> None:
    visitor = keys.person.visitor
    await keys.says("¿Qué puedo ver en Lima en tres días?")
    await visitor.hears_it_begin()
    await keys.uses(keys.person.part("stop"))
    await visitor.reads(visitor.texts, "Interrumpido")

    await keys.says("¿Qué puedo ver en Lima en tres días?")
    await visitor.hears_it_begin()
    await keys.press("Escape")
    await visitor.reads(visitor.texts.last, "Interrumpido")


async def test_card_and_permission_are_answered_by_keys(keys: Keys) -> None:
    visitor = keys.person.visitor
    await keys.says("¿Cómo fue el mes?")
    await expect(visitor.answers).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    await keys.uses(visitor.tools.locator("summary"), "Shift+Tab")
    await expect(visitor.tools.locator("pre").first).to_be_visible()
    await keys.press("Escape")

    await keys.says("Paga la factura de la imprenta")
    card = visitor.log.locator("approval-card")
    await expect(card).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await keys.uses(card.get_by_role("button", name="Permitir", exact=True), "Shift+Tab")
    await expect(card).to_have_count(0, timeout=ANSWER_LIMIT_MS)
    await visitor.reads(visitor.tools.last, "terminada")


async def test_talks_are_found_renamed_taken_away_and_deleted_by_keys(keys: Keys) -> None:
    part, page = keys.person.part, keys.page
    entries = part("talks-list").get_by_role("listitem")
    await keys.says("Hola")
    await expect(entries).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    await keys.uses(part("talks-new"), "Shift+Tab")
    await keys.says("¿Y qué hora es en Tokio?")
    await expect(entries).to_have_count(2, timeout=ANSWER_LIMIT_MS)

    await keys.goes_to(part("talks-search"), "Shift+Tab")
    await keys.type("hola")
    await expect(entries).to_have_count(1, timeout=ANSWER_LIMIT_MS)
    await keys.uses(entries.get_by_role("button", name="Cambiar"))
    await keys.type("Saludo")
    await keys.press("Enter")
    await expect(entries).to_contain_text("Saludo")
    async with page.expect_download() as download:
        await keys.uses(entries.get_by_role("link", name="Exportar"))
    assert (await download.value).suggested_filename.endswith(".md")
    await keys.goes_to(part("talks-search"), "Shift+Tab")
    await keys.press("Control+a")
    await keys.press("Delete")
    await expect(entries).to_have_count(2, timeout=ANSWER_LIMIT_MS)

    await keys.uses(entries.filter(has_text="Saludo").get_by_role("link", name=re.compile("^Saludo")))
    await keys.person.visitor.reads(keys.person.visitor.texts, "Hola")
    await keys.uses(entries.first.get_by_role("button", name="Borrar"), "Shift+Tab")
    await keys.press("Tab")
    await keys.press("Enter")
    await expect(entries).to_have_count(1, timeout=ANSWER_LIMIT_MS)


async def test_look_and_language_are_changed_by_keys(keys: Keys) -> None:
    part, page = keys.person.part, keys.page
    await keys.uses(part("profile-toggle"), "Shift+Tab")
    await keys.uses(page.locator("[data-theme=dark]").last)
    await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    await keys.uses(part("shortcuts-open"))
    await expect(part("shortcuts")).to_be_visible()
    await keys.press("Escape")
    await expect(part("shortcuts")).to_be_hidden()
    await keys.uses(part("profile-close"), "Shift+Tab")
    await expect(part("profile-toggle")).to_be_focused()
    await keys.uses(page.locator("[data-locale=en]"), "Shift+Tab")
    await expect(page.locator("html")).to_have_attribute("lang", "en")


async def test_talk_by_voice_is_begun_muted_and_ended_by_keys(keys: Keys) -> None:
    part = keys.person.part
    await expect(part("mic")).to_be_enabled(timeout=ANSWER_LIMIT_MS)
    await keys.uses(part("mic"))
    await expect(part("voice-bar")).to_be_visible(timeout=ANSWER_LIMIT_MS)
    await keys.uses(part("mute"), "Shift+Tab")
    await expect(part("mute")).to_have_attribute("aria-pressed", "true")
    await keys.press("Enter")
    await expect(part("mute")).to_have_attribute("aria-pressed", "false")
    await keys.uses(part("voice-more"))
    await expect(part("voice-settings")).to_be_visible()
    await keys.uses(part("mic"))
    await expect(part("voice-bar")).to_be_hidden()


async def test_panel_over_the_talk_gives_the_focus_back(stage: Stage) -> None:
    async with found_in(stage, "empty", width=390, height=844) as person:
        keys = Keys(person)
        await keys.uses(person.part("talks-toggle"), "Shift+Tab")
        await keys.uses(person.part("profile-toggle"))
        await expect(person.part("profile")).to_be_visible()
        await keys.uses(person.part("profile-close"))

        await expect(person.part("profile")).to_be_hidden()
        await expect(person.part("talks-toggle")).to_be_focused()


async def test_what_went_wrong_with_the_microphone_stays_said_in_the_next_talk(stage: Stage) -> None:
    denied = """() => {
        navigator.mediaDevices.getUserMedia = async () => { throw new DOMException("", "NotAllowedError"); };
    }"""
    async with found_in(stage, "empty") as person:
        page, note = person.visitor.page, person.part("voice-note")
        await page.evaluate(denied)
        await expect(person.part("mic")).to_be_enabled(timeout=ANSWER_LIMIT_MS)
        await person.part("mic").click()
        await expect(note).to_contain_text("Dale permiso", timeout=ANSWER_LIMIT_MS)
        await person.asks("greet")
        await expect(person.visitor.answers).to_have_count(1, timeout=ANSWER_LIMIT_MS)

        # Each session asks anew how the server's speech stands; its panel says so when that is known.
        await person.opens("panel")
        await page.evaluate("() => { document.querySelector('[data-part=voice]').textContent = ''; }")
        await person.part("talks-new").click()
        await expect(person.part("voice")).to_have_text("Lista", timeout=ANSWER_LIMIT_MS)

        await expect(note).to_be_visible()
