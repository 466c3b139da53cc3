"""What a visit to the page costs, as Chromium counts it."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.support.browser import ROOT, HandshakeInfo, ServerProcess

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]


@dataclass
class Counter:
    """What came over the network, answers' heads and bodies, by its path."""

    paths: dict[str, str] = field(default_factory=dict[str, str])
    bytes_of: dict[str, int] = field(default_factory=dict[str, int])

    def answered(self, event: dict[str, Any]) -> None:
        if not event["response"].get("fromDiskCache"):
            path = "/" + event["response"]["url"].split("/", 3)[3]
            self.paths[event["requestId"]] = path

    def finished(self, event: dict[str, Any]) -> None:
        if event["requestId"] in self.paths and event["encodedDataLength"]:
            path = self.paths[event["requestId"]]
            self.bytes_of[path] = self.bytes_of.get(path, 0) + int(event["encodedDataLength"])


async def viewed(context: Any, url: str) -> dict[str, int]:
    """Opens the page until it is online; what it has brought."""
    page = await context.new_page()
    session = await context.new_cdp_session(page)
    counter = Counter()
    session.on("Network.responseReceived", counter.answered)
    session.on("Network.loadingFinished", counter.finished)
    await session.send("Network.enable")
    await page.goto(url)
    await HandshakeInfo(page).is_told("En línea")
    await page.wait_for_load_state("networkidle")
    await asyncio.sleep(0)
    await page.close()
    return counter.bytes_of


async def test_second_view_asks_for_almost_nothing(chrome: Browser, server: ServerProcess) -> None:
    context = await chrome.new_context(locale="es-ES")
    try:
        first = await viewed(context, server.url)
        second = await viewed(context, server.url)
    finally:
        await context.close()

    assert any(path.startswith("/static/@") for path in first)
    files = [path for path in (ROOT / "static").rglob("*") if path.suffix in (".js", ".css", ".html")]
    assert 20_000 < sum(first.values()) < sum(path.stat().st_size for path in files) * 0.6
    assert not [path for path in second if path.startswith("/static/")]
    assert sum(second.values()) < 5_000, second
