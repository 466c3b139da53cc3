"""The one task that writes.

Whoever has something to store puts an operation in the line and goes on; the receipt says when it is
committed. What waits is written in order, many operations in one transaction. While the database is locked,
full or gone, operations wait, and are tried again on a new connection. An operation that can never succeed is
given up alone. Once another server has taken the database over, all is given up. Where several processes
share the database, what belongs to a session that another one has claimed is given up, and nothing else.

Every operation may be applied twice with the result of once: a connection can break after the commit and
before its answer.

The line is bounded. When it is full, what has waited longest keeps its place and the new write is refused at
once: later rows stand on earlier ones. Its receipt then says that it is not stored. Erasures are never
refused, and the last writes of sessions not before there are as many of them again.
"""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from sqlalchemy import Connection

from app.clock import Clock
from app.storage.connections import WritingConnection
from app.storage.errors import StorageError, TakenOver
from app.storage.failures import advice_for, is_hopeless, summary_of
from app.storage.fence import LOST, SessionFence
from app.storage.kept_writes import KeptWrites
from app.storage.operations import Operation, Write, is_erased

logger = logging.getLogger(__name__)

MAX_WAITING = 20_000
MAX_WAITING_CHARS = 64 * 1024 * 1024
_BATCH, _BATCH_S = 500, 0.2
"""What one transaction takes, and when it takes no more: whoever waits for a receipt waits for its end."""
_FIRST_DELAY_S, _LONGEST_DELAY_S = 0.1, 2.0
_ERROR_EVERY_S = 60.0


class Receipt:
    """What becomes of a write: True once it is committed, False once it is given up.

    Attributes:
        is_late: When the write was taken, others waited already because the database did not work. A talk
            need not wait for it too.
        is_refused: The write was not taken at all; it may be later.
        is_fenced: Another process owns the session: this one must not go on with it.
    """

    __slots__ = ("_outcome", "is_fenced", "is_late", "is_refused")

    def __init__(self, *, is_late: bool = False) -> None:
        self.is_refused = self.is_fenced = False
        self._outcome: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.is_late = is_late

    @classmethod
    def refused(cls) -> "Receipt":
        """Return a receipt of what will not be stored."""
        receipt = cls()
        receipt.is_refused = True
        receipt.settle(False)
        return receipt

    def settle(self, is_stored: bool) -> None:
        """Say the outcome, once; the writer's alone to call."""
        if not self._outcome.done():
            self._outcome.set_result(is_stored)

    @property
    def is_durable(self) -> bool:
        """Whether it is committed by now."""
        return self._outcome.done() and self._outcome.result()

    @property
    def is_settled(self) -> bool:
        """Whether its outcome is known."""
        return self._outcome.done()

    async def soon(self, timeout_s: float) -> bool:
        """As `wait`, for a talk that goes on without: a receipt that is late is not waited for."""
        return await self.wait(0 if self.is_late else timeout_s)

    async def wait(self, timeout_s: float) -> bool:
        """Wait at most `timeout_s` seconds; whether it is committed by then. It may be so later."""
        if not self._outcome.done():
            await asyncio.wait({self._outcome}, timeout=timeout_s)
        return self.is_durable

    def __await__(self):  # a generator of the future's own kind
        return asyncio.shield(self._outcome).__await__()


@dataclass(eq=False, slots=True)
class _PendingWrite:
    operation: Operation
    since: float
    receipt: Receipt
    epoch: int = LOST

    @property
    def key(self) -> tuple[str, int]:
        """The session, and by which claim of it this was to be written."""
        return self.operation.session_id, self.epoch


