"""A text that may be a tool call, held back until it turns out to be one or not.

Whether it is, its whole text decides at the end. Until then it is let go as soon as it can be none: where it
begins like none, where it is longer than any, or where words follow it. Brackets inside of strings end
nothing, so that the pieces in which a text comes make no difference.
"""

import re
from collections.abc import Callable
from typing import Final

from app.llm.call_beginnings import may_be_call
from app.llm.offered_tools import OfferedTools
from app.llm.written_calls import MAX_CALL_CHARS, is_followed_by_text

_MAX_BEGINNING_CHARS: Final = 600
_MAX_OUTSIDE_CHARS: Final = 400
_BLANKS: Final = " \t\r\n\ufeff\u200b"
_SIGNS: Final = re.compile(r"\\.?|[\[\](){}\"']", re.DOTALL)
_OPENING: Final = "([{"
_CLOSING: Final = ")]}"
_TAGGED_VALUES: Final = re.compile(r"<parameter|<arg_key>")
"""Values between tags, in which brackets and quotes mean nothing."""


class HeldCall:
    """What may be a call, as far as it has come.

    Args:
        tools: What the request offers.
        may_begin: Tells whether it may begin like this, blanks before it apart.

    Attributes:
        text: All of it.
    """

    def __init__(
        self, tools: OfferedTools, may_begin: Callable[[str, OfferedTools], bool] = may_be_call
    ) -> None:
        self.text = ""
        self._tools = tools
        self._may_begin = may_begin
        self._outside = _Outside()

    def feed(self, text: str) -> bool:
        """Take more of it; return whether it may still be a call."""
        self.text += text
        if len(self.text) > MAX_CALL_CHARS:
            return False
        is_beginning = len(self.text) < _MAX_BEGINNING_CHARS
        if is_beginning and not self._may_begin(self.text.lstrip(_BLANKS), self._tools):
            return False
        behind = self._outside.feed(text)
        if not behind or _TAGGED_VALUES.search(self.text, 0, _MAX_BEGINNING_CHARS):
            return True
        return not any(is_followed_by_text(each, self._tools) for each in behind)


class _Outside:
    """What stands behind JSON objects that have ended, in text that comes in pieces."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._quote = ""
        self._is_escaped = False
        self._has_object = False
        self._text = ""

    def feed(self, text: str) -> list[str]:
        """Take more; return what stands behind each object, as far as it has come."""
        behind: list[str] = []
        start = 1 if self._is_escaped and text else 0
        self._is_escaped = self._is_escaped and not text
        for sign in _SIGNS.finditer(text, start):
            if not self._open and sign[0] in _OPENING:
                behind.append(self._take(text[start : sign.start()]))
            self._read(sign[0], is_last=sign.end() == len(text))
            if not self._open and sign[0] in _CLOSING:
                self._text, start = "", sign.end()
        if not self._open:
            behind.append(self._take(text[start:]))
        return [each for each in behind if each]

    def _take(self, text: str) -> str:
        if self._has_object:
            self._text = (self._text + text)[:_MAX_OUTSIDE_CHARS]
        return self._text

    def _read(self, sign: str, *, is_last: bool) -> None:
        if sign[0] == "\\":
            self._is_escaped = is_last and len(sign) == 1
        elif self._quote:
            self._quote = "" if sign == self._quote else self._quote
        elif sign in _OPENING:
            self._open.append(sign)
            self._has_object |= sign == "{"
        elif not self._open:
            return
        elif sign in _CLOSING:
            self._open.pop()
        else:
            self._quote = sign
