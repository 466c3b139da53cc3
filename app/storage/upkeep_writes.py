"""What is written beside the talks: profiles, erasures, retention, the lives of servers.

As in `writes.py`, each may be applied twice with the result of once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Executable, bindparam, delete, select, update

from app.storage.models import erased_sessions, lives, sessions, users
from app.storage.operations import (
    InsertInto,
    Operation,
    StatementByDialect,
    WriteStep,
    insert_unless_erased,
)
from app.storage.ownership import DEAD, LEFT_BY_THE_DEAD

_KEPT_LIVES = 500
"""Of servers that have ended; a life before those counts as if there had been one server all the time."""


def _profile_upsert(insert: InsertInto) -> Executable:
    of_session = bindparam("of_session", type_=sessions.c.id.type)
    row = insert_unless_erased(insert, users, ("user_id", "profile"), of_session)
    upsert = row.on_conflict_do_update(index_elements=["user_id"], set_={"profile": row.excluded.profile})
    return upsert.returning(users.c.user_id)


def _erasure_insert(insert: InsertInto) -> Executable:
    return insert(erased_sessions).on_conflict_do_nothing(index_elements=["session_id"])


def _user_erasure_insert(insert: InsertInto) -> Executable:
    at = bindparam("erased_at", type_=erased_sessions.c.erased_at.type)
    theirs = select(sessions.c.id, at).where(sessions.c.user_id == bindparam("of_user"))
    row = insert(erased_sessions).from_select(["session_id", "erased_at"], theirs)
    return row.on_conflict_do_nothing(index_elements=["session_id"])


def _life_insert(insert: InsertInto) -> Executable:
    return insert(lives).on_conflict_do_nothing(index_elements=["id"])


_UPSERT_PROFILE = StatementByDialect.of(_profile_upsert)
_INSERT_ERASURE = StatementByDialect.of(_erasure_insert)
_INSERT_USER_ERASURE = StatementByDialect.of(_user_erasure_insert)
_INSERT_LIFE = StatementByDialect.of(_life_insert)


@dataclass(frozen=True, slots=True)
class ProfileStored:
    """The user's whole profile; not if it comes from a session that was erased.

    Attributes:
        session_id: The session that it comes from, if any.
    """

    user_id: str
    profile: dict[str, Any]
    session_id: str = ""

    def operation(self) -> Operation:
        """See `Write`."""
        values = {"user_id": self.user_id, "profile": self.profile, "of_session": self.session_id}
        step = WriteStep(_UPSERT_PROFILE, needs_row=True, values=values)
        return Operation("profile_stored", self.session_id, (step,), len(str(self.profile)), is_anyones=True)


@dataclass(frozen=True, slots=True)
class ProfileErased:
    """The user's profile is to go."""

    user_id: str

    def operation(self) -> Operation:
        """See `Write`."""
        step = WriteStep(delete(users).where(users.c.user_id == self.user_id))
        return Operation("profile_erased", "", (step,), is_erasure=True)


@dataclass(frozen=True, slots=True)
class SessionErased:
    """A session is to go, with all its rows; what is written to it later is dropped."""

    session_id: str
    at: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        values = {"session_id": self.session_id, "erased_at": self.at}
        steps = (
            WriteStep(_INSERT_ERASURE, values=values),
            WriteStep(delete(sessions).where(sessions.c.id == self.session_id)),
        )
        return Operation("session_erased", self.session_id, steps, is_erasure=True)


@dataclass(frozen=True, slots=True)
class UserErased:
    """All of a user is to go, and does not come back. End the user's live sessions first."""

    user_id: str
    at: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        steps = (
            WriteStep(_INSERT_USER_ERASURE, values={"of_user": self.user_id, "erased_at": self.at}),
            WriteStep(delete(sessions).where(sessions.c.user_id == self.user_id)),
            WriteStep(delete(users).where(users.c.user_id == self.user_id)),
        )
        return Operation("user_erased", "", steps, is_erasure=True)


@dataclass(frozen=True, slots=True)
class DetachedEnded:
    """Sessions without a client since `before` have ended, at the moment their client left."""

    before: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        statement = (
            update(sessions)
            .where(sessions.c.ended_at.is_(None), sessions.c.detached_at < self.before)
            .values(ended_at=sessions.c.detached_at)
        )
        return Operation("detached_ended", "", (WriteStep(statement),))


@dataclass(frozen=True, slots=True)
class SessionsForgotten:
    """Old sessions leave, if they are still ended and old; so do the marks of old erasures."""

    session_ids: Sequence[str]
    before: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        is_one = sessions.c.id.in_(self.session_ids)
        steps = (
            WriteStep(delete(sessions).where(is_one, sessions.c.ended_at < self.before)),
            WriteStep(delete(erased_sessions).where(erased_sessions.c.erased_at < self.before)),
        )
        return Operation("sessions_forgotten", "", steps, is_erasure=True)


# The server itself


@dataclass(frozen=True, slots=True)
class ServerStarted:
    """A life begins. Clients that were there when the last one ended left, for all we know, just now.

    Where the database is shared, those of processes that live have not.
    """

    life: UUID
    at: datetime
    is_shared: bool = False

    def operation(self) -> Operation:
        """See `Write`."""
        newest = select(lives.c.id).order_by(lives.c.started_at.desc()).limit(_KEPT_LIVES)
        left = (
            update(sessions)
            # Whatever their times say, by a clock that was set back since: this server has none there yet.
            .where(sessions.c.ended_at.is_(None), sessions.c.detached_at.is_(None))
            .values(detached_at=self.at)
        )
        values = {"id": self.life, "started_at": self.at, "seen_at": self.at}
        steps = (
            WriteStep(_INSERT_LIFE, values=values),
            WriteStep(delete(lives).where(lives.c.id.not_in(newest))),
            *(LeftByTheDead(self.at).operation().steps if self.is_shared else (WriteStep(left),)),
        )
        return Operation("server_started", "", steps)


@dataclass(frozen=True, slots=True)
class LeftByTheDead:
    """The clients of sessions whose process is gone have left."""

    at: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        step = WriteStep(LEFT_BY_THE_DEAD, values={"at": self.at, **DEAD})
        return Operation("left_by_the_dead", "", (step,))


@dataclass(frozen=True, slots=True)
class ServerSeen:
    """A sign of life."""

    life: UUID
    at: datetime

    def operation(self) -> Operation:
        """See `Write`."""
        statement = update(lives).where(lives.c.id == self.life).values(seen_at=self.at)
        return Operation("server_seen", "", (WriteStep(statement),))
