"""A change of a user's profile that no other process can come between: the row is locked while it is made."""

from collections.abc import Callable
from typing import Any, Final

from sqlalchemy import Connection, select, update
from sqlalchemy.dialects.postgresql import insert

from app.storage.models import users
from app.storage.operations import is_erased

Stored = dict[str, Any]
Change = Callable[[Stored | None], Stored]

_TRIES: Final = 5
"""A profile that was not there, and that another process makes meanwhile, is read again."""


def change_profile(
    connection: Connection, user_id: str, change: Change, session_id: str
) -> tuple[Stored | None, Stored | None]:
    """Replace a profile by what `change` makes of it; nothing of a session that was erased is kept.

    Args:
        connection: Of PostgreSQL; each try is a transaction of its own.
        user_id: Whose.
        change: Is given None where nothing is kept; what it raises ends the transaction and is raised.
        session_id: The session that it comes from, if any.

    Returns:
        The profile before and after.
    """
    read = select(users.c.profile).where(users.c.user_id == user_id).with_for_update()
    for _ in range(_TRIES):
        with connection.begin():
            row = connection.execute(read).first()
            before: Stored | None = None if row is None else row.profile
            after = change(before)
            if after == before or (session_id and is_erased(connection, session_id)):
                return before, before
            if row is not None:
                connection.execute(update(users).where(users.c.user_id == user_id).values(profile=after))
                return before, after
            made = insert(users).values(user_id=user_id, profile=after).on_conflict_do_nothing()
            if connection.execute(made.returning(users.c.user_id)).first() is not None:
                return before, after
    raise RuntimeError("others make and erase this profile again and again")
