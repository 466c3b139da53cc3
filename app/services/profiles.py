"""The users' profiles: read once, shared by all sessions of a user, written through to the store.

One process owns the database, so a profile that is held here is the newest there is. A change is made of what
is held, in one step of the event loop: two sessions that remember something at the same time both do.
"""

import asyncio
import logging
from collections.abc import Callable
from weakref import WeakValueDictionary

from app.protocol.client import ANONYMOUS
from app.session.profile import Profile, ProfileUnknown
from app.storage.errors import StoreUnavailable
from app.storage.store import Store
from app.storage.writer import Receipt

logger = logging.getLogger(__name__)

PROFILE_WAIT_S = 0.3
"""How long a session's first turn waits for a profile that is still being read, in seconds."""


class UserProfile:
    """One user's profile.

    Args:
        readings: Where the task that reads it is held while it runs.
        unwritten: Where it is held itself while a write of it is on its way.

    Attributes:
        current: What is kept; empty until it is known.
        is_known: Whether it has been read, or replaced as a whole.
    """

    def __init__(
        self,
        user_id: str,
        store: Store,
        readings: set[asyncio.Task[None]],
        unwritten: "set[UserProfile]",
    ) -> None:
        self.user_id = user_id
        self.current = Profile()
        self.is_known = False
        self._store = store
        self._readings = readings
        self._unwritten = unwritten
        self._reading: asyncio.Task[None] | None = None
        self._written: Receipt | None = None

    @property
    def is_being_written(self) -> bool:
        """Whether what is held is not in the database yet: it must not be read from there."""
        return self._written is not None and not self._written.is_settled

    def read(self) -> asyncio.Task[None]:
        """Reads it from the store, unless it is being read already; the task never fails."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="profile")
            self._readings.add(self._reading)
            self._reading.add_done_callback(self._readings.discard)
        return self._reading

    async def known(self) -> Profile:
        """What is kept, once it has been read.

        Raises:
            ProfileUnknown: It could not be read.
        """
        if not self.is_known:
            await asyncio.wait({self.read()})
        if not self.is_known:
            raise ProfileUnknown
        return self.current

    async def change(self, change: Callable[[Profile], Profile], session_id: str = "") -> Receipt | None:
        """Replaces it by what `change` makes of it; nothing can come between.

        Returns:
            None where that changed nothing: there is nothing to write.

        Raises:
            ProfileUnknown: It could not be read.
        """
        await self.known()
        changed = change(self.current)
        return None if changed == self.current else self.replace(changed, session_id)

    def replace(self, profile: Profile, session_id: str = "") -> Receipt:
        """Puts another one in its place."""
        self._hold(profile)
        return self._note(self._store.profile_stored(self.user_id, profile.model_dump(), session_id))

    def erase(self) -> Receipt:
        """Forgets it."""
        self._hold(Profile())
        return self._note(self._store.profile_erased(self.user_id))

    def erase_with_user(self) -> Receipt:
        """Forgets it with all else that is kept of the user."""
        self._hold(Profile())
        return self._note(self._store.user_erased(self.user_id))

    def _hold(self, profile: Profile) -> None:
        self.current, self.is_known = profile, True

    def _note(self, written: Receipt) -> Receipt:
        self._written = written
        self._unwritten.add(self)
        return written

    async def _read(self) -> None:
        try:
            stored = await self._store.profile(self.user_id)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "profile"})
        else:
            if not self.is_known:  # it may have been replaced or erased meanwhile: that is newer
                self._hold(Profile.of(stored))
        finally:
            self._reading = None


class SessionProfile:
    """A `ProfileKeeper`: one session's view of its user's profile.

    Args:
        timeout_s: How long a change waits for the store, in seconds.
        on_known: Called once, as soon as the profile is known.
    """

    def __init__(
        self,
        user: UserProfile,
        session_id: str,
        timeout_s: float,
        on_known: Callable[[Profile], None] | None = None,
    ) -> None:
        self._user = user
        self._session_id = session_id
        self._timeout_s = timeout_s
        self._on_known = on_known
        self._has_waited = False
        self._read()

    @property
    def current(self) -> Profile:
        """See `ProfileKeeper`."""
        return self._user.current

    async def settle(self) -> None:
        """See `ProfileKeeper`. A read that failed is tried again, without anybody waiting for it."""
        reading = self._read()
        if reading is not None and not self._has_waited:
            await asyncio.wait({reading}, timeout=PROFILE_WAIT_S)
        self._has_waited = True

    async def change(self, change: Callable[[Profile], Profile]) -> bool:
        """See `ProfileKeeper`."""
        self._read()
        receipt = await self._user.change(change, self._session_id)
        return receipt is None or await receipt.wait(self._timeout_s)

    def _read(self) -> asyncio.Task[None] | None:
        """Sees to it that the profile is being read; None where it is known."""
        if self._user.is_known:
            self._tell()
            return None
        reading = self._user.read()
        if self._on_known is not None:
            reading.add_done_callback(lambda _: self._tell())
        return reading

    def _tell(self) -> None:
        if self._on_known is not None and self._user.is_known:
            on_known, self._on_known = self._on_known, None
            on_known(self._user.current)


class Profiles:
    """The profiles that this process holds: those of live sessions, and those that are being written."""

    def __init__(self, store: Store, timeout_s: float) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._held: WeakValueDictionary[str, UserProfile] = WeakValueDictionary()
        self._readings: set[asyncio.Task[None]] = set()
        self._unwritten: set[UserProfile] = set()

    def of(self, user_id: str) -> UserProfile:
        """A user's profile, which may still have to be read."""
        self._unwritten.difference_update([each for each in self._unwritten if not each.is_being_written])
        profile = self._held.get(user_id)
        if profile is None:
            profile = UserProfile(user_id, self._store, self._readings, self._unwritten)
            self._held[user_id] = profile
        return profile

    def for_session(
        self, user_id: str, session_id: str, on_known: Callable[[Profile], None] | None = None
    ) -> SessionProfile | None:
        """What a session holds of its user's; None for a nobody, and where nothing is kept."""
        if user_id == ANONYMOUS or not self._store.is_on:
            return None
        return SessionProfile(self.of(user_id), session_id, self._timeout_s, on_known)

    async def aclose(self) -> None:
        """Ends what is being read; what is being written is the store's to end."""
        readings = list(self._readings)
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