class Writer:
    """Applies operations in the order in which they came.

    Args:
        connect: Opens the connection that writes.
        slow_after_s: Seconds after which a write that still waits counts as a degraded store.
        max_waiting, max_waiting_chars: Bounds of the line.
        fence: Which sessions are ours, where several processes share the database.
    """

    def __init__(
        self,
        connect: Callable[[], Awaitable[WritingConnection]],
        clock: Clock,
        *,
        slow_after_s: float = 2.0,
        max_waiting: int = MAX_WAITING,
        max_waiting_chars: int = MAX_WAITING_CHARS,
        fence: SessionFence | None = None,
    ) -> None:
        self._fence = fence
        self._kept = KeptWrites(fence) if fence is not None else None
        self._connect = connect
        self._clock = clock
        self._slow_after_s = slow_after_s
        self._max_waiting, self._max_waiting_chars = max_waiting, max_waiting_chars
        self._line: deque[_PendingWrite] = deque()
        self._chars = 0
        self._wake, self._hurry = asyncio.Event(), asyncio.Event()
        self._is_closing = False
        self._connection: WritingConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._failure: BaseException | None = None
        self._is_lost = False
        self._last_error_at: float | None = None
        self._owes_checkpoint = False

    async def start(self) -> None:
        """Try the database once and begins to write. One that cannot be used now is tried again later.

        Raises:
            StorageError: This database must not be used.
        """
        try:
            self._connection = await self._connect()
        except StorageError:
            raise
        except Exception as exc:
            self._note(exc)
        self._task = asyncio.create_task(self._run(), name="storage-writer")

    def put(self, write: Write) -> Receipt:
        """Take a write into the line, as the operation that it is. Never waits and never raises."""
        operation = write.operation()
        is_full = len(self._line) >= self._max_waiting or self._chars >= self._max_waiting_chars
        if operation.is_last:
            is_full = len(self._line) >= 2 * self._max_waiting
        if self._is_closing or self._is_lost or (is_full and not operation.is_erasure):
            if not self._is_lost and self._may_report():
                logger.error(
                    "storage_refused", extra={"operation": operation.name, "waiting": len(self._line)}
                )
            return Receipt.refused()
        receipt = Receipt(is_late=bool(self.problem))
        epoch = self._fence.epoch_of(operation.session_id) if self._fence is not None else LOST
        waiting = _PendingWrite(operation, self._clock.monotonic(), receipt, epoch)
        self._line.append(waiting)
        self._chars += operation.chars
        self._wake.set()
        return receipt

    @property
    def waiting(self) -> int:
        """Operations that are not committed yet."""
        return len(self._line)

    @property
    def problem(self) -> str:
        """Why writes wait; empty when they do not."""
        if self._failure is not None:
            return summary_of(self._failure)
        if self._line and self._clock.monotonic() - self._line[0].since > self._slow_after_s:
            return "the database is slow"
        return ""

    @property
    def advice(self) -> str:
        """What an operator can do about the problem."""
        return advice_for(self._failure) if self._failure is not None else ""

    async def aclose(self, grace_s: float) -> None:
        """Store what waits, for at most `grace_s` seconds, and end. What is left is logged."""
        self._is_closing = True
        self._wake.set()
        self._hurry.set()
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=grace_s)
            self._task.cancel()
            await asyncio.wait({self._task})
        self._give_all_up()
        await self._disconnect()

    async def _run(self) -> None:
        delay_s = 0.0
        while not (self._is_closing and not self._line):
            await self._wake.wait()
            if not self._line and self._failure is None:
                self._wake.clear()
                continue
            try:
                await self._write_some()
                delay_s = 0.0
            except TakenOver as exc:
                self._is_lost, self._failure = True, exc
                self._give_all_up()
                await self._disconnect()
                return
            except Exception as exc:
                self._note(exc)
                await self._disconnect()
                # A lost connection is worth a new one at once; after that it is waited for.
                await self._pause(delay_s)
                delay_s = min(max(delay_s * 2, _FIRST_DELAY_S), _LONGEST_DELAY_S)

    def _give_all_up(self) -> None:
        if self._line:
            logger.error("storage_unwritten", extra={"waiting": len(self._line)})
        for waiting in self._line:
            waiting.receipt.settle(False)
        self._line.clear()
        self._chars = 0

    async def _pause(self, delay_s: float) -> None:
        if self._is_closing:
            delay_s = min(delay_s, _FIRST_DELAY_S)
            self._hurry.clear()
        try:
            async with asyncio.timeout(delay_s):
                await self._hurry.wait()
        except TimeoutError:
            return

    async def _write_some(self) -> None:
        """Commit the head of the line. What fails for now is raised, and stays in the line."""
        if self._connection is None:
            self._connection = await self._reconnected()
        batch = [self._line[index] for index in range(min(_BATCH, len(self._line)))]
        if batch:
            try:
                await self._commit(self._connection, batch)
            except Exception as exc:
                if not is_hopeless(exc):
                    raise
                await self._write_one_by_one(self._connection, batch)
        self._recovered()
        if self._owes_checkpoint:
            await self._checkpoint(self._connection)

    async def _reconnected(self) -> WritingConnection:
        """Return a new connection to a database that has again what it may have lost meanwhile."""
        connection = await self._connect()
        if self._kept is None:
            return connection
        try:
            claims = await connection.run(self._kept.write_again)
        except BaseException:
            await connection.close()
            raise
        if claims:
            logger.warning("storage_went_back", extra={"sessions": claims})
        return connection

    async def _commit(self, connection: WritingConnection, batch: list[_PendingWrite]) -> None:
        fence = self._fence
        written, lost = await connection.run(lambda database: _written(database, batch, fence))
        for waiting in batch[:written]:
            is_fenced = waiting in lost
            waiting.receipt.is_fenced = is_fenced
            if self._kept is not None and not is_fenced:
                self._kept.keep(waiting.operation, waiting.epoch)
            self._done(waiting, is_stored=not is_fenced)
        if fence is not None:
            for session_id in {waiting.operation.session_id for waiting in lost}:
                logger.info("storage_fenced", extra={"session_id": session_id})
                fence.on_fenced(session_id)

    async def _write_one_by_one(self, connection: WritingConnection, batch: list[_PendingWrite]) -> None:
        for waiting in batch:
            try:
                await self._commit(connection, [waiting])
            except Exception as exc:
                if not is_hopeless(exc):
                    raise
                await self._give_up(connection, waiting, exc)

    async def _give_up(self, connection: WritingConnection, waiting: _PendingWrite, exc: Exception) -> None:
        operation = waiting.operation
        was_erased = await connection.run(lambda database: _was_erased(database, operation.session_id))
        facts = {"operation": operation.name, "session_id": operation.session_id}
        if was_erased:
            logger.debug("storage_after_erasure", extra=facts)
        else:
            logger.error("storage_dropped", extra={**facts, "cause": summary_of(exc)})
        self._done(waiting, is_stored=False)

    def _done(self, waiting: _PendingWrite, *, is_stored: bool) -> None:
        assert self._line.popleft() is waiting  # noqa: S101 # the line's order is what all of this stands on
        self._chars -= waiting.operation.chars
        self._owes_checkpoint |= is_stored and waiting.operation.is_erasure
        waiting.receipt.settle(is_stored)

    async def _checkpoint(self, connection: WritingConnection) -> None:
        """Move what was erased out of the write-ahead log too, as soon as no reader needs it."""
        self._owes_checkpoint = not await connection.run(_has_emptied_log)

    async def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        try:
            await connection.close()
        except Exception as exc:
            logger.debug("storage_disconnect_failed", extra={"cause": summary_of(exc)})

    def _note(self, exc: BaseException) -> None:
        self._failure = exc
        self._wake.set()
        if self._may_report():
            logger.error("storage_degraded", extra={"cause": summary_of(exc), "waiting": len(self._line)})

    def _may_report(self) -> bool:
        """Return whether a minute has gone since the last ERROR: a dead database needs no line a second."""
        now = self._clock.monotonic()
        if self._last_error_at is not None and now - self._last_error_at < _ERROR_EVERY_S:
            return False
        self._last_error_at = now
        return True

    def _recovered(self) -> None:
        if self._failure is not None:
            self._failure = None
            logger.info("storage_recovered", extra={"waiting": len(self._line)})


