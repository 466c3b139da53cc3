"""One task per session takes its events, numbers them, keeps them, and hands them to whoever listens.

Joining and dropping happen before a number is given, so they leave no holes; a client that is away still gets
its numbers; and a replay leaves by the same door as what is new.
"""

import logging
from collections.abc import Sequence
from typing import Final

from app.errors import Locale
from app.protocol.events import AudioFrame, Event, ResponseChunk
from app.protocol.wire import WireProtocol
from app.session.outbox import Outbox
from app.session.ring import Ring
from app.session.signal import Signal
from app.session.transport import ConnectionGone, Transport

logger = logging.getLogger(__name__)


_DIRECT: Final[frozenset[type]] = frozenset({ResponseChunk, AudioFrame})
"""What is most of what leaves: it costs no change of tasks."""


class Attachment:
    """A connection that listens to a session.

    Args:
        preface: What it is sent first, outside of the numbers.
        next_seq: The number from which on it is to hear.

    Attributes:
        waiting: What it is still to be sent, in order. A replay is put here when the connection attaches, so
            that nothing it was promised can leave the ring meanwhile.
        gone: Set when the connection can no longer be reached, or another one has taken its place.
        was_replaced: Whether a newer connection has taken its place.
    """

    def __init__(self, sender: Transport, preface: Sequence[str | bytes] = (), next_seq: int = 1) -> None:
        self.sender = sender
        self.next_seq = next_seq
        self.waiting = list(preface)
        self.gone = Signal()
        self.was_replaced = False


class Pump:
    """Moves a session's events to its client.

    Args:
        wire: How events look to the client.
        ring: Where a replayable session's messages are kept; None for one without numbers.

    Attributes:
        idle: Set while nothing waits to be moved.
    """

    def __init__(self, outbox: Outbox, wire: WireProtocol, locale: Locale, ring: Ring | None) -> None:
        self.wire = wire
        self.locale: Locale = locale
        self.ring = ring
        self.idle = Signal()
        self._outbox = outbox
        self._link: Attachment | None = None
        outbox.pass_on = self._pass_on

    @property
    def link(self) -> Attachment | None:
        """The connection that listens, if there is one."""
        return self._link

    def attach(self, link: Attachment) -> Attachment | None:
        """Hand the session to a connection; return the one that had it before, which hears no more.

        Raises:
            LookupError: The ring no longer has what the connection is to hear.
        """
        if self.ring is not None:
            link.waiting.extend(self.ring.since(link.next_seq))
        before, self._link = self._link, link
        if before is not None:
            before.was_replaced = True
            before.gone.set()
        self._outbox.wake()
        return before

    def detach(self, link: Attachment) -> None:
        """Take a connection away, if it is still the one that listens."""
        if self._link is link:
            self._link = None
        link.gone.set()

    def catch_up(self) -> list[bytes]:
        """Number all that waits, without sending it; return the sound that has not left.

        Who comes back is told of one moment: what has been said by then is in the ring and in the history,
        and nothing of it comes again as if it were new. Sound is in neither.
        """
        waiting = self._link.waiting if self._link is not None else ()
        sound = [frame for frame in waiting if isinstance(frame, bytes)]
        if self.ring is None:
            return sound
        while (event := self._outbox.take_nowait()) is not None:
            sound += [frame for frame in self._write(event, self.ring) if isinstance(frame, bytes)]
        return sound

    def begin_anew(self, ring: Ring) -> None:
        """Number from 1 into another ring; what has been said by now is in the history alone."""
        self.catch_up()
        self.ring = ring

    async def run(self) -> None:
        """Move events until it is cancelled."""
        outbox, idle = self._outbox, self.idle
        while True:
            if not len(outbox):
                idle.set()
            event = await outbox.take()
            idle.clear()
            await self._forward(event)
            del event  # the next one may be long in coming, and this one large

    def encode(self, event: Event, seq: int | None = None) -> Sequence[str | bytes]:
        """Return the frames for an event; none where it cannot leave."""
        try:
            return self.wire.encode(event, self.locale, seq)
        except Exception:
            # A bug in one event must not silence the session for good. It got no number: there is no hole.
            logger.exception("internal")
            return ()

    def _write(self, event: Event, ring: Ring) -> Sequence[str | bytes]:
        """Return an event as it leaves, numbered and kept if it is part of the talk."""
        if not self.wire.is_numbered(event):
            return self.encode(event)
        frames = self.encode(event, ring.next_seq)
        for frame in frames:  # one, as `WireProtocol.is_numbered` says
            ring.append(frame)
        return frames

    def _pass_on(self, event: Event) -> bool:
        """Send a chunk, or sound, past the queue while its client reads; return whether it is off."""
        link = self._link
        if link is None or type(event) not in _DIRECT or link.gone.is_set():
            return False
        frames = self.encode(event) if self.ring is None else self._write(event, self.ring)
        sent = 0
        while sent < len(frames) and link.sender.send_at_once(frames[sent]):
            sent += 1
        if sent < len(frames):
            link.waiting.extend(frames[sent:])
            self._outbox.wake()
        return True

    async def _forward(self, event: Event | None) -> None:
        link = self._link
        try:
            frames = self._frames_of(event)
            if link is None:
                return
            link.waiting.extend(frames)
            while link.waiting and not link.gone.is_set():
                await link.sender.send(link.waiting.pop(0))
        except ConnectionGone:
            if link is not None:
                self.detach(link)
        except Exception:
            # A bug on the way to one client must not silence the session for good: it may come back.
            logger.exception("internal")
            if link is not None:
                self.detach(link)

    def _frames_of(self, event: Event | None) -> Sequence[str | bytes]:
        if event is None:
            return ()
        return self.encode(event) if self.ring is None else self._write(event, self.ring)
