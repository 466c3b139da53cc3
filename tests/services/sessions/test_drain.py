"""A drain waits for what somebody waits for, and for nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.conversation.injected_message import InjectedMessage
from app.protocol.wires import V1, V2
from app.services.sessions.admission import attach_unheard
from app.services.sessions.drain import AWAY_S, Drain
from app.services.sessions.going_away import OVERLAP_S
from app.services.sessions.live_session import LiveSession
from app.services.sessions.moves import SessionMoves
from app.services.sessions.session_host import SessionHost
from app.storage.no_store import NoStore
from tests.services.sessions.test_session_host import hosting
from tests.support.live import Wire
from tests.support.scripted import Pause, Says, ScriptedModel
from tests.support.virtual_time import virtual

GRACE_S = 100


class Others:
    """A directory in which others serve, for as long as is said."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.has_others = True

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Scene:
    """A host that drains.

    Attributes:
        sent_away: The sessions whose clients were, and when.
    """

    def __init__(self, host: SessionHost) -> None:
        self.host = host
        host.directory = self.others = Others(host.directory)
        self.moves = SessionMoves(host, NoStore(), 5)
        self.sent_away: list[tuple[LiveSession, float]] = []
        self.began = 0.0

    def opens(self, *, wire: Any = V2, is_there: bool = True) -> tuple[LiveSession, Wire]:
        live, client = self.host.open("ana", "en", None, wire=wire), Wire()
        if is_there:
            attach_unheard(live, client, 1)
        return live, client

    def leaves(self, live: LiveSession) -> None:
        assert live.pump.link is not None
        live.pump.detach(live.pump.link)
        if live.outlives_connection:
            self.host.wait_for(live, "client_left")

    async def _send_away(self, live: LiveSession) -> None:
        self.sent_away.append((live, asyncio.get_running_loop().time() - self.began))
        self.leaves(live)

    def drains(self, grace_s: float = GRACE_S) -> "asyncio.Task[bool]":
        self.host.is_leaving = True
        self.began = asyncio.get_running_loop().time()
        return asyncio.create_task(Drain(self.host, self.moves, self._send_away).run(grace_s))

    async def lasts_s(self, draining: "asyncio.Task[bool]") -> float:
        await draining
        return asyncio.get_running_loop().time() - self.began


@asynccontextmanager
async def scene(*answer: Says | Pause) -> AsyncIterator[Scene]:
    async with hosting(model=ScriptedModel(lambda r: list(answer or (Says("Sí."),)))) as host:
        yield Scene(host)


@virtual
async def test_nobody_is_there() -> None:
    async with scene() as s:
        assert await s.lasts_s(s.drains()) < 1


@virtual
async def test_who_was_away_before_is_not_waited_for() -> None:
    async with scene() as s:
        live, _ = s.opens()
        await asyncio.sleep(1)
        s.leaves(live)
        assert await s.lasts_s(s.drains()) < 1


@virtual
async def test_who_does_not_go_by_itself_is_sent_away_and_waited_for_a_moment() -> None:
    async with scene() as s:
        live, client = s.opens()
        await asyncio.sleep(1)
        lasted_s = await s.lasts_s(s.drains())

        assert "going_away" in client.types()
        [(one, at_s)] = s.sent_away
        assert one is live and OVERLAP_S <= at_s < OVERLAP_S + 1
        assert at_s + AWAY_S <= lasted_s < at_s + AWAY_S + 1


@virtual
async def test_who_does_not_go_by_itself_hears_the_answer_first() -> None:
    async with scene(Says("Espera"), Pause(20), Says(" un poco.")) as s:
        live, client = s.opens()
        live.conversation.hear("hola")
        await asyncio.sleep(1)
        await s.lasts_s(s.drains())

        assert [at_s >= 19 for _, at_s in s.sent_away] == [True]
        assert "response_complete" in client.types()


@virtual
async def test_who_is_on_another_process_is_told_nothing_and_waited_for() -> None:
    async with scene() as s:
        live, client = s.opens()
        s.moves.links.add(client)
        await asyncio.sleep(1)
        draining = s.drains()
        await asyncio.sleep(30)
        assert (s.sent_away, draining.done(), "going_away" in client.types()) == ([], False, False)
        s.moves.under_way = 1
        await s.host.part_with(live)  # type: ignore[misc]  # it is there
        await asyncio.sleep(2)
        assert not draining.done()
        s.moves.under_way = 0
        await asyncio.sleep(1)

        assert draining.done() and draining.result()


@virtual
async def test_who_cannot_come_back_is_waited_for_until_the_time_is_over() -> None:
    async with scene() as s:
        s.opens(wire=V1)
        lasted_s = await s.lasts_s(s.drains())

        assert s.sent_away == []
        assert GRACE_S <= lasted_s < GRACE_S + 1


@virtual
async def test_a_tool_is_waited_for_until_the_time_is_over() -> None:
    async with scene() as s:
        live, _ = s.opens()
        live.session.pending_tools["call"] = asyncio.create_task(asyncio.sleep(0))
        lasted_s = await s.lasts_s(s.drains())

        assert s.sent_away == []
        assert GRACE_S <= lasted_s < GRACE_S + 1


@virtual
async def test_what_is_to_be_answered_is_waited_for_where_its_client_is_away() -> None:
    async with scene(Pause(20), Says("Sí.")) as s:
        live, _ = s.opens()
        await asyncio.sleep(1)
        s.leaves(live)
        live.conversation.inject(InjectedMessage("Di algo.", "prompt"))
        lasted_s = await s.lasts_s(s.drains())

        assert 19 <= lasted_s < 25


@virtual
async def test_what_has_nowhere_to_go_any_more_is_not_waited_for() -> None:
    async with scene() as s:
        s.opens(wire=V1)
        draining = s.drains()
        await asyncio.sleep(3)
        s.others.has_others = False
        lasted_s = await s.lasts_s(draining)

        assert not draining.result()
        assert lasted_s < 4
