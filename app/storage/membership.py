"""Several servers share a PostgreSQL database: a row in `nodes` for each life of a process.

The row is renewed each second, while the process is well; one that has not been renewed for 5 s, by the
database's clock, is of a process that is gone, and whoever comes may claim its sessions (`ownership.py`).
That is no promise that it is gone: it may have been stopped, and wake up. So a row gives no right to write;
each batch of writes asks who owns its sessions (`fence.py`).
"""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.storage.errors import AlreadyRunning, SchemaTooNew
from app.storage.failures import summary_of
from app.storage.lease import DEAD_AFTER_S, disconnected, refuse_an_alphabet, start_lock
from app.storage.migrate import current_revision, newest_revision, upgrade_tables

logger = logging.getLogger(__name__)

NodeState = Literal["serving", "draining", "dead"]

WORKS_FROM: Final = "0007"
"""The oldest release whose servers may run beside this one's, by the revision of its tables.

What a migration takes away must not be used by the release before it any more (expand, then contract).
"""

_RENEW_EVERY_S: Final = 1.0
_RENEW_TIMEOUT_S: Final = 3.0
_STEADY_S: Final = 2 * _RENEW_EVERY_S
"""A renewal that comes later has found the database away, or this process was stopped."""

_LOOK_EVERY_S: Final = 0.2
_LOOK_TIMEOUT_S: Final = 10.0
_KEPT_DAYS: Final = 7
"""The rows of those that are gone say for so long which releases ran here."""

_ALIVE: Final = "state <> 'dead' AND clock_timestamp() - renewed_at <= make_interval(secs => :dead_after_s)"

_ALONE = text(
    f"SELECT started_at FROM nodes WHERE address IS NULL AND {_ALIVE}"  # noqa: S608  # of constants
)
_HAS_NODES = text("SELECT to_regclass('nodes') IS NOT NULL")
_RUNS_BESIDE = text(
    "SELECT 1 FROM nodes WHERE split_part(version, '+', 2) = :current AND schema_from <= :newest LIMIT 1"
)
_FORGET = text("DELETE FROM nodes WHERE renewed_at < clock_timestamp() - make_interval(days => :days)")
_RENEW = text(
    "INSERT INTO nodes (id, address, version, schema_from, state, sessions, room, renewed_at, started_at)"
    " VALUES (:id, :address, :version, :schema_from, :state, :sessions, :room,"
    " clock_timestamp(), clock_timestamp())"
    " ON CONFLICT (id) DO UPDATE SET state = excluded.state, sessions = excluded.sessions,"
    " room = excluded.room, renewed_at = excluded.renewed_at"
)
_END = text("UPDATE nodes SET state = 'dead', sessions = 0 WHERE id = :id")
_NODES = text(
    "SELECT id, address, version, state, sessions, room FROM nodes"  # noqa: S608  # of constants
    f" WHERE address IS NOT NULL AND {_ALIVE} ORDER BY started_at, id"
)


@dataclass(frozen=True, slots=True)
class NodeReport:
    """How a process is, as it says itself.

    Attributes:
        sessions: How many it has.
        room: How many more it would take.
        is_well: It serves; one that is not is not renewed, and so counts as gone after a while.
    """

    state: NodeState
    sessions: int
    room: int
    is_well: bool = True


@dataclass(frozen=True, slots=True)
class NodeTerms:
    """What a process brings into its fleet.

    Attributes:
        address: What the others dial.
        version: Its release.
        report: Returns how it is; called in another thread.
    """

    address: str
    version: str
    report: Callable[[], NodeReport]


@dataclass(frozen=True, slots=True)
class Node:
    """Another process, or this one, that lives by its row."""

    id: UUID
    address: str
    version: str
    state: NodeState
    sessions: int
    room: int


def live_nodes(connection: Connection) -> tuple[Node, ...]:
    """Return the processes that live, those that began first first."""
    rows = connection.execute(_NODES, {"dead_after_s": DEAD_AFTER_S})
    return tuple(
        Node(row.id, row.address, row.version.partition("+")[0], row.state, row.sessions, row.room)
        for row in rows
    )


