"""How the server and its worker processes speak: frames over a pipe.

A frame is a header (JSON) and a body (bytes), each behind its length in four bytes, big endian. To the
worker go `{"options": {...}}` once, then `{"job": n, ...}` and `{"cancel": n}`; back come `{"ready": true}`
once, then for each job pieces `{"job": n, "seq": k, ...}`, the last of which has `"end": true`, or
`{"job": n, "error": "...", "end": true}`.
"""

from collections.abc import Callable, Iterator
from typing import Any, Final

import orjson

Header = dict[str, Any]
Frame = tuple[Header, bytes]
Handler = Callable[[Header, bytes], Iterator[Frame]]
"""Does one job: what a kind of worker's `load(options)` gives. Raises `JobRefused` for what is the job's own
fault; any other exception is the worker's."""

MAX_HEADER_BYTES: Final = 1 << 20
MAX_BODY_BYTES: Final = 256 << 20
LENGTH_BYTES: Final = 4


class JobRefused(Exception):
    """The worker is well, but this job cannot be done.

    Args:
        reason: A word that the caller knows.
        facts: What a log may say beside it.
    """

    def __init__(self, reason: str, facts: str = "") -> None:
        super().__init__(facts or reason)
        self.reason = reason
        self.facts = facts


class BrokenFrame(Exception):
    """What came is no frame; nothing after it can be understood."""


def packed(header: Header, body: bytes = b"") -> bytes:
    """One frame, ready to be written."""
    head = orjson.dumps(header)
    return len(head).to_bytes(LENGTH_BYTES, "big") + head + len(body).to_bytes(LENGTH_BYTES, "big") + body


def header_length(prefix: bytes) -> int:
    """Read the length of a header.

    Raises:
        BrokenFrame: No header is that long.
    """
    return _length(prefix, MAX_HEADER_BYTES)


def body_length(prefix: bytes) -> int:
    """Read the length of a body.

    Raises:
        BrokenFrame: No body is that long.
    """
    return _length(prefix, MAX_BODY_BYTES)


def header_of(head: bytes) -> Header:
    """Read a header.

    Raises:
        BrokenFrame: It is no JSON object.
    """
    try:
        decoded = orjson.loads(head)
    except orjson.JSONDecodeError as exc:
        raise BrokenFrame("a header that is no JSON") from exc
    if not isinstance(decoded, dict):
        raise BrokenFrame("a header that is no object")
    return decoded  # pyright: ignore[reportUnknownVariableType]


def _length(prefix: bytes, limit: int) -> int:
    length = int.from_bytes(prefix, "big")
    if length > limit:
        raise BrokenFrame(f"a length of {length}, over {limit}")
    return length
