"""SQLite: one thread writes, a few read. Each piece of work is one hop to a thread and back.

Beside the file a lock is held, so that one process owns it.
"""

import asyncio
import errno
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine, NullPool, create_engine, event

from app.storage.connections import Answer, Work
from app.storage.errors import NeverWorks, StoreUnavailable
from app.storage.migrate import migrate_file
from app.storage.process_lock import ProcessLock
from app.storage.sqlite_address import SqliteAddress

READERS = 4
"""Reads at once; more wait for their turn."""

_BUSY_TIMEOUT_MS = 1000

_PRAGMAS = (
    f"PRAGMA busy_timeout = {_BUSY_TIMEOUT_MS}",
    "PRAGMA journal_mode = WAL",
    # Survives kill -9; a power cut may take the last moments. FULL would cost a disk flush for each commit.
    "PRAGMA synchronous = NORMAL",
    "PRAGMA foreign_keys = ON",
    # What is erased is overwritten, not only unlinked.
    "PRAGMA secure_delete = ON",
)

_NEVER = (errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.ELOOP, errno.EINVAL)
"""What the system says where no file can ever be; a disk that is full or read-only may be mended."""

Result = TypeVar("Result")


class SqliteFile:
    """One file; see `Driver`. Nothing is touched before `connect`.

    Args:
        address: The file.
        read_timeout_s: Seconds that a read waits for its turn.
    """

    dialect = "sqlite"

    def __init__(self, address: SqliteAddress, read_timeout_s: float) -> None:
        self._path = address.path
        self._lock = ProcessLock(self._path.with_name(self._path.name + ".lock"))
        self._read_timeout_s = read_timeout_s
        self.is_ready = False
        target = address.existing_file
        self._writing = create_engine(target, poolclass=NullPool)
        self._reading = create_engine(target, pool_size=READERS, max_overflow=0)
        self._readers = _Threads(READERS, "storage-reader")
        _prepare(self._writing, begin="BEGIN IMMEDIATE")
        _prepare(self._reading, begin="BEGIN")

    async def connect(self) -> "FileConnection":
        """See `Driver`."""
        await asyncio.to_thread(self._take_lock)
        if not self.is_ready:
            await asyncio.to_thread(migrate_file, self._path)
            self.is_ready = True
        thread = _Threads(1, "storage-writer")
        try:
            return FileConnection(await thread.run(self._writing.connect), thread)
        except BaseException:
            thread.end()
            raise

    def _take_lock(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            is_something_else = self._path.exists() and not self._path.is_file()
        except OSError as exc:
            if exc.errno not in _NEVER:
                raise
            raise NeverWorks(f"DATABASE_URL: there can be no file {self._path}: {exc.strerror}.") from None
        if is_something_else:
            raise NeverWorks(f"DATABASE_URL: {self._path} is a folder or a device, and no file.")
        self._lock.acquire()

    async def read(self, work: Work[Answer]) -> Answer:
        """See `Driver`."""
        reading = self._readers.submit(lambda: self._read(work))
        # Once it runs, this does nothing.
        giving_up = asyncio.get_running_loop().call_later(self._read_timeout_s, reading.cancel)
        try:
            return await asyncio.wrap_future(reading)
        except asyncio.CancelledError:
            if giving_up.when() <= asyncio.get_running_loop().time() and reading.cancelled():
                raise StoreUnavailable("too much is read at once") from None
            raise
        finally:
            giving_up.cancel()

    def _read(self, work: Work[Answer]) -> Answer:
        with self._reading.connect() as connection:
            return work(connection)

    async def aclose(self) -> None:
        """See `Driver`. The writer's connection is the writer's to close."""
        self._readers.end()
        self._reading.dispose()
        self._lock.release()


class FileConnection:
    """The connection that writes, and its thread; see `WritingConnection`."""

    def __init__(self, connection: Connection, thread: "_Threads") -> None:
        self._connection = connection
        self._thread = thread

    async def run(self, work: Work[Answer]) -> Answer:
        """See `WritingConnection`. Work that is cancelled goes on to its end; the next waits for it."""
        return await self._thread.run(lambda: work(self._connection))

    async def close(self) -> None:
        """See `WritingConnection`."""
        try:
            await self.run(_close)
        finally:
            self._thread.end()


class _Threads:
    """Threads of ours, and what runs in them."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix=name)
        self._running: set[Future[Any]] = set()

    def submit(self, work: Callable[[], Result]) -> Future[Result]:
        future = self._pool.submit(work)
        self._running.add(future)
        future.add_done_callback(self._running.discard)
        return future

    async def run(self, work: Callable[[], Result]) -> Result:
        return await asyncio.wrap_future(self.submit(work))

    def end(self) -> None:
        """They have gone when it returns, unless one is busy: then they go after its work."""
        self._pool.shutdown(wait=not self._running, cancel_futures=True)


def _close(connection: Connection) -> None:
    connection.invalidate()
    connection.close()


def _prepare(engine: Engine, begin: str) -> None:
    """Set each new connection up, and have transactions begun by us instead of by the driver."""

    def set_up(connection: Any, _: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in _PRAGMAS:
            cursor.execute(pragma)
        cursor.close()

    def start(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", start)
