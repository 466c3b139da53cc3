"""What goes back to a service of what came from it, and what its refusals teach about that."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from app.chat import ApiMessage

THOUGHTS = "reasoning_content"
SIGNATURE = "thought_signature"

_MISSING_WORDS = re.compile(
    r"must be (passed|provided|included|present)|missing|required|must (contain|include|have)|without",
    re.IGNORECASE,
)
_REFUSED_WORDS = re.compile(
    r"unsupported|not supported|unrecognized|unknown|unexpected|not (permitted|allowed)|extra (fields|inputs)"
    r"|invalid",
    re.IGNORECASE,
)
_NO_SYSTEM = re.compile(
    r"\bsystem\b.{0,40}\b(not|isn't) (supported|enabled|allowed)|not support.{0,20}\bsystem\b"
    r"|developer instruction is not enabled|unsupported.{0,40}\bsystem\b",
    re.IGNORECASE,
)
_NOT_BOTH = re.compile(r"not both|both (`?content`? and|text and)", re.IGNORECASE)

_NO_EMPTY = re.compile(
    r"non-?empty|\bis blank|(must|can) ?not be (empty|blank)|can't be empty|at least 1 (token|character)",
    re.IGNORECASE,
)

_OF_MESSAGE = frozenset(("role", "content", "tool_calls", "tool_call_id"))
_OF_CALL = frozenset(("id", "type", "function"))


@dataclass(frozen=True, slots=True)
class Returns:
    """What goes back to a service of what came from it.

    Attributes:
        service: Its name; what another one gave never goes to it.
        wanted: Fields that it has asked for (`reasoning_content`, `thought_signature`): they are sent also
            where it gave none, with the value that stands for nothing.
        refused: Fields that it gives and does not take back.
        text_beside_calls: Whether a message may hold text and calls.
        system_role: Whether there may be a system message at all; else it stands before the first text.
        empty_beside_calls: Whether a message that calls tools may have no text.
    """

    service: str = ""
    wanted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    text_beside_calls: bool = True
    system_role: bool = True
    empty_beside_calls: bool = True

    def taught(self, complaint: str, sent: Iterable[ApiMessage]) -> "Returns":
        """The same after a refusal; equal where it teaches nothing.

        Args:
            complaint: The service's words.
            sent: The messages that it refused.
        """
        sent = list(sent)
        if _NOT_BOTH.search(complaint) and "tool_calls" in complaint:
            return replace(self, text_beside_calls=False)
        if self.system_role and _NO_SYSTEM.search(complaint):
            return replace(self, system_role=False)
        for name in (THOUGHTS, SIGNATURE):
            if name in complaint and _MISSING_WORDS.search(complaint) and name not in self.refused:
                return replace(self, wanted=self.wanted | {name})
        if self.empty_beside_calls and _NO_EMPTY.search(complaint) and any(map(_is_bare_call, sent)):
            return replace(self, empty_beside_calls=False)
        if _REFUSED_WORDS.search(complaint):
            named = {name for name in _extra_names(sent) if re.search(rf"\b{re.escape(name)}\b", complaint)}
            return replace(self, refused=self.refused | named, wanted=self.wanted - named)
        return self


def _is_bare_call(message: ApiMessage) -> bool:
    return bool(message.get("tool_calls")) and not message["content"]


def _extra_names(messages: Iterable[ApiMessage]) -> set[str]:
    """The fields that went along with messages and calls."""
    names: set[str] = set()
    for message in messages:
        names |= message.keys() - _OF_MESSAGE
        calls: list[Mapping[str, Any]] = message.get("tool_calls") or []
        for call in calls:
            names |= call.keys() - _OF_CALL
    return names
