"""How long sessions wait for their clients, and how they make room for each other."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx

from app.conversation.contribution import Contribution
from app.services.live_session import LiveSession
from app.services.session_host import HURRY_S, SessionHost
from app.storage.no_store import NoStore
from app.storage.store import Store
from app.tools.registry import ToolRegistry
from app.tools.runner import ToolHost
from app.tools.threads import ToolThreads
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.virtual_time import VirtualClock, virtual

WINDOW_S = 120
MOST_OF_ONE = 32


@asynccontextmanager
async def hosting(store: Store | None = None) -> AsyncIterator[SessionHost]:
    """A host without sockets, in virtual time."""
    settings = settings_with(resume_window_s=WINDOW_S)
    clock = VirtualClock()
    async with httpx.AsyncClient() as http:
        tools = ToolHost(ToolRegistry([]), settings, clock, http, ToolThreads(4))
        model = ScriptedModel(lambda r: says("Sí."))
        host = SessionHost(settings, model, tools, store or NoStore(), clock)
        yield host
        await host.aclose()
        await tools.aclose()


def leaves(host: SessionHost, address: str = "203.0.113.7") -> LiveSession:
    """A client opens a session and is gone before its first word."""
    live = host.open("ana", None, None, is_resumable=True)
    live.address = address
    host.wait_for(live, "client_left")
    return live


def lives(host: SessionHost, live: LiveSession) -> bool:
    return host.sessions.get(live.session_id) is live


@virtual
async def test_one_too_many_of_an_address_goes_after_a_moment() -> None:
    async with hosting() as host:
        first, second, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        await asyncio.sleep(HURRY_S - 1)
        assert lives(host, first)
        await asyncio.sleep(2)

        assert not lives(host, first)
        assert lives(host, second)


@virtual
async def test_one_that_gains_words_in_its_last_moment_waits_like_others() -> None:
    async with hosting() as host:
        first, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        await asyncio.sleep(HURRY_S - 1)
        await first.conversation.put_in(Contribution("Tu pedido ha llegado.", "say"))
        await asyncio.sleep(2)
        assert lives(host, first)
        await asyncio.sleep(WINDOW_S - HURRY_S - 2)
        assert lives(host, first)
        await asyncio.sleep(2)

        assert not lives(host, first)  # and not from then on, once more


@virtual
async def test_one_that_gains_words_weighs_with_the_others() -> None:
    async with hosting() as host:
        host._waiting._most_bytes_of_one = 50_000
        first, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        first.conversation.hear("hola")
        await asyncio.sleep(HURRY_S + 1)
        assert lives(host, first)
        for _ in range(2):
            live = host.open("ana", None, None, is_resumable=True)
            live.address = first.address
            live.conversation.hear("hola")
            host.wait_for(live, "client_left")
        await asyncio.sleep(1)

        assert not lives(host, first)
        assert lives(host, live)


@virtual
async def test_client_that_comes_back_in_the_last_moment_is_not_ended_later() -> None:
    async with hosting() as host:
        first, *_ = [leaves(host) for _ in range(MOST_OF_ONE + 1)]
        await asyncio.sleep(HURRY_S - 1)
        await host.came(first)
        await asyncio.sleep(2)

        assert lives(host, first)
