"""In the place of espeak-ng's process: does as the text says, else gives it back."""

import os
import signal
from collections.abc import Iterator

from app.speech.engines.worker_wire import Frame, Handler, Header


def load(options: Header) -> Handler:
    def handle(header: Header, body: bytes) -> Iterator[Frame]:
        match body:
            case b"hang":
                os.kill(os.getpid(), signal.SIGSTOP)
            case b"die":
                os.kill(os.getpid(), signal.SIGKILL)
            case b"raise":
                raise ValueError("secret words")
            case _:
                yield {"rate_hz": 22_050}, body

    return handle
