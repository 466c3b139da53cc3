"""The body of an HTTP answer, of which no more is decoded than will be kept.

A few kilobytes of gzip can stand for gigabytes. So the decompressor is asked for a bounded piece at a time,
and the limit holds for what comes out of it. No I/O here: somebody else reads and feeds.
"""

import codecs
import re
import zlib
from collections.abc import Iterator
from typing import Literal

_RAW_SLACK_BYTES = 64 * 1024
_PIECE_BYTES = 64 * 1024
_MAX_CODINGS = 3
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP_WBITS = 16 + zlib.MAX_WBITS
# Bare deflate has no mark, and a text may pass for its beginning, but not for long.
_BARE_HEAD_BYTES = 64
# What cannot be undone here; a text that is only called so is read. Any other name says nothing of the bytes:
# a charset (`utf-8`), `none`, `binary`, how a store took the file once (`aws-chunked`).
_UNREADABLE = frozenset(
    (
        *(
            "br",
            "zstd",
            "compress",
            "lzma",
            "xz",
            "bzip2",
            "bz2",
            "lz4",
            "snappy",
            "sdch",
            "dcb",
            "dcz",
            "exi",
        ),
        *("pack200-gzip", "aes128gcm", "aesgcm", "7z", "zip", "rar", "lzip", "lzo", "brotli", "zst"),
    )
)
_TEXT_TYPE = re.compile(r"text/|application/([\w.-]+\+)?(json|xml|javascript)\b", re.IGNORECASE)

Problem = Literal["encoding", "broken", "slow"]


class BoundedBody:
    """Collects the decoded bytes of one body.

    Args:
        encoding: The Content-Encoding field. gzip and deflate are undone, as often as they are named; a body
            that is not what the field says is read as it is, if it is text.
        limit: How many decoded bytes are kept.
        content_type: The Content-Type field: gzip that nobody named is undone where text was promised.

    Attributes:
        is_truncated: There is more, or should be, than `content` holds.
        problem: `encoding`: it cannot be decoded (further). `broken`: it ended before its end. `slow`: it did
            not come in time.
    """

    def __init__(self, encoding: str, limit: int, content_type: str = "") -> None:
        self._kept = bytearray()
        self.is_truncated = False
        self.problem: Problem | None = None
        self._limit = limit
        codings = [name.strip().lower().removeprefix("x-") for name in encoding.split(",")]
        known = ["unreadable" if name in _UNREADABLE else name for name in codings]
        known = [name for name in known if name in ("gzip", "deflate", "unreadable")]
        self._layers = [_Layer(name, limit + _RAW_SLACK_BYTES) for name in reversed(known)]
        if _TEXT_TYPE.match(content_type.strip()):
            self._layers.append(_Layer("maybe gzip", limit + _RAW_SLACK_BYTES))
        if len(known) > _MAX_CODINGS:
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
        """Take a piece as it came over the wire."""
        try:
            self._pass_on(0, chunk)
        except zlib.error:
            self.fail("encoding")

    def end(self) -> None:
        """Say that the stream has ended as it should."""
        for number, layer in enumerate(self._layers):
            try:
                for piece in layer.rest():
                    self._pass_on(number + 1, piece)
            except zlib.error:
                self.fail("encoding")
            if not layer.is_whole:
                self.fail("broken")

    def fail(self, problem: Problem) -> None:
        """Say that nothing more will come, and why; a body that is full already stays as it is."""
        if self.is_full:
            return
        self.problem = problem
        self.is_truncated = True

    def _pass_on(self, number: int, chunk: bytes) -> None:
        if number == len(self._layers):
            self._keep(chunk)
            return
        layer = self._layers[number]
        if self.is_full or not chunk:
            return
        # One byte more than there is room for tells a full body from a cut one.
        for piece in layer.decoded(chunk, min(self._limit - len(self._kept) + 1, _PIECE_BYTES)):
            self._pass_on(number + 1, piece)
            if self.is_full:
                return
        # A compressed stream may go on for ever without giving a single byte.
        if layer.is_exhausted:
            self.is_truncated = True

    def _keep(self, decoded: bytes) -> None:
        if self.is_full:
            return
        room = self._limit - len(self._kept)
        self._kept += decoded[:room]
        self.is_truncated = len(decoded) > room


