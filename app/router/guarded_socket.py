"""uvicorn's WebSocket, with limits for each connection, before anything reaches the application (CWE-400).

Plain `uvicorn main:app` has none of them: there a frame is read as soon as it comes, up to uvicorn's own
limit for the size of a message, and an unfinished one may stay for ever.
"""

import asyncio
import logging
from dataclasses import dataclass, field
from typing import Any, Final

from websockets.exceptions import PayloadTooBig

from app.router.fair_rounds import BYTES_PER_UNIT, Turns
from app.router.frames import FRAMES_A_TURN, POLICY, PacedFrames
from app.router.large_messages import LargeMessages
from app.router.upgraded_socket import UpgradedSocket
from app.services.limits.address_conduct import Conducts
from app.services.limits.complaints import CONDUCT
from app.services.limits.rates import PRESESSION_BYTES, Burst
from config.limit_settings import LimitSettings

frames_log = logging.getLogger("uvicorn.frames")

LINGER_S: Final = 1.0
"""How long a client that was let go has to read why, in seconds; nothing of it is read meanwhile."""

_MOST_LINGERING: Final = 200

ROOM_TURNS: Final = 2
"""A large message waits for room while so many messages of others may take; then it is not to be had."""

NO_ROOM: Final = "voice_agent.no_room"
"""Marks what the application is given in place of a message that there is no room for."""


@dataclass(eq=False, slots=True)
class Guard:
    """What all guarded sockets of a server share.

    Attributes:
        burst: Pings and pongs that may come in one second.
        unfinished_s: How long a message may take to come, in seconds.
        conducts: What addresses did.
        large: Room for messages that are being received.
        lingering: Connections that are only waiting to be cut.
    """

    burst: int
    unfinished_s: float
    conducts: Conducts
    large: LargeMessages
    lingering: int = 0
    _turns: dict[asyncio.AbstractEventLoop, Turns] = field(
        default_factory=dict[asyncio.AbstractEventLoop, Turns]
    )

    @classmethod
    def of(cls, settings: LimitSettings, most_bytes: int, conducts: Conducts) -> "Guard":
        """Return the one that these settings ask for; `most_bytes`: the largest message of all."""
        large = LargeMessages(most_bytes)
        return cls(settings.most_in_a_second, settings.unfinished_message_s, conducts, large)

    def turns_on(self, loop: asyncio.AbstractEventLoop) -> Turns:
        """Those of an event loop."""
        if loop not in self._turns:
            self._turns = {loop: Turns(loop)}
        return self._turns[loop]


