"""PostgreSQL: each statement is a trip to a server, and its answer is waited for on an event loop of our own.

The talks' loop may be busy, and a batch of writes has hundreds of statements: it would be behind for ever.

Each transaction that writes begins with this process's row in `nodes`, so that without it nothing can be
written; where several processes share the database, with the rows of its sessions (`fence.py`).
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from sqlalchemy import NullPool, event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from app.storage.connections import Answer, Work
from app.storage.errors import StorageError, StoreUnavailable, TakenOver
from app.storage.failures import summary_of
from app.storage.fence import SessionFence
from app.storage.idle_connections import ask_before_use
from app.storage.lease import Lease
from app.storage.membership import Membership, NodeTerms
from app.storage.postgres_address import PostgresAddress
from app.storage.postgres_connecting import UNTRANSLATED, Connector
from app.storage.refusals import never_works
from app.storage.shared import SharedDatabase

READERS = 4
"""Reads at once; more wait for their turn."""

CLAIMERS = 4
"""Claims of sessions at once, where several processes share the database."""

_CLOSE_TIMEOUT_S = 5

Result = TypeVar("Result")

logger = logging.getLogger(__name__)


class PostgresDatabase:
    """One database of a server; see `Driver`. Nothing is touched before `connect`.

    Args:
        address: Where it is.
        read_timeout_s: Seconds that a read waits for a free connection.
        on_lost: Told, on the loop's own thread, that another process has taken it over.
        terms: With these it is one of several processes; None for one that has the database for itself.

    Attributes:
        shared: What it asks of the others; None where it is alone.
    """

    def __init__(
        self,
        address: PostgresAddress,
        read_timeout_s: float,
        on_lost: Callable[[TakenOver], None],
        terms: NodeTerms | None = None,
    ) -> None:
        self._address = address
        self._loop = _OwnLoop()
        self._has_tried = self._is_closed = False
        connector = Connector(address)
        self._owning = connector.engine(command_timeout_s=None, poolclass=NullPool)
        self._writing = connector.engine(poolclass=NullPool)
        self._reading = connector.engine(
            pool_size=READERS,
            max_overflow=0,
            pool_timeout=read_timeout_s,
            # A read of several statements is of one moment, as a file's readers have it.
            isolation_level="REPEATABLE READ",
        )
        self._claiming = connector.engine(pool_size=CLAIMERS, max_overflow=0, pool_timeout=read_timeout_s)
        for pooled in (self._reading, self._claiming):
            ask_before_use(pooled)
        self._engines = (self._reading, self._claiming, self._writing, self._owning)
        self.shared: SharedDatabase | None = None
        self._lease: Lease | Membership
        if terms is None:
            self._lease = lease = Lease(self._owning, on_lost)
            event.listen(self._writing.sync_engine, "begin", lease.fence)
        else:
            self._lease = member = Membership(self._owning, terms)
            self.shared = SharedDatabase(member, SessionFence(member.id), self._transact, self._renew)

    @property
    def is_ready(self) -> bool:
        """See `Driver`."""
        return self._lease.is_held

    async def connect(self) -> "ServerConnection":
        """See `Driver`. What can never work is refused the first time alone: later it is waited for."""
        is_first, self._has_tried = not self._has_tried, True
        try:
            if not self._lease.is_held:
                await self._loop.run(self._lease.take())
            return ServerConnection(await self._loop.run(_connected(self._writing)), self._loop)
        except StorageError:
            raise
        except Exception as exc:
            refusal = never_works(exc, self._address.without_secrets) if is_first else None
            if refusal is None:
                raise
            raise refusal from None

    async def read(self, work: Work[Answer]) -> Answer:
        """See `Driver`."""
        try:
            return await self._asked(self._reading, work)
        except DBAPIError as exc:
            if not exc.connection_invalidated:
                raise
            # The server has hung up just now; whatever was read can be read again.
            return await self._asked(self._reading, work)

    async def _transact(self, work: Work[Answer]) -> Answer:
        """Return what `work` returns; begin, commit and rollback are its own.

        Raises:
            StoreUnavailable: The database cannot be used now.
        """
        if not self._lease.is_held or self._is_closed:
            raise StoreUnavailable("the database has not been ready yet, or is no longer used")
        try:
            return await self._asked(self._claiming, work)
        except (OSError, SQLAlchemyError) as exc:
            raise StoreUnavailable(summary_of(exc)) from exc

    async def _renew(self) -> None:
        if isinstance(self._lease, Membership):
            await self._loop.run(self._lease.renew())

    async def _asked(self, engine: AsyncEngine, work: Work[Answer]) -> Answer:
        try:
            return await self._loop.run(_done(engine, work))
        except PoolTimeoutError:
            raise StoreUnavailable("too much is read at once") from None
        except UNTRANSLATED as exc:  # it lets nobody in: it starts or stops, or has no connection to spare
            raise StoreUnavailable(summary_of(exc)) from exc

    async def aclose(self) -> None:
        """See `Driver`. The writer's connection is the writer's to close."""
        self._is_closed = True
        try:
            await self._loop.run(self._dispose())
        except TimeoutError:
            logger.debug("storage_disconnect_failed", extra={"cause": "the server does not answer"})
        finally:
            self._loop.end()

    async def _dispose(self) -> None:
        async with asyncio.timeout(_CLOSE_TIMEOUT_S):
            try:
                await self._lease.release()
            except Exception as exc:
                # Whoever comes next waits until the row counts as dead.
                logger.debug("storage_disconnect_failed", extra={"cause": summary_of(exc)})
            await _others_ended()
            for engine in self._engines:
                await engine.dispose()


class ServerConnection:
    """The connection that writes; see `WritingConnection`."""

    def __init__(self, connection: AsyncConnection, loop: "_OwnLoop") -> None:
        self._connection = connection
        self._loop = loop
        self._is_used = asyncio.Lock()  # cancelled work lets go of the connection a little later

    async def run(self, work: Work[Answer]) -> Answer:
        """See `WritingConnection`."""
        return await self._loop.run(self._run(work))

    async def _run(self, work: Work[Answer]) -> Answer:
        async with self._is_used:
            return await self._connection.run_sync(work)

    async def close(self) -> None:
        """See `WritingConnection`."""
        await self._loop.run(self._close())

    async def _close(self) -> None:
        async with self._is_used:
            try:
                await self._connection.invalidate()
            finally:
                await self._connection.close()


class _OwnLoop:
    """An event loop in a thread, from its first work to `end`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Return what `work` returns or raises; whoever is cancelled cancels it too."""
        if self._loop is None:
            loop = type(asyncio.get_running_loop())()  # of the same make, so uvloop's where it is used
            self._thread = threading.Thread(target=loop.run_forever, name="storage-loop", daemon=True)
            self._thread.start()
            self._loop = loop
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    def end(self) -> None:
        """The thread has gone when it returns; nothing may be running."""
        if self._loop is not None and self._thread is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None


async def _others_ended() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others)


async def _done(engine: AsyncEngine, work: Work[Answer]) -> Answer:
    async with engine.connect() as connection:
        return await connection.run_sync(work)


async def _connected(engine: AsyncEngine) -> AsyncConnection:
    return await engine.connect()
