"""The users' profiles: read once, shared by all sessions of a user, written through to the store.

Where one process owns the database, a profile that is held here is the newest there is. A change is made of
what is held, in one step of the event loop: two sessions that remember something at the same time both do.
Where several processes share it, a change is made of what is stored, with its row locked, and what is held is
read again when a session begins.
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime
from weakref import WeakValueDictionary

from app.protocol.fields import ANONYMOUS
from app.session.profile import Profile, ProfileUnknown
from app.storage.errors import StoreUnavailable
from app.storage.operations import Write
from app.storage.profile_changes import Stored
from app.storage.shared import SharedDatabase
from app.storage.store import Store
from app.storage.upkeep_writes import ProfileErased, ProfileStored, UserErased
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
        shared: SharedDatabase | None = None,
    ) -> None:
        self._shared = shared
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
        """Read it from the store, unless it is being read already; the task never fails."""
        if self._reading is None:
            self._reading = asyncio.create_task(self._read(), name="profile")
            self._readings.add(self._reading)
            self._reading.add_done_callback(self._readings.discard)
        return self._reading

    async def known(self) -> Profile:
        """Return what is kept, once it has been read.

        Raises:
            ProfileUnknown: It could not be read.
        """
        if not self.is_known or self._shared is not None:
            await asyncio.wait({self.read()})
        if not self.is_known:
            raise ProfileUnknown
        return self.current

    async def change(self, change: Callable[[Profile], Profile], session_id: str = "") -> Receipt | None:
        """Replace it by what `change` makes of it; nothing can come between.

        Returns:
            None where that changed nothing: there is nothing to write.

        Raises:
            ProfileUnknown: It could not be read.
        """
        if self._shared is not None:
            return await self._change_of_all(self._shared, change, session_id)
        await self.known()
        changed = change(self.current)
        return None if changed == self.current else self.replace(changed, session_id)

    async def _change_of_all(
        self, shared: SharedDatabase, change: Callable[[Profile], Profile], session_id: str
    ) -> Receipt | None:
        def changed(stored: Stored | None) -> Stored:
            return change(Profile.of(stored)).model_dump()

        try:
            before, after = await shared.change_profile(self.user_id, changed, session_id)
        except StoreUnavailable:
            raise ProfileUnknown from None
        self._hold(Profile.of(after))
        if before == after:
            return None
        stored = Receipt()
        stored.settle(True)
        return stored

    def replace(self, profile: Profile, session_id: str = "") -> Receipt:
        """Put another one in its place."""
        self._hold(profile)
        return self._note(ProfileStored(self.user_id, profile.model_dump(), session_id))

    def erase(self) -> Receipt:
        """Forget it."""
        self._hold(Profile())
        return self._note(ProfileErased(self.user_id))

    def erase_with_user(self, now: datetime) -> Receipt:
        """Forget it with all else that is kept of the user."""
        self._hold(Profile())
        return self._note(UserErased(self.user_id, now))

    def _hold(self, profile: Profile) -> None:
        self.current, self.is_known = profile, True

    def _note(self, write: Write) -> Receipt:
        self._written = self._store.write(write)
        self._unwritten.add(self)
        return self._written

    async def _read(self) -> None:
        try:
            stored = await self._store.profile(self.user_id)
        except StoreUnavailable:
            logger.warning("storage_unavailable", extra={"operation": "profile"})
        else:
            is_newer = self._shared is not None and not self.is_being_written
            if not self.is_known or is_newer:  # it may have been replaced or erased meanwhile: that is newer
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
        """See to it that the profile is being read; None where it is known."""
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
    """The profiles that this process holds: those of live sessions, and those that are being written.

    Attributes:
        shared: The database of several processes; None where this one has it for itself.
    """

    def __init__(self, store: Store, timeout_s: float) -> None:
        self._store = store
        self._timeout_s = timeout_s
        self._held: WeakValueDictionary[str, UserProfile] = WeakValueDictionary()
        self._readings: set[asyncio.Task[None]] = set()
        self._unwritten: set[UserProfile] = set()
        self.shared: SharedDatabase | None = None

    def of(self, user_id: str) -> UserProfile:
        """Return a user's profile, which may still have to be read."""
        self._unwritten.difference_update([each for each in self._unwritten if not each.is_being_written])
        profile = self._held.get(user_id)
        if profile is None:
            profile = UserProfile(user_id, self._store, self._readings, self._unwritten, self.shared)
            self._held[user_id] = profile
        return profile

    def for_session(
        self, user_id: str, session_id: str, on_known: Callable[[Profile], None] | None = None
    ) -> SessionProfile | None:
        """Return what a session holds of its user's; None for anonymous users and without a store."""
        if user_id == ANONYMOUS or not self._store.is_on:
            return None
        profile = self.of(user_id)
        if self.shared is not None:
            profile.read()  # another process may have changed it since
        return SessionProfile(profile, session_id, self._timeout_s, on_known)

    async def aclose(self) -> None:
        """End what is being read; what is being written is the store's to end."""
        readings = list(self._readings)
        for reading in readings:
            reading.cancel()
        await asyncio.gather(*readings, return_exceptions=True)
