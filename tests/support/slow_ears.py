"""In Whisper's place: a worker that takes a tenth of a second for each second of sound, in windows of ten."""

import time
from collections.abc import Iterator

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.speech.engines.worker_wire import Frame, Handler, Header

WORK_PER_S = 0.1
_SECOND = EAR_RATE_HZ * BYTES_PER_SAMPLE
_WINDOW = 10 * _SECOND


def load(options: Header) -> Handler:
    def handle(header: Header, body: bytes) -> Iterator[Frame]:
        window = body[:_WINDOW]
        seconds = len(window) / _SECOND
        time.sleep(seconds * WORK_PER_S)
        upto = _WINDOW if len(body) > _WINDOW else None
        yield {"text": "hola", "language": "es", "confidence": 0.9, "seconds": seconds, "upto": upto}, b""

    return handle