class _Layer:
    """Undoes one coding.

    Args:
        coding: `gzip`, `deflate`, `maybe gzip`, which is left alone where it does not look like gzip, or
            `unreadable`, which is looked at for text and for gzip.
        most_bytes: How much of it is looked at.
    """

    def __init__(self, coding: str, most_bytes: int) -> None:
        self._coding = coding
        self._most = most_bytes
        self._inflater: zlib._Decompress | None = None  # pyright: ignore[reportPrivateUsage]
        self._head = b""
        self._is_plain = False
        self._taken_bytes = 0

    @property
    def is_exhausted(self) -> bool:
        """There came so much that the rest is not worth looking at."""
        return not self._is_plain and self._taken_bytes > self._most

    @property
    def is_whole(self) -> bool:
        """Nothing is missing at the end."""
        return self._inflater is None or self._is_plain or self._inflater.eof

    def decoded(self, chunk: bytes, most: int) -> Iterator[bytes]:
        """What the next bytes stand for, in pieces of at most `most` bytes where they were compressed."""
        if self._inflater is None and not self._is_plain:
            self._head += chunk
            if len(self._head) < self._telling_bytes():
                return
            chunk = self._begun()
        yield from self._going_on(chunk, most)

    def rest(self) -> Iterator[bytes]:
        """What was too short to say what it is."""
        if self._head:
            yield from self._going_on(self._begun(), _PIECE_BYTES)

    def _telling_bytes(self) -> int:
        is_bare = self._coding == "unreadable" or (
            self._coding == "deflate" and not _has_zlib_header(self._head)
        )
        return _BARE_HEAD_BYTES if is_bare and not self._head.startswith(_GZIP_MAGIC) else len(_GZIP_MAGIC)

    def _begun(self) -> bytes:
        """Decide by the first bytes what they are, and give them back."""
        head, self._head = self._head, b""
        if head.startswith(_GZIP_MAGIC):
            self._inflater = zlib.decompressobj(_GZIP_WBITS)
        elif self._coding == "maybe gzip" or (self._coding == "gzip" and _is_text(head)):
            self._is_plain = True
        elif self._coding == "unreadable" and _is_utf8_text(head):
            self._is_plain = True
        elif self._coding in ("gzip", "unreadable"):
            raise zlib.error("no gzip")
        elif _has_zlib_header(head):
            self._inflater = zlib.decompressobj(zlib.MAX_WBITS)
        else:
            self._is_plain = _is_text(head) and not _is_bare_deflate(head)
            self._inflater = None if self._is_plain else zlib.decompressobj(-zlib.MAX_WBITS)
        return head

    def _going_on(self, chunk: bytes, most: int) -> Iterator[bytes]:
        if self._is_plain:
            yield chunk
            return
        self._taken_bytes += len(chunk)
        yield from self._inflated(chunk, most)

    def _inflated(self, chunk: bytes, most: int) -> Iterator[bytes]:
        inflater = self._inflater
        while inflater is not None and chunk:
            if inflater.eof:
                if not chunk.startswith(_GZIP_MAGIC):
                    return
                inflater = self._inflater = zlib.decompressobj(_GZIP_WBITS)
            yield inflater.decompress(chunk, most)
            chunk = inflater.unused_data if inflater.eof else inflater.unconsumed_tail


def _is_text(content: bytes) -> bool:
    """Return whether it begins as text: no control characters but those of lines."""
    return not re.search(rb"[\0-\x08\x0e-\x1a\x1c-\x1f\x7f]", content[:1000])


def _is_utf8_text(content: bytes) -> bool:
    """Whether it is beyond doubt text: what other codings make is neither UTF-8 nor free of controls."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(content)
    except UnicodeDecodeError:
        return False
    return all(char.isprintable() or char in "\t\n\r\ufeff" for char in text)


def _is_bare_deflate(content: bytes) -> bool:
    """Whether these bytes, which may be text, are a whole stream; what is longer is hardly ever both."""
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    try:
        inflater.decompress(content, _PIECE_BYTES)
    except zlib.error:
        return False
    return inflater.eof


def _has_zlib_header(start: bytes) -> bool:
    # RFC 9110 asks for the zlib format, some servers send bare deflate. RFC 1950: the method is 8, and the
    # first two bytes are a multiple of 31.
    return len(start) > 1 and start[0] & 0x0F == 8 and int.from_bytes(start[:2], "big") % 31 == 0
