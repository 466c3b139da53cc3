"""A process stops while others serve: its sessions go to them, each when nothing happens in it any more."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from app.services.sessions.going_away import tell_all
from app.services.sessions.live_session import LiveSession
from app.services.sessions.moves import SessionMoves, is_quiet
from app.services.sessions.session_host import SessionHost

logger = logging.getLogger(__name__)

_LOOK_S: Final = 0.1

AWAY_S: Final = 5.0
"""A client that has left during the drain may come back over a link for so long, in seconds.

Later, or where it was away before, it finds its session in the database.
"""


class Drain:
    """Ends when nothing is left here that anybody waits for, or the time is over.

    Turns end as they would, and texts that come meanwhile are answered. A client that has come back elsewhere
    is led here, and its session moves. One that has not is sent away (1012) once nothing happens in its
    session. A client that cannot come back to its session (v1, Realtime, the telephone) is waited for.

    Args:
        send_away: Closes a session's connection, so that its client comes back.
    """

    def __init__(
        self, host: SessionHost, moves: SessionMoves, send_away: Callable[[LiveSession], Awaitable[None]]
    ) -> None:
        self._host = host
        self._moves = moves
        self._send_away = send_away
        self._away_since: dict[LiveSession, float] = {}

    async def run(self, grace_s: float) -> bool:
        """Let the sessions go, for `grace_s` seconds at most.

        Returns:
            Whether others served until the end; else what is left has nowhere to go.
        """
        loop = asyncio.get_running_loop()
        until = loop.time() + grace_s
        self._away_since = {live: -AWAY_S for live in self._host.sessions if live.pump.link is None}
        here = [live for live in self._host.sessions if not self._is_elsewhere(live)]
        telling = asyncio.create_task(
            tell_all(here, grace_s, overlap=True, then=self._see_off), name="going away"
        )
        try:
            while (is_served := self._host.directory.has_others) and loop.time() < until:
                # Who waits for a session is seen in the session, whether or not all have been told.
                waited_for = [live for live in self._host.sessions if self._holds_up(live)]
                if not (waited_for or self._moves.under_way):
                    break
                await asyncio.sleep(_LOOK_S)
        finally:
            telling.cancel()
            await asyncio.gather(telling, return_exceptions=True)
        logger.info("drained", extra={"left": len(self._host.sessions)})
        return is_served

    def _is_elsewhere(self, live: LiveSession) -> bool:
        """Return whether a session's client has landed on another process: it need not come again."""
        link = live.pump.link
        return link is not None and link.sender in self._moves.links

    def _holds_up(self, live: LiveSession) -> bool:
        """Return whether somebody waits for something of a session here."""
        if live.pump.link is not None:
            self._away_since.pop(live, None)
            return True
        if not live.outlives_connection:
            return True  # its connection is just ending
        now = asyncio.get_running_loop().time()
        return now < self._away_since.setdefault(live, now) + AWAY_S or not is_quiet(live)

    async def _see_off(self, live: LiveSession) -> None:
        """Send a session's client away as soon as nothing happens in it, unless it has come elsewhere."""
        while self._host.sessions.get(live.session_id) is live and live.outlives_connection:
            if live.pump.link is None or self._is_elsewhere(live):
                return
            if is_quiet(live):
                await self._send_away(live)
                return
            await asyncio.sleep(_LOOK_S)
