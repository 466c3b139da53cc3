"""Lines from a terminal, a pipe or a file, without holding up the event loop."""

import asyncio
import codecs
import os
import threading
from collections.abc import AsyncGenerator, Iterator
from typing import Final

_READ_BYTES: Final = 65_536
_LONGEST_LINE: Final = 200_000
_WAITING: Final = 16


async def lines_of(descriptor: int) -> AsyncGenerator[str, None]:
    """The lines of an open file, until it ends; what is too long for a line is parted.

    A thread reads, since a regular file cannot be waited for. Nobody waits for the thread either: it hangs in
    a read that nothing ends, and goes with the process.
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[str | None] = asyncio.Queue(_WAITING)
    is_over = threading.Event()

    def put(line: str | None) -> None:
        putting = waiting.put(line)
        try:
            asyncio.run_coroutine_threadsafe(putting, loop).result()
        except RuntimeError:
            putting.close()
            raise

    def read() -> None:
        try:
            for line in _split(descriptor):
                if is_over.is_set():
                    return
                put(line)
            put(None)
        except (RuntimeError, asyncio.CancelledError):
            # The loop has closed.
            return

    threading.Thread(target=read, name="lines", daemon=True).start()
    try:
        while (line := await waiting.get()) is not None:
            yield line
    finally:
        is_over.set()
        while not waiting.empty():
            waiting.get_nowait()


def _split(descriptor: int) -> Iterator[str]:
    # `sys.stdin` has a lock that a thread in the midst of a read would hold at the interpreter's end.
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    rest = ""
    while True:
        try:
            read = os.read(descriptor, _READ_BYTES)
        except OSError:
            read = b""
        *whole, rest = (rest + decoder.decode(read, final=not read)).split("\n")
        yield from whole
        if not read:
            if rest:
                yield rest
            return
        if len(rest) > _LONGEST_LINE:
            yield rest
            rest = ""
