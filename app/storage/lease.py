"""One server at a time writes to a PostgreSQL database: a row in `nodes` for each life of a process.

A lock of a connection would not do: a pooler lends connections, and a lost host's connection stays for as
long as TCP believes in it. So whoever owns the database renews its row each second, and a row that has not
been renewed for 5 s, by the database's clock, belongs to nobody: the next server deletes it and takes over.

A process may have been stopped meanwhile (SIGSTOP, a laptop asleep), and must not go on writing. Each
transaction that writes begins with the row: it is locked against its deletion until the transaction ends, and
where it has gone nothing is written any more.
"""

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import datetime
from uuid import UUID, uuid4

from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.storage.errors import AlreadyRunning, NeverWorks, TakenOver
from app.storage.failures import summary_of
from app.storage.migrate import newest_revision, upgrade_tables

logger = logging.getLogger(__name__)

DEAD_AFTER_S = 5.0
"""A row that was not renewed for so long belongs to nobody."""

_RENEW_EVERY_S = 1.0
_RENEW_TIMEOUT_S = 3.0
_LOOK_EVERY_S = 0.2
_LOOK_TIMEOUT_S = 10.0

_LOCK_KEY = 0x766F6963_65616774
"""Two servers that start at once do so one after the other ("voiceagt"). Releases that had no `nodes` held
the lock of this key for as long as they ran."""

_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")
_HAS_NODES = text("SELECT to_regclass('nodes') IS NOT NULL")
_OTHERS = text(
    "SELECT id, renewed_at, clock_timestamp() - renewed_at > make_interval(secs => :dead_after_s), started_at"
    " FROM nodes WHERE state <> 'dead'"
)
_ALPHABET = text("SELECT current_setting('server_encoding'), to_regclass('messages') IS NULL")
_END_OTHERS = text("DELETE FROM nodes")
_BEGIN = text(
    "INSERT INTO nodes (id, schema_from, state, renewed_at, started_at)"
    " VALUES (:id, :schema_from, 'serving', clock_timestamp(), clock_timestamp())"
)
_RENEW = text("UPDATE nodes SET renewed_at = clock_timestamp() WHERE id = :id RETURNING id")
_END = text("DELETE FROM nodes WHERE id = :id")
_FENCE = text(
    # A transaction of a process that was stopped in it must not hold its successor up for longer than this.
    "SELECT set_config('idle_in_transaction_session_timeout', '2s', true) FROM nodes"
    # Not FOR SHARE: the row is renewed meanwhile.
    " WHERE id = :id FOR KEY SHARE"
)


