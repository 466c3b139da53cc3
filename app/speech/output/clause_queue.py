"""The text of one turn, cut into clauses as far as they are needed."""

from collections import deque
from typing import Final

from app.speech.base import Splitter

_CUT_AT_ONCE: Final = 500
"""Characters of a text that are cut into clauses at once: of a back end's long one the rest waits."""


class ClauseQueue:
    """Clauses that are still to be spoken."""

    __slots__ = ("_clauses", "_splitter", "_uncut")

    def __init__(self, splitter: Splitter) -> None:
        self._splitter = splitter
        self._clauses: deque[str] = deque()
        self._uncut: deque[str | None] = deque()  # None: no more comes there, for a while

    def add(self, text: str) -> None:
        """Add to the text."""
        if self._uncut or len(text) > _CUT_AT_ONCE:
            self._uncut.extend(text[at : at + _CUT_AT_ONCE] for at in range(0, len(text), _CUT_AT_ONCE))
        else:
            self._clauses.extend(self._splitter.feed(text))

    def flush(self) -> None:
        """No more text comes for a while: what there is is spoken to its end."""
        if self._uncut:
            self._uncut.append(None)
        else:
            self._clauses.extend(self._splitter.flush())

    def has_next(self) -> bool:
        """Return whether there is a clause; cut more of a long text, where those before it are spoken."""
        while self._uncut and not self._clauses:
            text = self._uncut.popleft()
            self._clauses.extend(self._splitter.flush() if text is None else self._splitter.feed(text))
        return bool(self._clauses)

    def pop(self) -> str:
        """Take the next clause out."""
        return self._clauses.popleft()

    def clear(self) -> None:
        """Drop all that waits."""
        self._clauses.clear()
        self._uncut.clear()
