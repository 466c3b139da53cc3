"""What the chat-completions API takes as the messages of a talk, and what it would refuse."""

import re
from collections.abc import Sequence

from app.chat import ApiMessage

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MAX_ID_CHARS = 40


def validate(messages: Sequence[ApiMessage]) -> list[str]:
    """Return what the chat-completions API would refuse in these messages; empty where it would take them."""
    problems: list[str] = []
    waiting: list[str] = []
    for position, message in enumerate(messages):
        role = message["role"]
        if role == "tool":
            if message["tool_call_id"] not in waiting:
                problems.append(f"{position}: tool message without its call")
            else:
                waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            problems.append(f"{position}: calls without an answer: {waiting}")
        waiting = _check_assistant(position, message, problems) if role == "assistant" else []
    if waiting:
        problems.append(f"end: calls without an answer: {waiting}")
    return problems


def _check_assistant(position: int, message: ApiMessage, problems: list[str]) -> list[str]:
    """Add an assistant message's problems; return the ids of its calls."""
    calls = message.get("tool_calls")
    if calls is None:
        if not message["content"]:
            problems.append(f"{position}: empty assistant message")
        return []
    ids = [call["id"] for call in calls]
    if not ids or len(set(ids)) < len(ids) or any(not i or len(i) > _MAX_ID_CHARS for i in ids):
        problems.append(f"{position}: tool calls with bad ids: {ids}")
    for call in calls:
        if not _NAME.fullmatch(call["function"]["name"]):
            problems.append(f"{position}: bad function name")
        if not isinstance(call["function"]["arguments"], str):
            problems.append(f"{position}: arguments are no string")
    return ids
