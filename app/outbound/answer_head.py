"""How much a peer may send before the final head of its answer.

HTTP lets a server send any number of interim answers (1xx) first, and the libraries read them for as long
as they come: each costs time on the event loop, and nobody who waits for the answer ever sees one of them. No
I/O here: whoever reads the bytes shows them to an `AnswerHead` before the library gets them.
"""

import re
from typing import Final

MAX_INTERIM_ANSWERS: Final = 10
MAX_HEAD_BYTES: Final = 64 * 1024
"""All interim answers and the final head together."""

_BLANK_LINE = re.compile(rb"\n\r?\n")
_INTERIM = re.compile(rb"\s*[A-Za-z]+/[0-9.]+\s+1([0-9]{2})\b")


class BadHead(Exception):
    """The peer sends no answer that could be waited for. Its argument says why, for the log."""


class AnswerHead:
    """Watches the bytes of one connection, from a request to the final head of its answer."""

    def __init__(self) -> None:
        self.is_over = False
        self._held = bytearray()
        self._bytes = 0
        self._interim = 0

    def begin(self) -> None:
        """Say that a request is being sent: what comes next is an answer's beginning."""
        self.is_over = False
        self._held.clear()
        self._bytes = 0
        self._interim = 0

    def feed(self, data: bytes) -> None:
        """Take the next bytes, cut anywhere; do nothing once the final head is over.

        Raises:
            BadHead: There are too many interim answers, or the head is too long.
        """
        if self.is_over:
            return
        # The blank line may be cut in two: its first half is looked at again.
        start = max(len(self._held) - 2, 0)
        self._held += data
        while (blank := _BLANK_LINE.search(self._held, start)) is not None:
            block = bytes(self._held[: blank.end()])
            del self._held[: blank.end()]
            self._count(len(block))
            if block.strip() and not self._is_interim(block):
                self.is_over = True
                self._held.clear()
                return
            start = 0
        if self._bytes + len(self._held) > MAX_HEAD_BYTES:
            raise BadHead(f"a head of more than {MAX_HEAD_BYTES} bytes")

    def _count(self, size: int) -> None:
        self._bytes += size
        if self._bytes > MAX_HEAD_BYTES:
            raise BadHead(f"a head of more than {MAX_HEAD_BYTES} bytes")

    def _is_interim(self, block: bytes) -> bool:
        interim = _INTERIM.match(block)
        if interim is None:
            return False
        if interim[1] == b"01":
            raise BadHead("another protocol, which nobody asked for (101)")
        self._interim += 1
        if self._interim > MAX_INTERIM_ANSWERS:
            raise BadHead(f"more than {MAX_INTERIM_ANSWERS} interim answers")
        return True
