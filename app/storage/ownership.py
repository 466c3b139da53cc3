"""Which of several processes owns a session: two columns of its row, `owner` and `owner_epoch`.

A process claims a session by putting itself there, where the row still says what the process has seen; each
claim adds one to the epoch. What was stored before is read after the claim has been committed: then nobody
else writes to the session any more (`fence.py`).

Owner and epoch are compared both: a failover to a standby that lacks the last commits may give an epoch
twice, but to different owners.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, Uuid, bindparam, text

from app.storage.lease import DEAD_AFTER_S
from app.storage.models import UtcTime

_TRIES: Final = 5
"""A claim that others were faster than is tried so often; each time somebody has won."""

_PLACE = text(
    "SELECT s.owner, s.owner_epoch, n.address, n.state,"
    " n.state <> 'dead' AND clock_timestamp() - n.renewed_at <= make_interval(secs => :dead_after_s)"
    " AS is_alive FROM sessions s LEFT JOIN nodes n ON n.id = s.owner WHERE s.id = :id"
)
_CLAIM = text(
    "UPDATE sessions SET owner = :me, owner_epoch = owner_epoch + 1"
    " WHERE id = :id AND owner_epoch = :epoch AND owner IS NOT DISTINCT FROM :owner RETURNING owner_epoch"
).bindparams(bindparam("owner", type_=Uuid), bindparam("me", type_=Uuid))
LEFT_BY_THE_DEAD = text(
    "UPDATE sessions SET detached_at = :at WHERE ended_at IS NULL AND detached_at IS NULL"
    " AND NOT EXISTS (SELECT 1 FROM nodes n WHERE n.id = sessions.owner AND n.state <> 'dead'"
    " AND clock_timestamp() - n.renewed_at <= make_interval(secs => :dead_after_s))"
).bindparams(bindparam("at", type_=UtcTime))
"""The clients of sessions that no living process has have left, for all we know, at a moment."""

DEAD: Final[Mapping[str, float]] = {"dead_after_s": DEAD_AFTER_S}


@dataclass(frozen=True, slots=True)
class Placement:
    """Where a stored session is.

    Attributes:
        owner: The life of the process that claimed it last; None where nobody has it.
        epoch: How often it was claimed.
        address: What others dial to reach that process; None where its row is gone.
        is_alive: Whether that process lives, by its row.
    """

    owner: UUID | None
    epoch: int
    address: str | None
    is_alive: bool


def placement(connection: Connection, session_id: str) -> Placement | None:
    """Return where a session is; None where none is stored by this id."""
    row = connection.execute(_PLACE, {"id": session_id, "dead_after_s": DEAD_AFTER_S}).first()
    return None if row is None else Placement(row.owner, row.owner_epoch, row.address, bool(row.is_alive))


def claim(
    connection: Connection, session_id: str, me: UUID, given_up: Collection[UUID] = ()
) -> int | Placement | None:
    """Own a session from now on, unless another process that lives has it.

    Args:
        connection: Of PostgreSQL; each try is a transaction of its own.
        session_id: Which.
        me: This process's life.
        given_up: Processes that count as gone already, whatever their rows say.

    Returns:
        The epoch of the claim; where it is, if that is elsewhere; None where none is stored by this id.
    """
    found: Placement | None = None
    for _ in range(_TRIES):
        with connection.begin():
            found = placement(connection, session_id)
            if found is None:
                return None
            if found.is_alive and found.owner != me and found.owner not in given_up:
                return found
            claimed = connection.execute(
                _CLAIM, {"id": session_id, "me": me, "epoch": found.epoch, "owner": found.owner}
            ).first()
        if claimed is not None:
            return int(claimed.owner_epoch)
    return found