def _written(
    connection: Connection, batch: list[_PendingWrite], fence: SessionFence | None
) -> tuple[int, list[_PendingWrite]]:
    """Commit the first operations, as many as the time allows; how many, and those not written: not ours."""
    written, lost = 0, list[_PendingWrite]()
    with connection.begin():
        ours = _ours(connection, batch, fence) if fence is not None else None
        until = time.monotonic() + _BATCH_S
        for waiting in batch:
            if ours is None or not waiting.operation.needs_owner or waiting.key in ours:
                waiting.operation.apply(connection)
            else:
                lost.append(waiting)
            written += 1
            if time.monotonic() > until:
                break
    return written, lost


def _ours(
    connection: Connection, batch: list[_PendingWrite], fence: SessionFence
) -> frozenset[tuple[str, int]]:
    """Return the sessions of a batch that are ours, by our claims of them, and keep them so until its end."""
    owned = [waiting for waiting in batch if waiting.operation.needs_owner]
    # Whoever makes the row writes there whose the session is, and fails where somebody else was first.
    made = {waiting.key for waiting in owned if waiting.operation.is_first}
    # Of two claims of one session the later one counts.
    asked = dict(key for key in sorted(waiting.key for waiting in owned) if key not in made)
    lost = fence.lost(connection, asked)
    return frozenset(made | {key for key in asked.items() if key[0] not in lost})


def _was_erased(connection: Connection, session_id: str) -> bool:
    with connection.begin():
        return is_erased(connection, session_id)


def _has_emptied_log(connection: Connection) -> bool:
    if connection.dialect.name != "sqlite":
        return True
    # On the driver's own cursor: SQLAlchemy would begin a transaction, inside which there is no checkpoint.
    cursor = connection.connection.cursor()
    cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    row = cursor.fetchone()
    cursor.close()
    return row is not None and row[0] == 0
