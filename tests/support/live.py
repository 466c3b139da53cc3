"""A session as the service keeps it, around a talk without a socket, and a wire under a test's control."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import orjson

from app.protocol.wires import V1, V2
from app.services.sessions.directory import OneProcess
from app.services.sessions.live_session import LiveSession
from app.session.pump import Attachment, Pump
from app.session.ring import Ring
from app.session.transport import ConnectionGone
from app.speech.base import VoiceEngines
from app.speech.session_audio import SessionAudio
from tests.support.context import settings_with
from tests.support.talk import Talk
from tests.support.virtual_time import VirtualClock


class Wire:
    """A `Transport`: hands out messages, notes what is sent and how it is closed.

    Attributes:
        may_send: Cleared, the peer does not read.
        is_gone: Nothing sent arrives any more.
    """

    def __init__(self, *messages: str | None) -> None:
        self.messages: asyncio.Queue[str | None] = asyncio.Queue(1000)
        for message in messages:
            self.messages.put_nowait(message)
        self.sent: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.close_code: int | None = None
        self.fault_code: int | None = None
        self.is_gone = False
        self.may_send = asyncio.Event()
        self.may_send.set()

    def says(self, *messages: dict[str, Any]) -> None:
        """The client sends messages."""
        for message in messages:
            self.messages.put_nowait(orjson.dumps(message).decode())

    def leaves(self, code: int | None = None) -> None:
        """The client closes."""
        self.close_code = code
        self.messages.put_nowait(None)

    async def receive(self) -> str | None:
        return await self.messages.get()

    async def send(self, text: str) -> None:
        await self.may_send.wait()
        if self.is_gone:
            raise ConnectionGone
        self.sent.append(orjson.loads(text))

    def send_at_once(self, message: str | bytes) -> bool:
        if self.is_gone or not self.may_send.is_set():
            return False
        self.sent.append(orjson.loads(message))
        return True

    def abort(self) -> None:
        self.is_gone = True

    async def close(self, code: int, reason: str = "") -> None:
        self.closed = (code, reason)
        self.is_gone = True
        self.may_send.set()

    def types(self) -> list[str]:
        """The types of what was sent, in order."""
        return [message["type"] for message in self.sent]

    def numbers(self) -> list[int]:
        """The numbers of what was sent, in order."""
        return [message["seq"] for message in self.sent if "seq" in message]


def live_of(
    t: Talk, *, ring: Ring | None = None, engines: Callable[[], VoiceEngines] = VoiceEngines
) -> LiveSession:
    """The talk's session; with a ring it is one of v2."""
    pump = Pump(t.session.outbox, V1 if ring is None else V2, t.session.locale, ring)
    voice = SessionAudio(t.session, t.conversation, settings_with(), engines)
    return LiveSession(
        t.session, t.conversation, voice, VirtualClock(), pump, OneProcess().begin(t.session.session_id)
    )


def attached(live: LiveSession, wire: Wire) -> Attachment:
    """A link over the wire, which listens to the session from its first message on."""
    link = Attachment(wire)
    live.pump.attach(link)
    return link


@asynccontextmanager
async def pumping(pump: Pump) -> AsyncIterator[None]:
    """Lets a pump run."""
    task = asyncio.create_task(pump.run(), name="pump")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled(), "the pump has broken"