class Membership:
    """This process's row; used on the event loop of the database alone.

    Args:
        engine: For connections without a bound on how long a statement may take: migrations are made on it.

    Attributes:
        id: Of this life of the process; made anew with each start, and never when a module is imported, since
            forked processes would share it.
    """

    def __init__(self, engine: AsyncEngine, terms: NodeTerms) -> None:
        self.id: Final = uuid4()
        self._engine = engine
        self._terms = terms
        self._has_joined = False
        self._renewing: asyncio.Task[None] | None = None
        self._renewed_at = self._steady_since = -DEAD_AFTER_S

    @property
    def is_held(self) -> bool:
        """Whether it was among the others once, and the tables are of a shape that it can work with."""
        return self._has_joined

    @property
    def is_sure(self) -> bool:
        """Whether nobody can have taken this process for gone: its row was renewed a moment ago.

        By this machine's own clock, from before the row was asked for. Any thread may ask.
        """
        return time.monotonic() - self._renewed_at < DEAD_AFTER_S

    @property
    def is_steady(self) -> bool:
        """Whether an old row is that of a process which is gone: this one renewed its own in all that time.

        Where the database was away, all rows are old when it is back, and nobody need be gone.
        """
        return self.is_sure and time.monotonic() - self._steady_since >= DEAD_AFTER_S

    def _has_renewed(self, began: float) -> None:
        if began - self._renewed_at > _STEADY_S:
            self._steady_since = time.monotonic()
        self._renewed_at = began

    async def take(self) -> None:
        """Join the others, and upgrade the tables where that is this release's to do.

        Raises:
            AlreadyRunning: A server uses the database that is not one of several.
            SchemaTooNew: A newer release has been here, beside which this one cannot run.
        """
        until = time.monotonic() + DEAD_AFTER_S + _RENEW_EVERY_S
        while not await self._try_to_join(until):  # noqa: ASYNC110 # another program's doing
            await asyncio.sleep(_LOOK_EVERY_S)
        self._renewing = asyncio.create_task(self._keep_renewing(), name="storage-membership")

    async def _try_to_join(self, until: float) -> bool:
        async with self._engine.connect() as connection:
            async with asyncio.timeout(_LOOK_TIMEOUT_S):
                is_free = await connection.run_sync(_is_free, until)
            if not is_free:
                return False
            await connection.run_sync(refuse_an_alphabet)
            await connection.run_sync(_upgrade)
            began = time.monotonic()
            await connection.execute(_FORGET, {"days": _KEPT_DAYS})
            await connection.execute(_RENEW, self._row())
            await connection.commit()
        self._has_joined = True
        self._has_renewed(began)
        return True

    def _row(self) -> dict[str, object]:
        report = self._terms.report()
        return {
            "id": self.id,
            "address": self._terms.address,
            "version": f"{self._terms.version}+{newest_revision()}",
            "schema_from": WORKS_FROM,
            "state": report.state,
            "sessions": report.sessions,
            "room": report.room,
        }

    async def _keep_renewing(self) -> None:
        """Renew the row each second on a connection of its own, which is replaced when it breaks."""
        connection: AsyncConnection | None = None
        row = self._row()
        try:
            while True:
                await asyncio.sleep(_RENEW_EVERY_S)
                report = self._terms.report()
                if not report.is_well:
                    continue
                row |= {"state": report.state, "sessions": report.sessions, "room": report.room}
                began = time.monotonic()
                try:
                    async with asyncio.timeout(_RENEW_TIMEOUT_S):
                        connection = connection or await self._engine.connect()
                        await connection.execute(_RENEW, row)
                        await connection.commit()
                except Exception as exc:
                    logger.debug("storage_renewal_failed", extra={"cause": summary_of(exc)})
                    broken, connection = connection, None
                    await disconnected(broken)
                    continue
                self._has_renewed(began)
        finally:
            await disconnected(connection)

    async def renew(self) -> None:
        """Write down at once how the process is."""
        began = time.monotonic()
        async with self._engine.begin() as connection:
            await connection.execute(_RENEW, self._row())
        self._has_renewed(began)

    async def release(self) -> None:
        """Say that this life is over: whoever comes need not wait until its row is old."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})
        if self._has_joined:
            async with self._engine.begin() as connection:
                await connection.execute(_END, {"id": self.id})


def _is_free(connection: Connection, until: float) -> bool:
    """Return whether one may join in this transaction; False says to look again.

    Raises:
        AlreadyRunning: A server that is alone has the database, also after its row could have grown old.
    """
    if not start_lock(connection):
        return False
    if not connection.scalar(_HAS_NODES):
        return True
    alone = connection.execute(_ALONE, {"dead_after_s": DEAD_AFTER_S}).first()
    if alone is None:
        return True
    if time.monotonic() > until:
        raise AlreadyRunning(
            "Another server uses this database for itself, without FLEET_ADDRESS: it runs since "
            f"{alone.started_at:%Y-%m-%d %H:%M:%S} UTC."
        )
    return False


def _upgrade(connection: Connection) -> None:
    """Upgrade the tables, unless a newer release has, beside which this one can run.

    Raises:
        SchemaTooNew: It cannot.
    """
    try:
        upgrade_tables(connection)
    except SchemaTooNew:
        beside = {"current": current_revision(connection), "newest": newest_revision()}
        if connection.execute(_RUNS_BESIDE, beside).first() is None:
            raise
