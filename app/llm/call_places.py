"""Where in a text a tool call may begin that its model writes behind a sentence.

A tag at the beginning of a line, or behind the end of a sentence, begins a call. In a fence, in quotes or
within a sentence it is an example.
"""

import re
import unicodedata
from typing import Final

from app.llm.call_beginnings import may_be_call_in_text
from app.llm.offered_tools import OfferedTools

_TAG_BEGINNINGS: Final = re.compile(r"[<\[]")
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
            self._is_fenced, self._ticks = self._fenced_behind(text)

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
        for tag in _TAG_BEGINNINGS.finditer(seen, new + self._is_refused):
            at = tag.start()
            is_example = self._fenced_behind(seen[new:at])[0] or not _begins_anew(seen[:at])
            if not is_example and may_be_call_in_text(seen[at:], self._tools):
                return at
        return None

    def _fenced_behind(self, text: str) -> tuple[bool, int]:
        """Whether a fence is open behind this text, and how many ticks it ends with."""
        is_fenced, ticks = self._is_fenced, self._ticks
        end = 0
        for run in _TICKS.finditer(text):
            before = ticks if run.start() == 0 else 0
            ticks, end = before + len(run[0]), run.end()
            if before < _FENCE_TICKS <= ticks:
                is_fenced = not is_fenced
        return is_fenced, ticks if end == len(text) else 0


def _begins_anew(before: str) -> bool:
    """Whether what follows this begins a line or a sentence; unknown is taken for that."""
    line = before[before.rfind("\n") + 1 :].rstrip(" \t")
    if "\n" in before and not line:
        return True
    before = before.rstrip(" \t")
    is_quoted = line.count("`") % 2 == 1
    return not is_quoted and (
        not before or before[-1] in _SENTENCE_ENDS or unicodedata.category(before[-1]) == "So"
    )
