"""A kind of worker for tests of the pool: does as its jobs say."""

import os
import signal
import sys
import time
from collections.abc import Iterator

from app.speech.engines.worker_wire import Frame, Handler, Header, JobRefused


def load(options: Header) -> Handler:
    if options.get("fails"):
        raise RuntimeError("cannot load")
    print("a library that talks")  # goes to the log, not between the frames
    print("and one that warns", file=sys.stderr)

    def handle(header: Header, body: bytes) -> Iterator[Frame]:
        match header["do"]:
            case "echo":
                yield {"header": header, "options": options, "pid": os.getpid()}, body
            case "count":
                for number in range(header["to"]):
                    time.sleep(header.get("each_s", 0))
                    yield {"number": number, "pid": os.getpid()}, b""
            case "die":
                yield {}, b""
                os.kill(os.getpid(), signal.SIGKILL)
            case "hang":
                yield {"pid": os.getpid()}, b""
                os.kill(os.getpid(), signal.SIGSTOP)
            case "raise":
                raise ValueError("secret words")
            case "refuse":
                raise JobRefused("too_long", "12 s")
            case "environment":
                yield {"names": sorted(os.environ), "threads": os.environ["OPENBLAS_NUM_THREADS"]}, b""
            case "garbage":
                os.write(header["fd"], bytes.fromhex(header["hex"]))
                yield {}, b""

    return handle
