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
    r"(unexpected|invalid|unknown|unsupported) role\W{1,3}[\"'`]?system\b|\bonly user and assistant roles\b"
    r"|role\W{1,3}system\W.{0,20}must be|\bsystem\b.{0,40}\b(not|isn't) (supported|enabled|allowed)"
    r"|not support.{0,20}\bsystem\b|developer instruction is not enabled|unsupported.{0,40}\bsystem\b",
    re.IGNORECASE,
)
_NOT_BOTH = re.compile(r"not both|both (`?content`? and|text and)|only one of `?content", re.IGNORECASE)
_CALLS = re.compile(r"tool[ _]calls?", re.IGNORECASE)
_NO_NAME = re.compile(
    r"function_response\.name|\btool\b.{0,30}\bmust (have|include|contain).{0,12}\bname\b"
    r"|\b(tool|function)\b.{0,30}['\"`.]name['\"`]?.{0,20}(required|missing|empty)"
    r"|missing.{0,20}\bname\b.{0,30}\btool\b",
    re.IGNORECASE | re.DOTALL,
)
_NO_TOOLS_BESIDE_CALLS = re.compile(
    r"without `?tools|toolconfig.{0,30}must be defined|must define tools"
    r"|tools.{0,30}(must|should|need to) be (defined|provided|specified|set|passed)",
    re.IGNORECASE | re.DOTALL,
)

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
        named_results: Whether a result says which tool it is of.
        tools_beside_calls: Whether a request with calls in it has to offer tools, also where none is wanted.
    """

    service: str = ""
    wanted: frozenset[str] = frozenset()
    refused: frozenset[str] = frozenset()
    text_beside_calls: bool = True
    system_role: bool = True
    empty_beside_calls: bool = True
    named_results: bool = False
    tools_beside_calls: bool = False

    def taken(self, sent: Iterable[ApiMessage]) -> "Returns":
        """Return the same after messages that the service took; equal where they show nothing.

        What it gave once it wants back of all that is said, also when what it was given with has left the
        prompt, and only what has no thoughts of its own is there.
        """
        if THOUGHTS in self.wanted or not any(message.get(THOUGHTS) for message in sent):
            return self
        return replace(self, wanted=self.wanted | {THOUGHTS})

    def taught(self, complaint: str, sent: Iterable[ApiMessage]) -> "Returns":
        """Return the same after a refusal; equal where it teaches nothing.

        Args:
            complaint: The service's words.
            sent: The messages that it refused.
        """
        sent = list(sent)
        if self.text_beside_calls and _NOT_BOTH.search(complaint) and _CALLS.search(complaint):
            return replace(self, text_beside_calls=False)
        if not self.named_results and _NO_NAME.search(complaint):
            return replace(self, named_results=True)
        if not self.tools_beside_calls and _NO_TOOLS_BESIDE_CALLS.search(complaint):
            return replace(self, tools_beside_calls=True)
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


def both(one: Returns, other: Returns) -> Returns:
    """Return what both have learned, of no service by name."""
    return Returns(
        "",
        one.wanted | other.wanted,
        one.refused | other.refused,
        one.text_beside_calls and other.text_beside_calls,
        one.system_role and other.system_role,
        one.empty_beside_calls and other.empty_beside_calls,
        one.named_results or other.named_results,
        one.tools_beside_calls or other.tools_beside_calls,
    )


def _is_bare_call(message: ApiMessage) -> bool:
    return bool(message.get("tool_calls")) and not message["content"]


def _extra_names(messages: Iterable[ApiMessage]) -> set[str]:
    """Return the fields that went along with messages and calls."""
    names: set[str] = set()
    for message in messages:
        names |= message.keys() - _OF_MESSAGE
        calls: list[Mapping[str, Any]] = message.get("tool_calls") or []
        for call in calls:
            names |= call.keys() - _OF_CALL
    return names
