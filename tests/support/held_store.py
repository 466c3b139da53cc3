"""A store under a test's control, and the profiles over it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from app.services.sessions.profiles import Profiles
from app.storage.errors import StoreUnavailable
from app.storage.no_store import NoStore
from app.storage.operations import Write
from app.storage.records import SessionChange
from app.storage.upkeep_writes import ProfileErased, ProfileStored, UserErased
from app.storage.writer import Receipt
from app.storage.writes import SessionChanged


class HeldStore(NoStore):
    """A store whose reads answer, and whose writes are committed, when the test says so."""

    is_on = True

    def __init__(self, stored: dict[str, Any] | None = None) -> None:
        self.stored = stored
        self.may_answer = asyncio.Event()
        self.is_dead = False
        self.reads = 0
        self.writes: list[dict[str, Any] | None] = []
        self.receipts: list[Receipt] = []
        self.changes: list[SessionChange] = []

    async def profile(self, user_id: str) -> dict[str, Any] | None:
        self.reads += 1
        stored = self.stored
        await self.may_answer.wait()
        if self.is_dead:
            raise StoreUnavailable("held")
        return stored

    def write(self, write: Write) -> Receipt:
        match write:
            case ProfileStored():
                return self._written(write.profile)
            case ProfileErased() | UserErased():
                return self._written(None)
            case SessionChanged():
                self.changes.append(write.change)
            case _:
                pass
        return Receipt.refused()

    def _written(self, profile: dict[str, Any] | None) -> Receipt:
        self.writes.append(profile)
        self.receipts.append(Receipt())
        return self.receipts[-1]


@asynccontextmanager
async def profiles_over(store: HeldStore) -> AsyncIterator[Profiles]:
    profiles = Profiles(store, timeout_s=0.01)
    yield profiles
    await profiles.aclose()
