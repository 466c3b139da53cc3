"""A connection against a transport that does what a test says; whole talks over sockets are in tests/e2e."""

import asyncio
from collections.abc import Callable

import orjson

from app.services.connection import Connection
from app.services.live_session import LiveSession
from app.session.voice_session import ConnectionGone, Transport
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.talk import talk
from tests.support.virtual_time import VirtualClock, virtual


class ScriptedTransport:
    """Hands out messages; notes what is sent and how it is closed."""

    def __init__(self, *messages: str | None) -> None:
        self.messages: asyncio.Queue[str | None] = asyncio.Queue(100)
        for message in messages:
            self.messages.put_nowait(message)
        self.sent: list[dict[str, str]] = []
        self.closed: tuple[int, str] | None = None
        self.is_gone = False
        self.may_send = asyncio.Event()
        self.may_send.set()

    async def receive(self) -> str | None:
        return await self.messages.get()

    async def send(self, text: str) -> None:
        if self.is_gone:
            raise ConnectionGone
        await self.may_send.wait()
        self.sent.append(orjson.loads(text))

    async def close(self, code: int, reason: str = "") -> None:
        self.closed = (code, reason)


def connection(transport: ScriptedTransport, opens: Callable[[Transport, str], LiveSession]) -> Connection:
    return Connection(transport, settings_with(first_message_timeout_s=5), VirtualClock(), opens)


def never(transport: Transport, user_id: str) -> LiveSession:
    raise AssertionError("no session was due")


@virtual
async def test_peer_that_leaves_before_speaking_makes_no_session() -> None:
    transport = ScriptedTransport(None)

    assert await connection(transport, never).first_message() is None
    assert transport.closed is None


@virtual
async def test_garbage_does_not_extend_the_time_to_speak() -> None:
    transport = ScriptedTransport()

    async def babbles() -> None:
        for _ in range(20):
            transport.messages.put_nowait("{")
            await asyncio.sleep(1)

    babbling = asyncio.create_task(babbles())
    assert await connection(transport, never).first_message() is None
    babbling.cancel()
    await asyncio.gather(babbling, return_exceptions=True)

    assert transport.closed == (4408, "first_message_timeout")
    assert transport.sent[-1]["content"].endswith("cierro la conexión.")


@virtual
async def test_peer_that_cannot_be_reached_ends_the_talk() -> None:
    async with talk(ScriptedModel([says("Hola")])) as t:
        transport = ScriptedTransport()
        live = LiveSession(t.session, t.conversation, VirtualClock())
        transport.is_gone = True

        reason = await connection(transport, never).talk(live, {"type": "text", "content": "hola"})

    assert reason == "client_left"


@virtual
async def test_last_error_leaves_before_the_close() -> None:
    async with talk(ScriptedModel([])) as t:
        transport = ScriptedTransport()
        live = LiveSession(t.session, t.conversation, VirtualClock())

        async def floods() -> None:
            for _ in range(11):
                for _ in range(30):
                    transport.messages.put_nowait("{")
                await asyncio.sleep(1)

        flooding = asyncio.create_task(floods())
        reason = await connection(transport, never).talk(live, {})
        flooding.cancel()
        await asyncio.gather(flooding, return_exceptions=True)

    assert reason == "policy"
    assert transport.closed == (1008, "policy")
    assert "demasiado deprisa" in transport.sent[-1]["content"]
