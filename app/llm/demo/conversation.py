"""What a request's messages leave to be answered: a new text of the user, or what has become of tools."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, cast

from app.chat import ApiMessage

Status = Literal["done", "running", "failed", "timed_out", "cancelled", "interrupted"]
_STATUSES = ("done", "running", "failed", "timed_out", "cancelled", "interrupted")

_MARK = re.compile(r"<[^<>]{1,200}>|\[[^\]]{1,200}\]|[-=#*]{3,}.*")
_MOST_MARKS = 4
_MOST_TEXTS_BEFORE = 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """A tool call and what came of it.

    Attributes:
        value: The result as a JSON value, where `status` is `done`.
        error: A sentence, where it is neither done nor running.
        call_id: The running call's id, or the one that a late result belongs to; empty where none is told.
    """

    tool: str
    arguments: dict[str, Any]
    status: Status
    value: Any = None
    error: str = ""
    call_id: str = ""


@dataclass(frozen=True, slots=True)
class Situation:
    """Where a talk stands.

    Attributes:
        text: The user's last text; empty before the first.
        is_unanswered: Whether that text is the last message.
        outcomes: What became of the tool calls since somebody last spoke, in their order.
        is_late: Whether they come by themselves, after the user's text was answered.
        last_call: The last tool that was called before, with its arguments.
        text_before: The user's text before the last one, if it was answered without calling a tool.
        running: Tools that were said to be running and have not ended since.
        texts_before: What the user said before the last text, the latest first; a few texts at most.
    """

    text: str = ""
    is_unanswered: bool = False
    outcomes: tuple[Outcome, ...] = ()
    is_late: bool = False
    last_call: tuple[str, dict[str, Any]] | None = None
    text_before: str = ""
    running: tuple[Outcome, ...] = ()
    texts_before: tuple[str, ...] = ()


def read_messages(messages: Sequence[ApiMessage]) -> Situation:
    """Sum a request's messages up."""
    spoken = [message for message in messages if message.get("role") in ("user", "assistant", "tool")]
    last_user = _last_index(spoken, "user")
    tail = _open_tail(spoken)
    before = spoken[:last_user] if last_user >= 0 else []
    return Situation(
        text=_content(spoken[last_user]) if last_user >= 0 else "",
        is_unanswered=bool(spoken) and last_user == len(spoken) - 1,
        outcomes=tuple(_outcomes(spoken[tail:])),
        is_late=tail < len(spoken) and tail - 1 != last_user,
        last_call=_last_call(before),
        text_before=_text_without_call(before),
        running=tuple(_still_running(before)),
        texts_before=tuple(
            islice(
                (_content(each) for each in reversed(before) if each["role"] == "user"), _MOST_TEXTS_BEFORE
            )
        ),
    )


def _last_index(messages: Sequence[ApiMessage], role: str) -> int:
    return next((i for i in range(len(messages) - 1, -1, -1) if messages[i]["role"] == role), -1)


def _open_tail(messages: Sequence[ApiMessage]) -> int:
    """Return where the calls and results begin that nobody has spoken about yet."""
    i = len(messages)
    while i and (messages[i - 1]["role"] == "tool" or messages[i - 1].get("tool_calls")):
        i -= 1
    return i


def _content(message: ApiMessage) -> str:
    """Return a message's text; also of the form that is a list of parts."""
    content: object = message.get("content")
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    parts = [cast(dict[str, object], part) for part in cast(list[object], content) if isinstance(part, dict)]
    return " ".join(str(part.get("text", "")) for part in parts if part.get("type") == "text")


def _outcomes(messages: Sequence[ApiMessage]) -> list[Outcome]:
    calls: dict[str, tuple[str, dict[str, Any]]] = {}
    found: list[Outcome] = []
    for message in messages:
        for call in cast(list[dict[str, Any]], message.get("tool_calls") or []):
            function = cast(dict[str, Any], call.get("function", {}))
            calls[str(call.get("id"))] = (str(function.get("name", "")), _object(function.get("arguments")))
        if message["role"] == "tool":
            tool, arguments = calls.get(str(message.get("tool_call_id")), ("", {}))
            found.append(_outcome(tool, arguments, _content(message)))
    return found


def _object(text: object) -> dict[str, Any]:
    try:
        value: object = json.loads(text) if isinstance(text, str) else text
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def _outcome(tool: str, arguments: dict[str, Any], content: str) -> Outcome:
    message = unmarked(content)
    told = cast(dict[str, Any], message) if isinstance(message, dict) else {}
    if told.get("status") not in _STATUSES:
        return Outcome(tool, arguments, "done", value=message)
    return Outcome(
        tool,
        arguments,
        cast(Status, told["status"]),
        value=unmarked(told.get("result")),
        error=str(told.get("error") or ""),
        call_id=str(told.get("call_id") or ""),
    )


def unmarked(value: object) -> object:
    """Return a JSON value without the mark that may stand around it, and read if it is JSON text."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    for _ in range(_MOST_MARKS):
        first, _, behind = text.partition("\n")
        before, _, last = text.rpartition("\n")
        if behind and _MARK.fullmatch(first.strip()):
            text = behind.strip()
        elif before and _MARK.fullmatch(last.strip()):
            text = before.strip()
    for candidate in (value, text):
        try:
            return json.loads(candidate)
        except (ValueError, RecursionError):
            continue
    return text.strip()


def _last_call(messages: Sequence[ApiMessage]) -> tuple[str, dict[str, Any]] | None:
    for message in reversed(messages):
        calls = cast(list[dict[str, Any]], message.get("tool_calls") or [])
        if calls:
            function = cast(dict[str, Any], calls[-1].get("function", {}))
            return str(function.get("name", "")), _object(function.get("arguments"))
    return None


def _text_without_call(messages: Sequence[ApiMessage]) -> str:
    """Return the last user text, if nothing but words answered it."""
    last_user = _last_index(messages, "user")
    called = any(message.get("tool_calls") for message in messages[last_user + 1 :])
    return "" if last_user < 0 or called else _content(messages[last_user])


def _still_running(messages: Sequence[ApiMessage]) -> list[Outcome]:
    running: list[Outcome] = []
    for outcome in _outcomes(messages):
        if outcome.status == "running":
            running.append(outcome)
            continue
        same = (outcome.tool, outcome.arguments)
        ended = next(
            (
                each
                for each in running
                if each.call_id == outcome.call_id or (each.tool, each.arguments) == same
            ),
            None,
        )
        if ended and (outcome.call_id or (ended.tool, ended.arguments) == same):
            running.remove(ended)
    return running
