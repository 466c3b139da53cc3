"""A connection against a wire that does what a test says; whole talks over sockets are in tests/e2e."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.errors import ServerFull
from app.protocol.commands import Say
from app.protocol.events import Event, Notice, Pong
from app.protocol.wire import Frame, FrameLimits, Opening, Start, WireProtocol
from app.protocol.wires import V1, V2
from app.services.connections.connection import Admission, Connection, Leaving, Stays, Terms
from app.services.limits.address_conduct import Conduct
from app.services.sessions.live_session import LiveSession
from app.session.pump import Attachment
from app.session.ring import Ring
from app.session.transport import ConnectionGone, Transport
from config.forms import MIB
from tests.support.context import settings_with
from tests.support.live import Wire, attached, live_of, pumping
from tests.support.scripted import ScriptedModel, says
from tests.support.talk import talk
from tests.support.virtual_time import VirtualClock, virtual


async def never(opening: Opening, transport: Transport, stays: Stays) -> Admission | Event:
    raise AssertionError("no session was due")


def connection(wire: Wire, admit: Any = never, spoken: WireProtocol = V1) -> Connection:
    clock = VirtualClock()
    terms = Terms(Conduct(clock, is_exempt=True), clock.monotonic, FrameLimits(MIB, 10 * MIB))
    return Connection(wire, spoken, settings_with(first_message_timeout_s=5), clock, admit, terms)


@asynccontextmanager
async def session(ring: Ring | None = None) -> AsyncIterator[LiveSession]:
    """A session that goes on, whose model says "Hola" to everything."""
    async with talk(ScriptedModel(lambda request: says("Hola"))) as t:
        live = live_of(t, ring=ring)
        async with pumping(live.pump):
            yield live


# Before there is a session


@virtual
async def test_peer_that_leaves_before_speaking_makes_no_session() -> None:
    wire = Wire(None)

    assert await connection(wire).greet() is None
    assert wire.closed is None


@virtual
async def test_garbage_does_not_extend_the_time_to_speak() -> None:
    wire = Wire()

    async def babbles() -> None:
        for _ in range(20):
            wire.messages.put_nowait("{")
            await asyncio.sleep(1)

    babbling = asyncio.create_task(babbles())
    assert await connection(wire).greet() is None
    babbling.cancel()
    await asyncio.gather(babbling, return_exceptions=True)

    assert wire.closed == (4408, "first_message_timeout")
    assert wire.sent[-1]["content"].endswith("cierro la conexión.")


@virtual
async def test_first_object_is_what_makes_the_session() -> None:
    wire = Wire("{", "[]", '{"type":"text","content":"hola"}')
    async with session() as live:
        asked: list[Opening] = []

        async def admit(opening: Opening, transport: Transport, stays: Stays) -> Admission | Event:
            asked.append(opening)
            return Admission(live, Attachment(transport))

        admission = await connection(wire, admit).greet()

    assert admission is not None and admission.live is live
    (start,) = [opening.read() for opening in asked]
    assert isinstance(start, Start) and start.frame is not None
    assert list(start.frame.commands()) == [Say("hola")]
    assert wire.types() == ["error", "error"]


@virtual
async def test_answer_in_place_of_a_session_has_no_number_and_the_next_object_may_make_one() -> None:
    wire = Wire('{"type":"ping"}', '{"type":"ping"}', None)

    async def answers(opening: Opening, transport: Transport, stays: Stays) -> Admission | Event:
        return Pong()

    assert await connection(wire, answers, V2).greet() is None
    assert wire.sent == [{"type": "pong"}] * 2


@virtual
async def test_full_server_says_so_and_closes() -> None:
    async def full(opening: Opening, transport: Transport, stays: Stays) -> Admission | Event:
        raise ServerFull

    wire = Wire('{"type":"start"}')

    assert await connection(wire, full, V2).greet() is None
    assert (wire.sent[0]["code"], wire.sent[0]["retryable"]) == ("server_full", True)
    assert wire.closed == (1013, "server_full")


@pytest.mark.parametrize("leaves_after_s", [0, 0.2, None])
def test_client_that_does_not_stay_has_no_session_and_what_one_says_meanwhile_is_read_later(
    leaves_after_s: float | None,
) -> None:
    """The admission of a client that is not there any more would take the session from one that is."""

    @virtual
    async def test() -> None:
        wire = Wire('{"type":"text","content":"hola"}')
        if leaves_after_s is None:
            asyncio.get_running_loop().call_later(0.2, wire.says, {"type": "text", "content": "adiós"})
        else:
            asyncio.get_running_loop().call_later(leaves_after_s, wire.leaves)
        async with session() as live:

            async def admit(opening: Opening, transport: Transport, stays: Stays) -> Admission | Event:
                if not await stays(0.3):
                    raise ConnectionGone
                return Admission(live, Attachment(transport))

            made = connection(wire, admit)
            admission = await made.greet()
            assert (admission is None) == (leaves_after_s is not None)
            if admission is not None:
                wire.leaves()
                await made.talk(admission)
                await asyncio.sleep(1)
                said = [m["content"] for m in live.session.conversation_history if m["role"] == "user"]
                assert said == ["adiós"]

    test()


# With a session


@virtual
async def test_peer_that_cannot_be_reached_ends_the_talk() -> None:
    wire = Wire()
    wire.is_gone = True
    async with session() as live:
        link = attached(live, wire)
        first = Frame(lambda: [Say("hola")])

        leaving = await connection(wire).talk(Admission(live, link, first))

    assert leaving == Leaving("client_left")


@pytest.mark.parametrize(("code", "is_goodbye"), [(1000, True), (1001, False), (1005, False), (None, False)])
def test_only_a_close_with_1000_is_a_goodbye(code: int | None, is_goodbye: bool) -> None:
    @virtual
    async def test() -> None:
        wire = Wire()
        async with session(Ring(10, 1000)) as live:
            link = attached(live, wire)
            wire.leaves(code)
            leaving = await connection(wire, spoken=V2).talk(Admission(live, link))

        assert leaving == Leaving("client_left", is_goodbye=is_goodbye)

    test()


@virtual
async def test_end_is_a_goodbye_that_leaves_after_all_that_was_said() -> None:
    wire = Wire()
    async with session(Ring(10, 10_000)) as live:
        link = attached(live, wire)
        live.session.emit(Notice("a"))
        wire.says({"type": "end"})
        leaving = await connection(wire, spoken=V2).talk(Admission(live, link))

    assert leaving == Leaving("normal", is_goodbye=True)
    assert wire.types() == ["system"]
    assert wire.closed == (1000, "normal")


@virtual
async def test_connection_whose_place_was_taken_is_closed_with_4409() -> None:
    old_wire, new_wire = Wire(), Wire()
    async with session(Ring(10, 10_000)) as live:
        link = attached(live, old_wire)
        talking = asyncio.create_task(connection(old_wire, spoken=V2).talk(Admission(live, link)))
        await asyncio.sleep(0.1)
        attached(live, new_wire)
        leaving = await talking

    assert leaving == Leaving("replaced")
    assert old_wire.closed is not None and old_wire.closed[0] == 4409
    assert new_wire.closed is None


@virtual
async def test_peer_that_does_not_read_is_let_go() -> None:
    wire = Wire()
    wire.may_send.clear()
    async with session(Ring(10, 10_000)) as live:
        link = attached(live, wire)
        talking = asyncio.create_task(connection(wire, spoken=V2).talk(Admission(live, link)))
        await asyncio.sleep(0.1)
        live.session.outbox.overflowed.set()
        leaving = await talking

    assert leaving == Leaving("slow_client")
    assert wire.closed is not None and wire.closed[0] == 1013


@virtual
async def test_last_error_leaves_before_the_close() -> None:
    wire = Wire()
    async with session() as live:
        link = attached(live, wire)

        async def floods() -> None:
            for _ in range(11):
                for _ in range(30):
                    wire.messages.put_nowait("{")
                await asyncio.sleep(1)

        flooding = asyncio.create_task(floods())
        leaving = await connection(wire).talk(Admission(live, link, Frame(list)))
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)

    assert leaving.reason == "policy"
    assert wire.closed == (1008, "policy")
    assert "demasiado deprisa" in wire.sent[-1]["content"]


@virtual
async def test_message_in_the_wrong_place_is_an_error_and_the_talk_goes_on() -> None:
    wire = Wire()
    async with session(Ring(100, 100_000)) as live:
        link = attached(live, wire)
        wire.says({"type": "nope"}, {"type": "resume"}, {"type": "cancel_tool"}, {"type": "ping"})
        wire.leaves(1001)
        await connection(wire, spoken=V2).talk(Admission(live, link))
        await asyncio.sleep(0.1)

    errors = [message["code"] for message in wire.sent if message["type"] == "error"]
    assert errors == ["unknown_type", "bad_message", "bad_message"]
    assert wire.types()[-1] == "pong"
