"""A write as the writer takes it: statements that are applied together, or not at all."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from sqlalchemy import ColumnElement, Connection, Executable, Table, bindparam, exists, select
from sqlalchemy.dialects import postgresql, sqlite

from app.storage.errors import RowRefused
from app.storage.models import erased_sessions

Insert = sqlite.Insert | postgresql.Insert

InsertInto = Callable[[Table], Insert]
"""Begins an insert that may say what becomes of a row that is there: each dialect has its own."""


@dataclass(frozen=True, slots=True)
class StatementByDialect:
    """A statement that the two databases' dialects spell in modules of their own."""

    sqlite: Executable
    postgresql: Executable

    @classmethod
    def of(cls, make: Callable[[InsertInto], Executable]) -> "StatementByDialect":
        """Have it made for both."""
        return cls(make(sqlite.insert), make(postgresql.insert))


@dataclass(frozen=True, slots=True)
class WriteStep:
    """One statement. With `needs_row` it returns the rows it has written, and none is a refusal.

    Attributes:
        values: What is bound to its parameters. A statement that is written often is made once: one of its
            own for each write weighs thirty times its values, and thousands may wait.
    """

    statement: Executable | StatementByDialect
    needs_row: bool = False
    values: Mapping[str, Any] | None = None

    def statement_for(self, dialect: str) -> Executable:
        """Return the statement as a database of this dialect takes it."""
        if isinstance(self.statement, StatementByDialect):
            return self.statement.sqlite if dialect == "sqlite" else self.statement.postgresql
        return self.statement


@dataclass(frozen=True, slots=True)
class Operation:
    """Statements that make one fact.

    Attributes:
        name: What log lines call it.
        session_id: Whose it is; empty where it is of no single session.
        chars: About what it weighs while it waits.
        is_erasure: It is never refused, and what it removed leaves the write-ahead log too.
        is_anyones: Any process may write it, whoever owns the session; where it is of no session, all are.
        is_first: It makes the session's row, which says whose the session is.
        is_last: It is the last one of its session, without which that would go on in the store: it finds a
            place also in a line that is full.
    """

    name: str
    session_id: str
    steps: tuple[WriteStep, ...]
    chars: int = 0
    is_erasure: bool = False
    is_anyones: bool = False
    is_first: bool = False
    is_last: bool = False

    @property
    def needs_owner(self) -> bool:
        """Whether only the process that owns the session may write it."""
        return bool(self.session_id) and not self.is_anyones and not self.is_erasure

    def followed_by(self, other: "Operation") -> "Operation":
        """This one and what belongs to it: both are applied, or neither."""
        return replace(self, steps=(*self.steps, *other.steps), chars=self.chars + other.chars)

    def apply(self, connection: Connection) -> None:
        """Run the statements in the connection's transaction.

        Raises:
            RowRefused: A statement found no row that it could write.
        """
        for step in self.steps:
            result = connection.execute(step.statement_for(connection.dialect.name), step.values)
            if step.needs_row and result.first() is None:
                raise RowRefused(self.name)


class Write(Protocol):
    """What a store is to write: a value made of plain ones. All are in `writes.py` and `upkeep_writes.py`."""

    def operation(self) -> Operation:
        """Return the statements that write it."""
        ...


def insert_unless_erased(
    insert: InsertInto, table: Table, names: Sequence[str], session_id: ColumnElement[str]
) -> Insert:
    """Return the insert of a row of parameters by the columns' names, unless the session was erased."""
    row = select(*[bindparam(name, type_=table.c[name].type) for name in names])
    was_erased = exists().where(erased_sessions.c.session_id == session_id)
    return insert(table).from_select(list(names), row.where(~was_erased))


def is_erased(connection: Connection, session_id: str) -> bool:
    """Return whether the session was erased, so that a write of it comes too late."""
    row = select(erased_sessions.c.session_id).where(erased_sessions.c.session_id == session_id)
    return connection.execute(row).first() is not None
