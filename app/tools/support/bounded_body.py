"""The body of an HTTP answer, of which no more is decoded than will be kept.

A few kilobytes of gzip can stand for gigabytes. So the decompressor is asked for a bounded piece at a time,
and the limit holds for what comes out of it. No I/O here: somebody else reads and feeds.
"""

import zlib
from typing import Literal

_RAW_SLACK_BYTES = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 16 + zlib.MAX_WBITS


class BoundedBody:
    """Collects the decoded bytes of one body.

    Args:
        encoding: The Content-Encoding field: gzip, deflate, identity or nothing; others cannot be read.
        limit: How many decoded bytes are kept.

    Attributes:
        is_truncated: There is more, or should be, than `content` holds.
        problem: `encoding`: it cannot be decoded (further). `broken`: it ended before its end. `slow`: it did
            not come in time.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._kept = bytearray()
        self.is_truncated = False
        self.problem: Literal["encoding", "broken", "slow"] | None = None
        self._limit = limit
        self._raw_bytes = 0
        self._encoding = encoding.strip().lower().removeprefix("x-") or "identity"
        self._inflater = zlib.decompressobj(_GZIP_WBITS if self._encoding == "gzip" else zlib.MAX_WBITS)
        if self._encoding not in ("identity", "gzip", "deflate"):
            self.fail("encoding")

    @property
    def content(self) -> bytes:
        """What was decoded so far."""
        return bytes(self._kept)

    @property
    def is_full(self) -> bool:
        """Nothing more can be taken; reading on would be a waste."""
        return self.is_truncated

    def feed(self, chunk: bytes) -> None:
        """Takes a piece as it came over the wire."""
        if self.is_full:
            return
        if self._encoding == "identity":
            self._keep(chunk)
            return
        try:
            self._inflate(chunk)
        except zlib.error:
            self.fail("encoding")
        self._raw_bytes += len(chunk)
        # A compressed stream may go on for ever without giving a single byte.
        if self._raw_bytes > self._limit + _RAW_SLACK_BYTES:
            self.is_truncated = True

    def end(self) -> None:
        """Says that the stream has ended as it should."""
        if self._raw_bytes and not self.is_full and not self._inflater.eof:
            self.fail("broken")

    def fail(self, problem: Literal["encoding", "broken", "slow"]) -> None:
        """Says that nothing more will come, and why; a body that is full already stays as it is."""
        if self.is_full:
            return
        self.problem = problem
        self.is_truncated = True

    def _keep(self, decoded: bytes) -> None:
        room = self._limit - len(self._kept)
        self._kept += decoded[:room]
        self.is_truncated = len(decoded) > room

    def _inflate(self, chunk: bytes) -> None:
        if not self._raw_bytes and self._encoding == "deflate" and not _has_zlib_header(chunk):
            self._inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        while chunk and not self.is_full:
            if self._inflater.eof:
                if self._encoding != "gzip" or not chunk.startswith(_GZIP_MAGIC):
                    return
                self._inflater = zlib.decompressobj(_GZIP_WBITS)
            # One byte more than there is room for tells a full body from a cut one; 0 would mean no limit.
            self._keep(self._inflater.decompress(chunk, self._limit - len(self._kept) + 1))
            chunk = self._inflater.unused_data if self._inflater.eof else self._inflater.unconsumed_tail


def _has_zlib_header(chunk: bytes) -> bool:
    # RFC 9110 asks for the zlib format, some servers send bare deflate. RFC 1950: the method is 8, and the
    # first two bytes are a multiple of 31. One byte alone is taken at its word.
    return chunk[0] & 0x0F == 8 and (len(chunk) < 2 or int.from_bytes(chunk[:2], "big") % 31 == 0)
