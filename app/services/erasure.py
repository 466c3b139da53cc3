"""Erasure of a talk, or of all that is kept of a user: at once, and without a way back."""

import asyncio
from collections.abc import Callable

from app.clock import Clock
from app.protocol.close_codes import CloseCode
from app.services.live_session import LiveSession
from app.services.session_host import SessionHost
from app.storage.store import Store


class Eraser:
    """Ends live sessions and has the store forget them; late writes bring nothing back.

    Args:
        timeout_s: How long the store is waited for, in seconds.
    """

    def __init__(self, host: SessionHost, store: Store, clock: Clock, timeout_s: float) -> None:
        self._host = host
        self._store = store
        self._clock = clock
        self._timeout_s = timeout_s

    async def erase(self, session_id: str) -> bool:
        """Erases a session.

        Returns:
            Whether the store has forgotten it by now; else it does so as soon as it can.
        """
        await self._end_all(lambda live: live.session_id == session_id)
        is_erased = await self._store.session_erased(session_id).wait(self._timeout_s)
        # Somebody may have taken it up while it was being erased.
        await self._end_all(lambda live: live.session_id == session_id)
        return is_erased

    async def erase_user(self, user_id: str) -> bool:
        """Erases all of a user's sessions and the profile; returns what `erase` does."""
        before = self._clock.now()
        await self._end_all(lambda live: live.session.user_id == user_id)
        is_erased = await self._host.profiles.of(user_id).erase_with_user().wait(self._timeout_s)
        # A session that has begun since is another matter: the user has come back.
        await self._end_all(lambda live: live.session.user_id == user_id and live.session.created_at < before)
        return is_erased

    async def _end_all(self, is_meant: Callable[[LiveSession], bool]) -> None:
        await asyncio.gather(*(self._end(live) for live in self._host.sessions if is_meant(live)))

    async def _end(self, live: LiveSession) -> None:
        websocket = live.session.websocket
        await self._host.close(live, "erased")
        if websocket is not None:
            await websocket.close(CloseCode.ENDED, "the session was erased")
