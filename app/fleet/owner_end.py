"""The owner's end of a link: a client's connection like any other, and between its frames a word of moving.

When nothing has happened in the session for a moment, the other end is told that it could have it. That one
stops reading from its client, and says so; what it had read stands before that word. If still nothing
happens in the session then, it is let go, and the parcel is the last that leaves here.
"""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any, Final

from app.fleet.control import ControlChannel
from app.fleet.signing import Refused
from app.protocol.close_codes import CloseCode
from app.services.sessions.moves import Departure, SessionMoves
from app.session.transport import ConnectionGone, Transport

logger = logging.getLogger(__name__)

QUIET_FOR_S: Final = 1.0
"""For so long nothing has happened in a session before it is offered, in seconds; in a drain for a moment."""

_LOOK_S: Final = 0.25
_LOOK_WHILE_LEAVING_S: Final = 0.05
_OFFER_AGAIN_S: Final = 2.0
_LONGEST_PAUSE_S: Final = 60.0


class OwnerEnd:
    """See `Transport`.

    Args:
        inner: The link.
        channel: Words between its two ends.
        moves: Lets sessions go.
    """

    def __init__(self, inner: Transport, channel: ControlChannel, moves: SessionMoves) -> None:
        self._inner = inner
        self._channel = channel
        self._moves = moves
        self._session_id = ""
        self._departure: Departure | None = None
        self.send = inner.send
        self.send_at_once = inner.send_at_once
        self.abort = inner.abort
        self.close = inner.close

    @property
    def close_code(self) -> int | None:
        """See `Transport`."""
        return self._inner.close_code

    @property
    def fault_code(self) -> int | None:
        """See `Transport`."""
        return self._inner.fault_code

    def has_session(self, session_id: str) -> None:
        """The client has got this session."""
        self._session_id = session_id

    async def served_by(self, serving: Coroutine[Any, Any, None]) -> None:
        """Have the client served to its end, or until its session goes; then send that."""
        offering = asyncio.create_task(self._offer_when_quiet(), name="move")
        self._moves.links.add(self)
        try:
            await serving
            if self._departure is not None:
                await self._send_off(self._departure)
        finally:
            self._moves.links.discard(self)
            self._moves.under_way -= self._departure is not None
            offering.cancel()
            await asyncio.gather(offering, return_exceptions=True)

    async def receive(self) -> str | bytes | None:
        """See `Transport`: what the client sends; None also where its session is on its way elsewhere."""
        try:
            while (frame := await self._inner.receive()) is not None:
                control = self._channel.read(frame)
                if control is None:
                    return frame
                if control.word == "freeze":
                    self._departure = self._moves.depart(self._session_id, self)
                    if self._departure is not None:
                        self._moves.under_way += 1
                        return None
                    await self._inner.send(self._channel.write("thaw"))
        except Refused as exc:
            logger.warning("peer_refused", extra={"cause": str(exc)})
        except ConnectionGone:
            logger.debug("client_left")
        return None

    async def _offer_when_quiet(self) -> None:
        loop = asyncio.get_running_loop()
        quiet_since, not_before, pause_s = None, 0.0, _OFFER_AGAIN_S
        while self._departure is None:
            await asyncio.sleep(_LOOK_WHILE_LEAVING_S if self._moves.is_leaving else _LOOK_S)
            now = loop.time()
            if not self._moves.could_go(self._session_id, self):
                quiet_since, pause_s = None, _OFFER_AGAIN_S
                continue
            quiet_since = now if quiet_since is None else quiet_since
            if now < not_before or (now - quiet_since < QUIET_FOR_S and not self._moves.is_leaving):
                continue
            offer = await self._moves.offer(self._session_id, self)
            # Whoever cannot have it does not answer, and may be as full in a moment.
            not_before = loop.time() + (_OFFER_AGAIN_S if self._moves.is_leaving else pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
            if offer is not None:
                try:
                    await self._inner.send(self._channel.write("quiet", offer))
                except ConnectionGone:
                    return

    async def _send_off(self, departure: Departure) -> None:
        parcel = await self._moves.pack(departure)
        if parcel is None:
            await self._inner.close(CloseCode.RESTART, "the session is in the database")
            return
        try:
            await self._inner.send(self._channel.write("parcel", parcel))
        except ConnectionGone:
            logger.info("link_broke", extra={"cause": "the parcel was not fetched"})
        await self._inner.close(CloseCode.NORMAL, "moved")