class Lease:
    """The ownership of a database by this process; used on the event loop of the database alone.

    Args:
        engine: For connections without a bound on how long a statement may take: migrations are made on it.
        on_lost: Told once, on that loop, that another server has taken over.
    """

    def __init__(self, engine: AsyncEngine, on_lost: Callable[[TakenOver], None]) -> None:
        self._engine = engine
        self._on_lost = on_lost
        self._id: UUID | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._loss: TakenOver | None = None

    @property
    def is_held(self) -> bool:
        """Whether the database was taken, and the tables are of this release's shape."""
        return self._id is not None

    async def take(self) -> None:
        """Take the database and upgrade its tables; wait until a killed predecessor counts as dead.

        Raises:
            AlreadyRunning: Another server lives.
            SchemaTooNew: A newer release has been here.
        """
        others = _Others()
        while not await self._try_to_take(others):  # noqa: ASYNC110 # another program's doing
            await asyncio.sleep(_LOOK_EVERY_S)
        self._renewing = asyncio.create_task(self._renew(), name="storage-lease")

    async def _try_to_take(self, others: "_Others") -> bool:
        async with self._engine.connect() as connection:
            async with asyncio.timeout(_LOOK_TIMEOUT_S):
                is_free = await connection.run_sync(others.are_gone)
            if not is_free:
                return False
            await connection.run_sync(refuse_an_alphabet)
            await connection.run_sync(upgrade_tables)
            life = uuid4()
            await connection.execute(_END_OTHERS)
            await connection.execute(_BEGIN, {"id": life, "schema_from": newest_revision()})
            await connection.commit()
        self._id = life
        return True

    def fence(self, connection: Connection) -> None:
        """Begin a transaction that writes: the database cannot be taken over until its end.

        Raises:
            TakenOver: Another server has it, or had it.
        """
        if self._loss is None and connection.execute(_FENCE, {"id": self._id}).first() is None:
            self._lose()
        if self._loss is not None:
            raise self._loss

    async def _renew(self) -> None:
        """Renew the row each second on a connection of its own, which is replaced when it breaks."""
        connection: AsyncConnection | None = None
        try:
            while self._loss is None:
                await asyncio.sleep(_RENEW_EVERY_S)
                try:
                    async with asyncio.timeout(_RENEW_TIMEOUT_S):
                        connection = connection or await self._engine.connect()
                        is_ours = (await connection.execute(_RENEW, {"id": self._id})).first() is not None
                        await connection.commit()
                except Exception as exc:
                    logger.debug("storage_renewal_failed", extra={"cause": summary_of(exc)})
                    broken, connection = connection, None
                    await disconnected(broken)
                    continue
                if not is_ours:
                    self._lose()
        finally:
            await disconnected(connection)

    def _lose(self) -> None:
        if self._loss is None:
            self._loss = TakenOver(
                "Another server has taken this database over: this one was stopped, or cut off from it, for "
                f"longer than {DEAD_AFTER_S:g} s. It writes nothing any more."
            )
            self._on_lost(self._loss)

    async def release(self) -> None:
        """Give the database to whoever comes next; the writer's connection must be closed."""
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait({self._renewing})
        if self._id is not None and self._loss is None:
            async with self._engine.begin() as connection:
                await connection.execute(_END, {"id": self._id})


class _Others:
    """Watches the rows of other servers, from the first look on."""

    def __init__(self) -> None:
        self._first_seen: dict[UUID, datetime] | None = None
        self._began = time.monotonic()

    def are_gone(self, connection: Connection) -> bool:
        """Return whether the database may be taken in this transaction; False says to look again.

        Raises:
            AlreadyRunning: One of them lives.
        """
        # Should the database's clock have been set back, what did not move while it was watched is dead too.
        has_waited = time.monotonic() - self._began > DEAD_AFTER_S
        if not start_lock(connection):
            if has_waited:
                raise AlreadyRunning("Another server uses this database: it holds the lock of a start.")
            return False
        if not connection.scalar(_HAS_NODES):
            return True
        rows = connection.execute(_OTHERS, {"dead_after_s": DEAD_AFTER_S}).all()
        if self._first_seen is None:
            self._first_seen = {row[0]: row[1] for row in rows}
        for node, renewed_at, _, started_at in rows:
            if self._first_seen.get(node) != renewed_at:
                raise AlreadyRunning(
                    f"Another server uses this database: it runs since {started_at:%Y-%m-%d %H:%M:%S} UTC."
                )
        return has_waited or all(is_dead for _, _, is_dead, _ in rows)


def start_lock(connection: Connection) -> bool:
    """Take the lock of a start until the end of the transaction; return whether nobody else had it."""
    return bool(connection.scalar(_TRY_LOCK, {"key": _LOCK_KEY}))


def refuse_an_alphabet(connection: Connection) -> None:
    """Refuse a new database that cannot keep each character; one that is in use already is left in peace.

    Raises:
        NeverWorks: It cannot.
    """
    encoding, is_new = connection.execute(_ALPHABET).one()
    if is_new and encoding not in ("UTF8", "SQL_ASCII"):
        raise NeverWorks(f"DATABASE_URL: the database keeps {encoding} alone: make it with ENCODING 'UTF8'.")


async def disconnected(connection: AsyncConnection | None) -> None:
    """Close a connection that may be broken."""
    if connection is None:
        return
    try:
        await connection.invalidate()
        await connection.close()
    except Exception as exc:
        logger.debug("storage_disconnect_failed", extra={"cause": summary_of(exc)})
