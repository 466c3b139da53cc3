"""What the processes of a fleet count together: hourly budgets, and sessions by address.

Whose they are is not written down: a key is a digest, and says nothing to who reads the table.
"""

import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import Connection, text

from app.storage.lease import DEAD_AFTER_S

_HOUR: Final = "interval '1 hour'"
_IS_OVER: Final = f"spent.began_at <= clock_timestamp() - {_HOUR}"

# Keys come sorted, so that two processes never lock the same rows in different orders.
_SPEND = text(
    "INSERT INTO spent (key, began_at, used)"  # noqa: S608  # of constants
    " SELECT t.key, clock_timestamp(), t.used"
    " FROM unnest(CAST(:keys AS text[]), CAST(:used AS bigint[])) AS t(key, used)"
    " ON CONFLICT (key) DO UPDATE SET"
    f" used = CASE WHEN {_IS_OVER} THEN excluded.used ELSE spent.used + excluded.used END,"
    f" began_at = CASE WHEN {_IS_OVER} THEN excluded.began_at ELSE spent.began_at END"
    " RETURNING key, used, extract(epoch FROM clock_timestamp() - began_at) AS age_s"
)
_COUNT = text(
    "INSERT INTO crowds (node, key, sessions)"
    " SELECT :node, t.key, t.sessions"
    " FROM unnest(CAST(:keys AS text[]), CAST(:sessions AS integer[])) AS t(key, sessions)"
    " ON CONFLICT (node, key) DO UPDATE SET sessions = excluded.sessions"
)
_UNCOUNT = text("DELETE FROM crowds WHERE node = :node AND sessions = 0")
_ELSEWHERE = text(
    "SELECT c.key, sum(c.sessions) AS sessions FROM crowds c JOIN nodes n ON n.id = c.node"
    " WHERE c.node <> :node AND c.key = ANY(CAST(:keys AS text[])) AND n.state <> 'dead'"
    " AND clock_timestamp() - n.renewed_at <= make_interval(secs => :dead_after_s) GROUP BY c.key"
)
_FORGET = (
    text(f"DELETE FROM spent WHERE {_IS_OVER}"),  # noqa: S608  # of constants
    text(
        "DELETE FROM crowds c WHERE NOT EXISTS (SELECT FROM nodes n WHERE n.id = c.node"
        " AND n.state <> 'dead'"
        " AND clock_timestamp() - n.renewed_at <= make_interval(secs => :dead_after_s))"
    ),
)


class Used(NamedTuple):
    """What all processes together have used up in an hour that began `age_s` seconds ago."""

    amount: int
    age_s: float


def key_of(*parts: str) -> str:
    """Return what stands for somebody in a table: a digest (BLAKE2b, RFC 7693) of 128 bits."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        raw = part.encode("utf-8", "surrogatepass")
        digest.update(len(raw).to_bytes(4) + raw)
    return digest.hexdigest()


def spend(connection: Connection, amounts: Mapping[str, int]) -> dict[str, Used]:
    """Add what was used up; return the sums of all processes, by the same keys."""
    keys = sorted(amounts)
    with connection.begin():
        rows = connection.execute(_SPEND, {"keys": keys, "used": [amounts[key] for key in keys]})
        return {row.key: Used(int(row.used), float(row.age_s)) for row in rows}


def count(connection: Connection, node: UUID, sessions: Mapping[str, int]) -> dict[str, int]:
    """Write down how many sessions a process has by key; return how many the others have, by the same."""
    keys = sorted(sessions)
    with connection.begin():
        counts = [sessions[key] for key in keys]
        connection.execute(_COUNT, {"node": node, "keys": keys, "sessions": counts})
        connection.execute(_UNCOUNT, {"node": node})
        asked = {"node": node, "keys": keys, "dead_after_s": DEAD_AFTER_S}
        return {row.key: int(row.sessions) for row in connection.execute(_ELSEWHERE, asked)}


def forget_the_past(connection: Connection) -> None:
    """Delete the hours that are over, and what processes counted that are gone."""
    with connection.begin():
        hours, crowds = _FORGET
        connection.execute(hours)
        connection.execute(crowds, {"dead_after_s": DEAD_AFTER_S})
