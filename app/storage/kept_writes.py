"""What was committed a moment ago, kept for a database that comes back without it.

A failover to a standby that hears of commits later than they are acknowledged loses the last ones. A process
of several knows them, and writes them again on its next connection, before anything else: first its claims,
where the row has an older one, then the writes of the last seconds, in their order. Each may be applied twice
with the result of once (`writer.py`), so nobody asks whether anything was lost.

What another process has claimed meanwhile is left alone. So is what this one had let go before the failover.
"""

import time
from collections import deque
from collections.abc import Iterator, Mapping
from typing import Final

from sqlalchemy import BigInteger, Connection, String, Uuid, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from app.storage.failures import is_hopeless
from app.storage.fence import SessionFence
from app.storage.operations import Operation

KEPT_S: Final = 5.0
"""For so long what was committed is kept, in seconds; a standby that is farther behind needs an operator."""

_MOST: Final = 2_000
_MOST_CHARS: Final = 8 * 1024 * 1024

_CLAIM_AGAIN = text(
    "UPDATE sessions SET owner = :me, owner_epoch = held.epoch"
    " FROM unnest(:ids, :epochs) AS held(id, epoch)"
    " WHERE sessions.id = held.id AND sessions.owner_epoch < held.epoch"
).bindparams(
    bindparam("me", type_=Uuid),
    bindparam("ids", type_=ARRAY(String)),
    bindparam("epochs", type_=ARRAY(BigInteger)),
)
"""An epoch only ever grows: a smaller one is from before a claim that was committed."""

_IS_THERE = text("SELECT 1 FROM sessions WHERE id = :id")


class KeptWrites:
    """The last commits of one writer.

    Args:
        fence: Which sessions are this process's.
        kept_s: For how long a commit is kept.
    """

    def __init__(self, fence: SessionFence, kept_s: float = KEPT_S) -> None:
        self._fence = fence
        self._kept_s = kept_s
        self._kept: deque[tuple[float, Operation, int]] = deque()
        self._chars = 0

    def keep(self, operation: Operation, epoch: int) -> None:
        """Note what was committed, by which claim of its session."""
        # Of a user there may be something new by now that the same erasure would take away.
        is_of_session = operation.is_erasure and bool(operation.session_id)
        if not (operation.needs_owner or is_of_session):
            return
        now = time.monotonic()
        self._kept.append((now, operation, epoch))
        self._chars += operation.chars
        while self._kept and self._is_too_much(now):
            self._chars -= self._kept.popleft()[1].chars

    def _is_too_much(self, now: float) -> bool:
        is_old = self._kept[0][0] <= now - self._kept_s
        return is_old or len(self._kept) > _MOST or self._chars > _MOST_CHARS

    def __len__(self) -> int:
        return len(self._kept)

    def write_again(self, connection: Connection) -> int:
        """Bring a database to where it was that may have lost commits; return how many claims it had lost."""
        epochs = self._fence.epochs()
        held = {"me": self._fence.owner, "ids": list(epochs), "epochs": list(epochs.values())}
        with connection.begin():
            claims = connection.execute(_CLAIM_AGAIN, held).rowcount
            lost = self._fence.lost(connection, epochs)
            for operation in self._own(connection, epochs, lost):
                try:
                    with connection.begin_nested():
                        operation.apply(connection)
                except Exception as exc:
                    if not is_hopeless(exc):
                        raise
        return claims

    def _own(
        self, connection: Connection, epochs: Mapping[str, int], lost: frozenset[str]
    ) -> Iterator[Operation]:
        """What is still this process's to write, all of a session or nothing of it.

        Sessions are let go meanwhile, on another thread: the half of one's writes would take back what the
        other half has done.
        """
        missing = set(lost)
        for _, operation, epoch in list(self._kept):
            session_id = operation.session_id
            if operation.is_erasure:
                yield operation
            elif epochs.get(session_id) != epoch:
                continue
            elif operation.is_first and connection.execute(_IS_THERE, {"id": session_id}).first() is None:
                missing.discard(session_id)
                yield operation
            elif not operation.is_first and session_id not in missing:
                yield operation
