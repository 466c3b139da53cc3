"""A real server process and a person in front of its page, for the tests of the page."""

import os
import re
import shutil
import signal
import socket
import threading
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, Page, async_playwright, expect

from app.router.page import load_page
from tests.support.forking import Forked, forks

ROOT = Path(__file__).parents[2]
_VERSION = load_page().version
"""Of the page's files: another address would be another module, with a state of its own."""

START_LIMIT_S = 30
STOP_LIMIT_S = 15
ANSWER_LIMIT_MS = 20_000

TEXT = "chat-message[data-author=user]"
GROWING = "chat-message[data-author=agent][aria-busy=true] .message-body"
ANSWER = "chat-message[data-author=agent][aria-busy=false] .message-body"

CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


_WHOLE = ("chromium", "chromium-browser", "google-chrome")
_SHELL = "chromium-headless-shell"
"""The same engine without windows and what belongs to them: a visit costs it half of the processor's time."""


def chromium(*, whole: bool = False) -> str:
    """The path of an installed Chromium; without one the test is skipped."""
    for name in _WHOLE if whole else (_SHELL, *_WHOLE):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium: install the package chromium to test the page")


_QUIET = {"DATABASE_URL": "none", "VOICE": "false", "TOOL_APPROVAL": "off"}
"""Neither kept, spoken nor asked for; a test that wants it says so."""


class ServerProcess:
    """`python main.py` on a port of its own, with the demo model, which forgets all when it ends.

    Args:
        log: Where its log goes; nowhere by default.
        settings: Others than these, by their names in the environment.
    """

    def __init__(self, *, log: Path | None = None, **settings: str) -> None:
        self._log = log or Path(os.devnull)
        self._settings = {"HOST": "127.0.0.1", "LLM_PROVIDER": "demo", **_QUIET, **settings}
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port: int = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: Forked | None = None

    def start(self) -> None:
        """Returns when the page can be loaded."""
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
        variables = {**kept, **self._settings, "PORT": str(self.port)}
        with self._log.open("wb") as log, Path(os.devnull).open("wb") as nowhere:
            self._process = forks().fork(("main.py",), variables, nowhere.fileno(), log.fileno())
        deadline = time.monotonic() + START_LIMIT_S
        # Another process gives no event to wait for: ask until it answers.
        while not self._is_serving():
            assert self._process.returncode is None, f"the server ended with {self._process.returncode}"
            assert time.monotonic() < deadline, f"the server did not start within {START_LIMIT_S} s"
            threading.Event().wait(0.05)

    def _is_serving(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/agent/health", timeout=5):
                return True
        except OSError:
            return False

    @property
    def pid(self) -> int:
        """Of the process."""
        assert self._process is not None
        return self._process.pid

    def freeze(self) -> None:
        """Stops the process where it is; its connections stay open. Only `kill` ends that."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)

    def kill(self) -> None:
        """Ends the process at once, without a goodbye to anybody."""
        if self._process is not None:
            self._process.kill()
            assert self._process.is_over_within(STOP_LIMIT_S)
            self._process = None


class HandshakeInfo:
    """A person in front of the page; speaks of roles and names, as a screen reader does."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.log = page.get_by_role("log")
        self.state = page.locator("header").get_by_role("status")
        self.alert = page.get_by_role("alert")
        self.texts = self.log.locator(TEXT)
        self.answers = self.log.locator(ANSWER)
        self.growing = self.log.locator(GROWING)
        self.exchanges = self.log.locator(".exchange")
        self.tools = self.log.locator("tool-card")
        self.spoken = page.locator("[aria-live=polite] .spoken")
        self.complaints: list[str] = []
        page.on("console", lambda message: self._note(message.type, message.text))
        page.on("pageerror", lambda error: self._note("error", str(error)))

    def _note(self, kind: str, text: str) -> None:
        if kind in ("error", "warning"):
            self.complaints.append(text)

    @property
    def box(self) -> Locator:
        """Where one writes."""
        return self.page.locator("main").get_by_role("textbox")

    async def says(self, text: str) -> None:
        """Writes a text and presses Enter."""
        await self.box.fill(text)
        await self.box.press("Enter")

    def exchange_of(self, text: str) -> Locator:
        """A text with everything that answers it."""
        return self.exchanges.filter(has=self.page.locator(TEXT, has_text=text))

    def answer_to(self, text: str) -> Locator:
        """The whole answer to a text."""
        return self.exchange_of(text).locator(ANSWER)

    async def is_told(self, text: str) -> None:
        """Waits until the state line says so."""
        await expect(self.state).to_have_text(text, timeout=ANSWER_LIMIT_MS)

    async def reads(self, locator: Locator, text: Any) -> None:
        """Waits until that can be read there."""
        await expect(locator).to_contain_text(text, timeout=ANSWER_LIMIT_MS)

    async def hears_it_begin(self, words: int = 8) -> str:
        """Waits until an answer that is still being given has some words; returns them."""
        await expect(self.growing).to_have_text(re.compile(rf"(\S+\s+){{{words}}}"), timeout=ANSWER_LIMIT_MS)
        return await self.growing.inner_text()

    async def run(self, script: str, argument: Any = None) -> Any:
        """Runs a script in the page, beside the page's own; modules that it imports are the page's."""
        named = script.replace('import("/static/', f'import("/static/@{_VERSION}/')
        return await self.page.evaluate(named, argument)


@asynccontextmanager
async def launched(*more: str, whole: bool = False) -> AsyncIterator[Browser]:
    """A Chromium; starting one takes longer than most tests, so a module shares it.

    Args:
        more: Its arguments.
        whole: The browser as people have it, and never the shell.
    """
    path = chromium(whole=whole)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_ARGS, *more])
        try:
            yield browser
        finally:
            await browser.close()


@asynccontextmanager
async def visiting(
    browser: Browser,
    url: str,
    *,
    locale: str = "es-ES",
    width: int = 1440,
    height: int = 800,
    forgiven: Sequence[str] = (),
    prepare: Callable[[Page], Awaitable[None]] | None = None,
) -> AsyncIterator[HandshakeInfo]:
    """Opens the page as a new visitor; afterwards, fails for anything that the browser complained about.

    Args:
        browser: Where; nothing of an earlier visit is kept.
        url: The server's address.
        locale: The browser's language.
        width: Of the window, in CSS pixels; so is `height`.
        height: Of the window.
        forgiven: Parts of complaints that the test itself causes.
        prepare: What is done to the empty page.
    """
    context = await browser.new_context(locale=locale, viewport={"width": width, "height": height})
    try:
        visitor = HandshakeInfo(await context.new_page())
        if prepare is not None:
            await prepare(visitor.page)
        await visitor.page.goto(url)
        await visitor.is_told("Online" if locale.startswith("en") else "En línea")
        yield visitor
    finally:
        await context.close()
    unforgiven = [text for text in visitor.complaints if not any(part in text for part in forgiven)]
    assert not unforgiven, f"the browser complained: {unforgiven}"
