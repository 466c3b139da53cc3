"""A worker process: does one kind of work, one job after the other, for the server that started it.

    python -m app.speech.engines.worker KIND

KIND is a module with `load(options) -> Handler`. The worker ends when its standard input does, so that none
outlives its server, whatever became of that.
"""

import os
import queue
import sys
import threading
import traceback
from importlib import import_module
from typing import BinaryIO, cast

from app.speech.engines.worker_wire import (
    LENGTH_BYTES,
    BrokenFrame,
    Frame,
    Handler,
    Header,
    JobRefused,
    body_length,
    header_length,
    header_of,
    packed,
)


class Orders:
    """What the server wants, read in a thread of its own, so that a cancellation is seen during a job."""

    def __init__(self, source: BinaryIO) -> None:
        self._source = source
        # At most one job is under way; more would be a server that does not keep to the rules.
        self._jobs: queue.Queue[Frame] = queue.Queue(maxsize=8)
        self._cancelled = 0

    def start(self) -> None:
        """Begin to read; the end of the source ends the process, at once, whatever it does."""
        threading.Thread(target=self._read_on, name="orders", daemon=True).start()

    def next(self) -> Frame:
        """Return the next job; wait for it."""
        return self._jobs.get()

    def is_cancelled(self, job: int) -> bool:
        """Return whether nobody waits for this job any more."""
        return self._cancelled == job

    def _read_on(self) -> None:
        try:
            while True:
                header, body = read_frame(self._source)
                if "cancel" in header:
                    self._cancelled = header["cancel"]
                else:
                    self._jobs.put((header, body))
        except (EOFError, BrokenFrame, OSError):
            os._exit(0)


def read_frame(source: BinaryIO) -> Frame:
    """Read one frame.

    Raises:
        EOFError: The source has ended.
        BrokenFrame: What came is no frame.
    """
    head = _exactly(source, header_length(_exactly(source, LENGTH_BYTES)))
    body = _exactly(source, body_length(_exactly(source, LENGTH_BYTES)))
    return header_of(head), body


def work(handler: Handler, orders: Orders, sink: BinaryIO) -> None:
    """Do jobs until the process is ended."""
    while True:
        header, body = orders.next()
        do(handler, header, body, orders, sink)


def do(handler: Handler, header: Header, body: bytes, orders: Orders, sink: BinaryIO) -> None:
    """Do one job; its last frame says that it has ended, and whether in an error."""
    job = cast(int, header.pop("job"))
    seq = 0
    ending: Header = {}
    try:
        for piece, sound in handler(header, body):
            _write(sink, packed({**piece, "job": job, "seq": seq, "end": False}, sound))
            seq += 1
            if orders.is_cancelled(job):
                break
    except JobRefused as refusal:
        ending = {"error": "refused", "reason": refusal.reason, "facts": refusal.facts}
    except Exception as exc:  # one job's failure is not the worker's end
        traceback.print_exc()
        ending = {"error": "failed", "facts": type(exc).__name__}
    _write(sink, packed({**ending, "job": job, "seq": seq, "end": True}))


def main() -> None:
    """Load what the kind needs, says that it is ready, and work."""
    # What libraries print must not get between the frames.
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    sys.stdout = sys.stderr
    source = sys.stdin.buffer
    header, _ = read_frame(source)
    options = cast(Header, header["options"])
    if niceness := cast(int, options.pop("nice", 0)):
        os.nice(niceness)
    orders = Orders(source)
    orders.start()
    handler = cast(Handler, import_module(sys.argv[1]).load(options))
    _write(sink, packed({"ready": True}))
    work(handler, orders, sink)


def _exactly(source: BinaryIO, length: int) -> bytes:
    read = source.read(length) if length else b""
    if len(read) < length:
        raise EOFError
    return read


def _write(sink: BinaryIO, frame: bytes) -> None:
    rest = memoryview(frame)
    while rest:
        rest = rest[sink.write(rest) :]


if __name__ == "__main__":
    main()
