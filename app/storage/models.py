"""The tables.

Times are UTC, with microseconds. Ids of ours are opaque texts; `position` counts the messages of a session
from 0. Texts are replaced where a database could not keep them (see `text.py`), in one place: the column's
type.

    users ──── profile of a user (nothing else is kept of one)
    sessions ─┬─ messages     unique (session_id, position), (session_id, client_id)
              └─ tool_calls   one row for each call, written before a write runs
    erased_sessions ── ids of what was erased, so that a late write cannot bring it back
    nodes ──── the servers of the database (PostgreSQL alone; see lease.py, membership.py)
    spent, crowds ──── what several processes count together (see shared_limits.py)
    lives ──── one row for each life of a server, by its own clock (see running_time.py)
"""

import json
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.types import TypeDecorator

from app.storage.text import storable, storable_json

ID_CHARS = 64


class UtcTime(TypeDecorator[datetime]):
    """A moment in UTC. SQLite keeps no zone, so it is taken off on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn any zone into UTC.

        Raises:
            ValueError: The moment has no zone: nobody could tell what it means.
        """
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time needs a zone")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None) if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return the moment in UTC, with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SafeText(TypeDecorator[str]):
    """A text of any length that both databases can keep."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Replace what cannot be stored."""
        return None if value is None else storable(value)


class SafeId(SafeText):
    """A short text that an index holds: an id of ours, or one that a client chose."""

    impl = String
    cache_ok = True


class SafeJson(TypeDecorator[Any]):
    """A JSON value, kept as text: the same on both databases, byte for byte."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: Dialect) -> str | None:
        """Return the value's JSON text; None is no value at all."""
        if value is None:
            return None
        return json.dumps(storable_json(value), ensure_ascii=False, separators=(",", ":"))

    def process_result_value(self, value: str | None, dialect: Dialect) -> Any:
        """Return the value again."""
        return None if value is None else json.loads(value)


metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_1_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

users = Table(
    "users",
    metadata,
    Column("user_id", SafeId, primary_key=True),
    Column("profile", SafeJson, nullable=False),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", SafeId(ID_CHARS), primary_key=True),
    Column("user_id", SafeId, nullable=False),
    Column("protocol", SafeId(16), nullable=False),
    Column("locale", SafeId(16), nullable=False),
    Column("token_hash", LargeBinary, nullable=False),
    Column("previous_token_hash", LargeBinary, nullable=False),
    Column("summary", SafeText),
    Column("summary_upto", Integer),
    # By the user; null: how their first text begins. And as it is searched.
    Column("given_title", SafeText),
    Column("folded_title", SafeText),
    Column("created_at", UtcTime, nullable=False),
    Column("last_activity", UtcTime, nullable=False),
    # Null while a client is connected; a server that starts sets it for those that its predecessor left so.
    Column("detached_at", UtcTime),
    Column("ended_at", UtcTime),
    # Which of several processes has it, and how often it was claimed; null: none, or one that is alone.
    Column("owner", Uuid),
    Column("owner_epoch", BigInteger, nullable=False, server_default="0"),
    Index("ix_sessions_owner", "owner"),
    Index("ix_sessions_created_at", "created_at", "id"),
    Index("ix_sessions_user_id", "user_id", "created_at"),
    Index("ix_sessions_ended_at", "ended_at"),
)

messages = Table(
    "messages",
    metadata,
    Column("session_id", SafeId(ID_CHARS), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("position", Integer, primary_key=True, autoincrement=False),
    Column("turn_id", SafeId, nullable=False),
    Column("client_id", SafeId),
    Column("role", SafeId(16), nullable=False),
    Column("content", SafeText),
    Column("tool_calls", SafeJson),
    Column("tool_call_id", SafeId),
    # `backend` or `server`, where the role does not tell whose it is.
    Column("source", SafeId(16)),
    # The turn that a revision put in the place of this one's; null where none did.
    Column("superseded_by", SafeId),
    Column("status", SafeId(16), nullable=False),
    Column("created_at", UtcTime, nullable=False),
    # The content as it is searched; null where there is nothing to find.
    Column("folded", SafeText),
    UniqueConstraint("session_id", "client_id", name="uq_messages_client_id"),
    Index("ix_messages_turn_id", "session_id", "turn_id"),
)

tool_calls = Table(
    "tool_calls",
    metadata,
    Column("session_id", SafeId(ID_CHARS), ForeignKey("sessions.id", ondelete="CASCADE"), primary_key=True),
    Column("call_id", SafeId, primary_key=True),
    Column("turn_id", SafeId, nullable=False),
    Column("name", SafeId, nullable=False),
    Column("arguments", SafeText, nullable=False),
    Column("effect", SafeId(16), nullable=False),
    Column("status", SafeId(16), nullable=False),
    Column("reason", SafeId),
    Column("result", SafeText),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("told_at", UtcTime),
    # Of a write: "none" while and where it has not begun, "unknown" where it may have acted; else null.
    Column("outcome", SafeId(16)),
    # Under which the other side knows it; null where that is the call's own id.
    Column("idempotency_key", SafeId),
)

erased_sessions = Table(
    "erased_sessions",
    metadata,
    Column("session_id", SafeId(ID_CHARS), primary_key=True),
    Column("erased_at", UtcTime, nullable=False),
)

nodes = Table(
    "nodes",
    metadata,
    Column("id", Uuid, primary_key=True),
    # What servers of one database tell each other; null where there is one alone.
    Column("address", SafeId),
    Column("version", SafeId),
    # The oldest schema that this server can work with.
    Column("schema_from", SafeId(32), nullable=False),
    Column("state", SafeId(16), nullable=False),
    Column("sessions", Integer),
    Column("room", Integer),
    # By the database's clock.
    Column("renewed_at", UtcTime, nullable=False),
    Column("started_at", UtcTime, nullable=False),
)

lives = Table(
    "lives",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("started_at", UtcTime, nullable=False),
    # Its last sign of life.
    Column("seen_at", UtcTime, nullable=False),
)

spent = Table(
    "spent",
    metadata,
    # A digest of whose it is.
    Column("key", SafeId(32), primary_key=True),
    Column("began_at", UtcTime, nullable=False),
    Column("used", BigInteger, nullable=False),
)

crowds = Table(
    "crowds",
    metadata,
    Column("node", Uuid, primary_key=True),
    # A digest of an address.
    Column("key", SafeId(32), primary_key=True),
    Column("sessions", Integer, nullable=False),
)
