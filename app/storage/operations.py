"""A write as the writer takes it: statements that are applied together, or not at all."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Connection, Executable, select

from app.storage.errors import RowRefused
from app.storage.models import erased_sessions


@dataclass(frozen=True, slots=True)
class Step:
    """One statement. With `needs_row` it returns the rows it has written, and none is a refusal.

    Attributes:
        values: What is bound to its parameters. A statement that is written often is made once: one of its
            own for each write weighs thirty times its values, and thousands may wait.
    """

    statement: Executable
    needs_row: bool = False
    values: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Operation:
    """Statements that make one fact.

    Attributes:
        name: What log lines call it.
        session_id: Whose it is; empty where it is of no single session.
        chars: About what it weighs while it waits.
        is_erasure: It is never refused, and what it removed leaves the write-ahead log too.
        is_last: It is the last one of its session, without which that would go on in the store: it finds a
            place also in a line that is full.
    """

    name: str
    session_id: str
    steps: tuple[Step, ...]
    chars: int = 0
    is_erasure: bool = False
    is_last: bool = False

    def followed_by(self, other: "Operation") -> "Operation":
        """This one and what belongs to it: both are applied, or neither."""
        return replace(self, steps=(*self.steps, *other.steps), chars=self.chars + other.chars)

    def apply(self, connection: Connection) -> None:
        """Runs the statements in the connection's transaction.

        Raises:
            RowRefused: A statement found no row that it could write.
        """
        for step in self.steps:
            result = connection.execute(step.statement, step.values)
            if step.needs_row and result.first() is None:
                raise RowRefused(self.name)


def is_erased(connection: Connection, session_id: str) -> bool:
    """Whether the session was erased, so that a write of it comes too late."""
    row = select(erased_sessions.c.session_id).where(erased_sessions.c.session_id == session_id)
    return connection.execute(row).first() is not None
