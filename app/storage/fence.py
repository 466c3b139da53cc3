"""The fence of several processes: a batch of writes begins with asking which of its sessions are still ours.

The rows of those that are stay locked (`FOR SHARE`) until the batch is committed, so that a claim
(`ownership.py`) comes before it or after it. A condition in each write would be no fence: under READ
COMMITTED it is looked at once, and the claim may be committed between that look and the write's own commit.

What is not in the answer was claimed by another process, or erased: it is dropped, and never tried again.
"""

from collections.abc import Callable, Mapping
from typing import Final
from uuid import UUID

from sqlalchemy import Connection, String, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

_OURS = text(
    # A process that is stopped in the middle of a batch must not hold up who comes after it for longer.
    "SELECT id, owner_epoch, set_config('idle_in_transaction_session_timeout', '2s', true) FROM sessions"
    " WHERE owner = :me AND id = ANY(:ids) ORDER BY id FOR SHARE"
).bindparams(bindparam("me", type_=Uuid), bindparam("ids", type_=ARRAY(String)))

_STANDS = text("SELECT id, owner, owner_epoch FROM sessions WHERE id = ANY(:ids)").bindparams(
    bindparam("ids", type_=ARRAY(String))
)

LOST: Final = -1
"""The epoch of a session that is not ours: no row has it."""


class SessionFence:
    """The sessions of this process, by the epochs of their claims.

    Args:
        owner: This process's life.

    Attributes:
        on_fenced: Told, on the loop of the writer, of a session of which something was not written because
            another process has claimed it.
    """

    def __init__(self, owner: UUID) -> None:
        self.owner: Final = owner
        self.on_fenced: Callable[[str], None] = _nobody_listens
        self._epochs: dict[str, int] = {}

    def hold(self, session_id: str, epoch: int) -> None:
        """Write for a session from now on."""
        self._epochs[session_id] = epoch

    def let_go(self, session_id: str, epoch: int) -> None:
        """Write for it no more, unless it was claimed again meanwhile."""
        if self._epochs.get(session_id) == epoch:
            del self._epochs[session_id]

    def epoch_of(self, session_id: str) -> int:
        """Return the epoch of our claim; `LOST` where it is not ours."""
        return self._epochs.get(session_id, LOST)

    def epochs(self) -> Mapping[str, int]:
        """Return all that are held, by the epochs of their claims."""
        return dict(self._epochs)

    def lost(self, connection: Connection, epochs: Mapping[str, int]) -> frozenset[str]:
        """Return those of some sessions that are not ours by these epochs, and lock the others' rows."""
        if not epochs:
            return frozenset()
        rows = connection.execute(_OURS, {"me": self.owner, "ids": sorted(epochs)})
        ours = {row.id for row in rows if row.owner_epoch == epochs[row.id]}
        return frozenset(epochs.keys() - ours)

    def taken(self, connection: Connection) -> frozenset[str]:
        """Return those that another process has claimed since.

        One without a row has not been written yet; a row with an older claim is of a database that has lost
        ours (`kept_writes.py`).
        """
        epochs = self.epochs()
        rows = connection.execute(_STANDS, {"ids": list(epochs)})
        found = [(row.id, row.owner_epoch - epochs[row.id], row.owner == self.owner) for row in rows]
        return frozenset(
            session_id for session_id, later, is_mine in found if later > 0 or (later == 0 and not is_mine)
        )


def _nobody_listens(session_id: str) -> None:
    """Where nobody wants to know."""
