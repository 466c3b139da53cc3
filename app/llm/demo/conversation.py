"""What a request's messages leave to be answered: a new text of the user, or what has become of tools."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from app.chat import ApiMessage

_STATUSES = ("done", "running", "failed", "timed_out", "cancelled", "interrupted")
_MOST_TEXTS = 7


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tool call and what came of it.

    Attributes:
        status: `done`, `running`, `failed`, `timed_out`, `cancelled` or `interrupted`.
        value: The result as a JSON value, where `status` is `done`.
        error: A sentence, where it is neither done nor running.
    """

    tool: str
    arguments: dict[str, Any]
    status: str
    value: Any = None
    error: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a talk stands.

    Attributes:
        texts: What the user said, the latest first; a few texts at most.
        is_unanswered: Whether the latest of them is the last message.
        outcomes: What became of the tool calls since somebody last spoke, in their order.
        is_late: Whether they come by themselves, after the user's text was answered.
        last_call: The last tool that was called before the latest text, with its arguments.
        text_before: The user's text before the latest one, if it was answered without calling a tool.
    """

    texts: tuple[str, ...] = ()
    is_unanswered: bool = False
    outcomes: tuple[Outcome, ...] = ()
    is_late: bool = False
    last_call: tuple[str, dict[str, Any]] | None = None
    text_before: str = ""

    @property
    def text(self) -> str:
        """The latest text; empty before the first."""
        return self.texts[0] if self.texts else ""


def read_messages(messages: Sequence[ApiMessage]) -> Situation:
    """Sum a request's messages up."""
    spoken = [message for message in messages if message.get("role") in ("user", "assistant", "tool")]
    by_user = [i for i, message in enumerate(spoken) if message["role"] == "user"][-_MOST_TEXTS:]
    last = by_user[-1] if by_user else -1
    tail = len(spoken)
    while tail and (spoken[tail - 1]["role"] == "tool" or spoken[tail - 1].get("tool_calls")):
        tail -= 1
    before = spoken[: max(last, 0)]
    calls = list(_calls(before).values())
    called_before = bool(_calls(spoken[by_user[-2] : last])) if len(by_user) > 1 else True
    return Situation(
        texts=tuple(_content(spoken[i]) for i in reversed(by_user)),
        is_unanswered=bool(spoken) and last == len(spoken) - 1,
        outcomes=tuple(_outcomes(spoken[tail:])),
        is_late=tail < len(spoken) and tail - 1 != last,
        last_call=calls[-1] if calls else None,
        text_before="" if called_before else _content(spoken[by_user[-2]]),
    )


def _content(message: ApiMessage) -> str:
    """Return a message's text; also of the form that is a list of parts."""
    content: Any = message.get("content")
    if isinstance(content, list):
        parts = cast(list[dict[str, Any]], content)
        return " ".join(str(part["text"]) for part in parts if part.get("type") == "text")
    return str(content or "")


def _calls(messages: Sequence[ApiMessage]) -> dict[str, tuple[str, dict[str, Any]]]:
    """Return the names and arguments of all calls, by their ids."""
    calls = [
        call for message in messages for call in cast(list[dict[str, Any]], message.get("tool_calls") or [])
    ]
    return {
        str(call.get("id")): (str(call["function"]["name"]), object_of(call["function"].get("arguments")))
        for call in calls
    }


def object_of(text: object) -> dict[str, Any]:
    """Return the JSON object that a text is; an empty one where it is none."""
    try:
        value: object = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _outcomes(messages: Sequence[ApiMessage]) -> list[Outcome]:
    calls = _calls(messages)
    found: list[Outcome] = []
    for message in messages:
        if message["role"] == "tool":
            told, call = object_of(_content(message)), calls.get(str(message.get("tool_call_id")), ("", {}))
            if told.get("status") in _STATUSES:
                error = str(told.get("error") or "")
                found.append(Outcome(*call, str(told["status"]), told.get("result"), error))
            else:
                found.append(Outcome(*call, "done", told or _content(message)))
    return found
