"""What is alive in a server's process, as it says itself.

Resident memory is a high-water mark: what was freed stays with the allocators. Whether a server keeps what it
is done with is told by what is still in use when it has come to rest.
"""

import asyncio
import ctypes
import gc
import json
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Self

PORT_FILE = "live.port"

MAX_COLLECTIONS = 5
"""What finalizers let go of is found by the next collection."""


class Live(NamedTuple):
    """What is in use.

    Attributes:
        blocks: Of Python's own allocator: objects of up to 512 bytes.
        large_bytes: Of malloc, in all its arenas: larger objects, and what libraries hold beside Python.
    """

    blocks: int
    large_bytes: int

    @classmethod
    def now(cls) -> Self:
        """In this process, without garbage."""
        for _ in range(MAX_COLLECTIONS):
            if not gc.collect():
                break
        return cls(sys.getallocatedblocks(), _large_bytes())


class _Mallinfo2(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_size_t)
        for name in (
            "arena",
            "ordblks",
            "smblks",
            "hblks",
            "hblkhd",
            "usmblks",
            "fsmblks",
            "uordblks",
            "fordblks",
            "keepcost",
        )
    )


def _large_bytes() -> int:
    """What malloc has given out; 0 where the C library is none of glibc's, or older than 2.33."""
    mallinfo2 = getattr(ctypes.CDLL(None), "mallinfo2", None)
    if mallinfo2 is None:
        return 0
    mallinfo2.restype = _Mallinfo2
    info = mallinfo2()
    return info.uordblks + info.hblkhd


def tell(folder: Path) -> socket.socket:
    """Has a thread tell what is alive in this process to all who connect to the port in the folder's file."""
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_tell, args=(listener,), name="live", daemon=True).start()
    (folder / PORT_FILE).write_text(str(listener.getsockname()[1]))
    return listener


def _tell(listener: socket.socket) -> None:
    with suppress(OSError):  # closed: nobody wants to know any more
        while True:
            asker, _ = listener.accept()
            with asker:
                asker.sendall(json.dumps(Live.now()).encode())


async def live_of(folder: Path) -> Live:
    """What is alive in the process that tells it in this folder."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int((folder / PORT_FILE).read_text()))
    told = await reader.read()
    writer.close()
    await writer.wait_closed()
    return Live(*json.loads(told))
