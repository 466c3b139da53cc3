"""Where in a text a tool call may begin that its model writes behind a sentence.

A tag at the beginning of a line, or behind the end of a sentence, begins a call. In a fence, in quotes or
within a sentence it is an example.
"""

import re
import unicodedata
from typing import Final

from app.llm.call_beginnings import MOST_READ, TAGS_BEGUN, may_be_call_in_text
from app.llm.offered_tools import OfferedTools

_TICKS: Final = re.compile("`+")
_FENCE_TICKS: Final = 3
_SENTENCE_ENDS: Final = "\n\r.!?\u2026\u3002\uff01\uff1f"


class CallPlaces:
    """Finds such places, in text that comes in pieces.

    Args:
        tools: What the request offers.
    """

    def __init__(self, tools: OfferedTools) -> None:
        self._tools = tools
        self._ticks = 0
        self._is_fenced = False
        self._is_refused = False

    def pass_on(self, text: str) -> None:
        """This much has been shown."""
        if text:
            self._is_refused = False
            self._is_fenced, self._ticks = _fenced_behind(text, self._is_fenced, self._ticks)

    def pass_over(self, end: str) -> None:
        """Something without any sign has been shown that ends like this."""
        self._ticks = 0 if end[-1:] != "`" else self._ticks

    def refuse(self) -> None:
        """What began at the first character that comes next was no call."""
        self._is_refused = True

    def first_in(self, seen: str, new: int) -> int | None:
        """Return where a call may begin.

        Args:
            seen: The end of what was shown, and what is new.
            new: Where that begins.
        """
        if not self._tools:
            return None
        is_fenced, ticks, read = self._is_fenced, self._ticks, new
        for tag in TAGS_BEGUN.finditer(seen, new + self._is_refused):
            at = tag.start()
            # A text may be nothing but tags: each of them is looked at without the rest of the text.
            if may_be_call_in_text(seen[at : at + MOST_READ], self._tools):
                is_fenced, ticks = _fenced_behind(seen[read:at], is_fenced, ticks)
                read = at
                if not is_fenced and _begins_anew(seen, at):
                    return at
        return None


def _fenced_behind(text: str, is_fenced: bool, ticks: int) -> tuple[bool, int]:
    """Whether a fence is open behind this text and how many ticks it ends with, from what was before it."""
    end = 0
    for run in _TICKS.finditer(text):
        before = ticks if run.start() == 0 else 0
        ticks, end = before + len(run[0]), run.end()
        if before < _FENCE_TICKS <= ticks:
            is_fenced = not is_fenced
    return is_fenced, ticks if end == len(text) else 0


def _begins_anew(text: str, at: int) -> bool:
    """Return whether what stands there begins a line or a sentence; unknown is taken for that."""
    while at and text[at - 1] in " \t":
        at -= 1
    if not at or text[at - 1] == "\n":
        return True
    if text[at - 1] not in _SENTENCE_ENDS and unicodedata.category(text[at - 1]) != "So":
        return False
    is_quoted = text.count("`", text.rfind("\n", 0, at) + 1, at) % 2 == 1
    return not is_quoted
