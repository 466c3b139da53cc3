"""One task per session takes its events, numbers them, keeps them, and hands them to whoever listens.

Joining and dropping happen before a number is given, so they leave no holes; a client that is away still gets
its numbers; and a replay leaves by the same door as what is new.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence

from app.errors import Locale
from app.protocol import v1, v2
from app.protocol.events import AudioFrame, Event
from app.session.outbox import Outbox
from app.session.ring import Ring
from app.session.transport import ConnectionGone, Transport

logger = logging.getLogger(__name__)


class Link:
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

    def __init__(self, sender: Transport, preface: Sequence[str] = (), next_seq: int = 1) -> None:
        self.sender = sender
        self.next_seq = next_seq
        self.waiting: deque[str | bytes] = deque(preface)
        self.gone = asyncio.Event()
        self.was_replaced = False


class Pump:
    """Moves a session's events to its client.

    Args:
        ring: Where a v2 session's messages are kept; None on v1, which has no numbers.

    Attributes:
        idle: Set while nothing waits to be moved.
    """

    def __init__(self, outbox: Outbox, locale: Locale, ring: Ring | None) -> None:
        self.locale: Locale = locale
        self.ring = ring
        self.idle = asyncio.Event()
        self._outbox = outbox
        self._link: Link | None = None

    @property
    def link(self) -> Link | None:
        """The connection that listens, if there is one."""
        return self._link

    def attach(self, link: Link) -> Link | None:
        """Hands the session to a connection; returns the one that had it before, which hears no more.

        Raises:
            LookupError: The ring no longer has what the connection is to hear.
        """
        if self.ring is not None:
            link.waiting.extend(self.ring.since(link.next_seq))
        before, self._link = self._link, link
        if before is not None:
            before.was_replaced = True
            before.gone.set()
        self._outbox.poke()
        return before

    def detach(self, link: Link) -> None:
        """Takes a connection away, if it is still the one that listens."""
        if self._link is link:
            self._link = None
        link.gone.set()

    def catch_up(self) -> None:
        """Numbers all that waits, without sending it.

        Who comes back is told of one moment: what has been said by then is in the ring and in the history,
        and nothing of it comes again as if it were new.
        """
        if self.ring is None:
            return
        while (event := self._outbox.take_nowait()) is not None:
            self._write(event, self.ring)

    def begin_anew(self, ring: Ring) -> None:
        """Numbers from 1 into another ring; what has been said by now is in the history alone."""
        self.catch_up()
        self.ring = ring

    async def run(self) -> None:
        """Moves events until it is cancelled."""
        outbox, idle = self._outbox, self.idle
        while True:
            if not len(outbox):
                idle.set()
            event = await outbox.take()
            idle.clear()
            await self._forward(event)
            del event  # the next one may be long in coming, and this one large

    def _write(self, event: Event, ring: Ring) -> str | bytes | None:
        """An event as it leaves, numbered and kept if it is part of the talk; None where it cannot leave."""
        if type(event) is AudioFrame:
            return event.pcm
        seq = ring.next_seq if v2.is_numbered(event) else None
        try:
            text = v2.encode(event, self.locale, seq)
        except Exception:
            # A bug in one event must not silence the session for good. It got no number: there is no hole.
            logger.exception("internal")
            return None
        if seq is not None:
            ring.append(text)
        return text

    def _in_v1(self, event: Event) -> list[str]:
        try:
            return v1.encode(event, self.locale)
        except Exception:
            logger.exception("internal")
            return []

    async def _forward(self, event: Event | None) -> None:
        link = self._link
        try:
            if self.ring is not None:
                await self._forward_v2(event, link, self.ring)
            elif event is not None and link is not None:
                for text in self._in_v1(event):
                    await link.sender.send(text)
        except ConnectionGone:
            if link is not None:
                self.detach(link)
        except Exception:
            # A bug on the way to one client must not silence the session for good: it may come back.
            logger.exception("internal")
            if link is not None:
                self.detach(link)

    async def _forward_v2(self, event: Event | None, link: Link | None, ring: Ring) -> None:
        text = None if event is None else self._write(event, ring)
        if link is None:
            return
        if text is not None:
            link.waiting.append(text)
        while link.waiting and not link.gone.is_set():
            await link.sender.send(link.waiting.popleft())