class GuardedSocket(UpgradedSocket):
    """One connection."""

    guard: Guard

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn: PacedFrames = PacedFrames(
            Burst(self.guard.burst),
            self.loop.time,
            self.writable.is_set,
            extensions=self.conn.available_extensions,
            max_size=PRESESSION_BYTES,
            logger=frames_log,
        )
        self._turns = self.guard.turns_on(self.loop)
        self._is_in_line = False
        self._is_unread = False
        self._is_cut = False
        self._lingers = False
        self._unfinished_since: float | None = None
        self._unfinished_timer: asyncio.TimerHandle | None = None
        self._held_bytes = 0
        self._waits_for_room = False
        self._room_timer: asyncio.TimerHandle | None = None
        self._is_begun = False
        self._is_wide = False
        self._is_judging = False

    @property
    def waits_for_room(self) -> bool:
        """Whether a large message of it waits, with nothing read from the socket."""
        return self._waits_for_room

    @property
    def _is_large(self) -> bool:
        """Whether a large message is coming, whose end is work for a whole round."""
        return self._held_bytes > 0

    def widen(self, max_bytes: int) -> None:
        """Take messages of so many bytes from now on."""
        self._is_wide = True
        self.conn.max_message_size = max_bytes
        if self._is_judging:
            self._read_on()

    # What comes

    def data_received(self, data: bytes) -> None:
        """Work off what came, or wait for a turn."""
        if self._is_cut:
            return
        if self._is_in_line or self.read_paused or self._is_large or not self._turns.may_go():
            self.conn.reader.feed_data(data)
            self._is_unread = True
            self._wait_for_a_turn()
        else:
            self._work(data)

    def take_turn(self) -> int:
        """Work off a little of what waits."""
        self._is_in_line = False
        if self._is_cut or self.read_paused or self.transport.is_closing():
            return 0
        units = self._work(b"")
        self._go_on()
        return units

    def _work(self, data: bytes) -> int:
        conn = self.conn
        self._is_unread = False
        conn.reader.frames = FRAMES_A_TURN
        conn.receive_data(data)
        units = 1
        events: list[Any] = list(conn.events)
        for event in events:
            units += len(getattr(event, "data", b"")) // BYTES_PER_UNIT
        # What came before a frame that is refused is still the application's.
        self.handle_events()
        if units > 1:
            for event in events:
                event.data = b""  # the parser keeps its last frame until the next one comes
        if conn.parser_exc is not None and not self._is_cut:
            self.handle_parser_exception()
        if self._is_cut or self.transport.is_closing():
            return units
        if conn.is_unfinished:
            self._mind_what_is_unfinished()
        else:
            self._unfinished_since = None
        if conn.reader.has_more and not self.read_paused:
            self._wait_for_a_turn()
        return units

    def _wait_for_a_turn(self) -> None:
        if self.transport.is_closing():
            return
        self.transport.pause_reading()
        if not self._is_in_line and not self.read_paused:
            self._is_in_line = True
            self._turns.join(self, is_large=self._is_large)

    def _go_on(self) -> None:
        """Read on, where nothing stands against it."""
        if self._is_cut or self.read_paused or self._is_in_line or self._waits_for_room:
            return
        if self._is_unread or self.conn.reader.has_more:
            self._wait_for_a_turn()
        else:
            self.transport.resume_reading()

    def handle_cont(self, event: Any) -> None:
        """Take a fragment; however small they are, they weigh what they hold."""
        if len(self.frames) == 1 and isinstance(self.frames[0], bytearray):
            self.frames[0] += event.data
        else:
            joined: Any = bytearray(b"".join(self.frames))
            joined += event.data
            self.frames = [joined]
        if event.fin:
            self.send_receive_event_to_app()

    def send_receive_event_to_app(self) -> None:
        """A message is there: the application gets it, and then the next one."""
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        if self.curr_msg_data_type == "bytes":
            self.queue.put_nowait({"type": "websocket.receive", "bytes": bytes(data)})
        else:
            try:
                text = str(data, "utf-8")
            except UnicodeDecodeError:
                self._tell(logging.WARNING, "Invalid UTF-8 sequence received from client.")
                self.conn.refuse(1007, "invalid UTF-8")
                self.handle_parser_exception()
                return
            self.queue.put_nowait({"type": "websocket.receive", "text": text})
        if not self.read_paused:
            self.read_paused = True
            self.transport.pause_reading()

    async def receive(self) -> Any:
        """Return what the application reads next; meanwhile the connection goes on."""
        if self._is_judging:
            self._read_on()
        message = await self.queue.get()
        if self.read_paused and self.queue.empty():
            # While a first message is looked at, its limit may change for those right behind it.
            self._is_judging = not self._is_wide and message["type"] == "websocket.receive"
            if not self._is_judging:
                self._read_on()
        return message

    def _read_on(self) -> None:
        """The application has what it was given: the next message may come."""
        self._is_judging = False
        self.read_paused = False
        if self._held_bytes:
            self.guard.large.give_back(self)
            self._held_bytes = 0
        self._go_on()

    # What is begun and not ended

    def _mind_what_is_unfinished(self) -> None:
        if self._unfinished_since is None:
            self._unfinished_since = self.loop.time()
            if self._unfinished_timer is None:
                self._unfinished_timer = self.loop.call_later(self.guard.unfinished_s, self._judge)
        size = self.conn.unfinished_bytes
        if size > PRESESSION_BYTES and size > self._held_bytes:
            is_begun, self._held_bytes = self._held_bytes > 0, size
            if not self.guard.large.ask(self, size, self._address()):
                self._waits_for_room = True
                self._is_begun = is_begun
                self._room_timer = self.loop.call_later(
                    ROOM_TURNS * self.guard.unfinished_s, self._tell_of_no_room
                )
                self.transport.pause_reading()

    def has_room(self) -> None:
        """There is room for its large message now, whose time begins if nothing of it was kept before."""
        self._waits_for_room = False
        self._stop_room_timer()
        if not self._is_begun:
            self._unfinished_since = self.loop.time()
        self._go_on()

    def _tell_of_no_room(self) -> None:
        """The application says so to its client, and closes."""
        self._room_timer = None
        if not self._is_cut and not self.transport.is_closing():
            no_room: Any = {"type": "websocket.receive", "text": "", NO_ROOM: True}
            self.queue.put_nowait(no_room)

    def _stop_room_timer(self) -> None:
        if self._room_timer is not None:
            self._room_timer.cancel()
            self._room_timer = None

    def keepalive_timeout(self) -> None:
        """End the connection whose pong does not come, unless a large message stands before it."""
        if self._held_bytes and self.ping_timeout:
            self.pong_timer = self.loop.call_later(self.ping_timeout, self.keepalive_timeout)
        else:
            super().keepalive_timeout()

    def _judge(self) -> None:
        self._unfinished_timer = None
        if self._unfinished_since is None or self._is_cut or self.transport.is_closing():
            return
        left_s = self._unfinished_since + self.guard.unfinished_s - self.loop.time()
        if left_s > 0 or (self._waits_for_room and not self._is_begun):
            wait_s = max(left_s, 1.0)
            self._unfinished_timer = self.loop.call_later(wait_s, self._judge)
        else:
            self.conn.refuse(POLICY, "a message was not ended in time")
            self.handle_parser_exception()

    # The end

    def handle_parser_exception(self) -> None:
        """Close as the frames ask for, and cut the connection once the client has had time to read why."""
        close = self.conn.close_sent
        if not self.close_sent:
            code, reason = (close.code, close.reason) if close is not None else (1006, "")
            self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        if isinstance(self.conn.parser_exc, PayloadTooBig):
            self.conn.reader.buffer.clear()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.linger()

    def linger(self) -> None:
        """Read nothing more, and cut the connection soon: whoever floods is not waited for until it rests."""
        if self._is_cut:
            return
        self._is_cut = True
        self.conn.reader.buffer.clear()
        self.frames = []
        self.stop_keepalive()
        if self.close_timer is not None:
            self.close_timer.cancel()
        if self.transport.is_closing():
            return
        self.transport.pause_reading()
        if self.guard.lingering >= _MOST_LINGERING:
            self.transport.abort()
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._lingers = True
        self.guard.lingering += 1
        self.close_timer = self.loop.call_later(LINGER_S, self._cut)

    def _cut(self) -> None:
        self.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give back what it held."""
        if self._lingers:
            self.guard.lingering -= 1
        if self._unfinished_timer is not None:
            self._unfinished_timer.cancel()
        if self._held_bytes:
            self.guard.large.give_back(self)
        self._stop_room_timer()
        self._is_cut = True
        super().connection_lost(exc)
        self.conn.forget()
        self.frames = []

    def _address(self) -> str:
        scope: Any = getattr(self, "scope", None)
        client = scope.get("client") if scope else self.client
        return str(client[0]) if client else ""

    def _tell(self, level: int, text: str) -> None:
        """A line of the log, where its address is not too loud for one."""
        conduct = self.guard.conducts.of(self._address())
        conduct.note()
        token = CONDUCT.set(conduct)
        self.logger.log(level, text)
        CONDUCT.reset(token)


def guarded_sockets(guard: Guard) -> type[GuardedSocket]:
    """Return the class with these limits: uvicorn makes its protocols itself."""
    return type("GuardedSocket", (GuardedSocket,), {"guard": guard})
