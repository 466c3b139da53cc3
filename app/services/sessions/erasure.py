"""Erasure of a talk, or of all that is kept of a user: at once, and without a way back."""

from app.clock import Clock
from app.services.sessions.profiles import Profiles
from app.services.sessions.session_port import SessionPort
from app.storage.store import Store
from app.storage.upkeep_writes import SessionErased


class Eraser:
    """Ends live sessions and has the store forget them; late writes bring nothing back.

    Args:
        sessions: The live sessions; also those of other processes, once those are known.
        timeout_s: How long the store is waited for, in seconds.
    """

    def __init__(
        self, sessions: SessionPort, profiles: Profiles, store: Store, clock: Clock, timeout_s: float
    ) -> None:
        self.sessions = sessions
        self._profiles = profiles
        self._store = store
        self._clock = clock
        self._timeout_s = timeout_s

    async def erase(self, session_id: str) -> bool:
        """Erase a session.

        Returns:
            Whether the store has forgotten it by now; else it does so as soon as it can.
        """
        await self.sessions.erase(session_id)
        erased = self._store.write(SessionErased(session_id, self._clock.now()))
        is_erased = await erased.wait(self._timeout_s)
        # Somebody may have taken it up while it was being erased.
        await self.sessions.erase(session_id)
        return is_erased

    async def erase_user(self, user_id: str) -> bool:
        """Erase all of a user's sessions and the profile; return what `erase` does."""
        before = self._clock.now()
        await self.sessions.erase_user(user_id)
        erased = self._profiles.of(user_id).erase_with_user(self._clock.now())
        is_erased = await erased.wait(self._timeout_s)
        # A session that has begun since is another matter: the user has come back.
        await self.sessions.erase_user(user_id, began_before=before)
        return is_erased
