"""What the chat-completions API accepts, written down independently of the server under test.

`violations` says everything that is wrong with a request, in words a failing test can show; an empty list is
a request that the service would take.
"""

import json
import re
from collections import Counter
from typing import Any

ROLES = {"system", "developer", "user", "assistant", "tool"}
MAX_CALL_ID_CHARS = 40
FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")

STRICT_CALL_ID = re.compile(r"[A-Za-z0-9]{9}")

FOLLOWERS = {
    "system": {"user"},
    "user": {"assistant", "calls"},
    "assistant": {"user"},
    "calls": {"tool"},
    "tool": {"tool", "assistant", "calls"},
}
"""Who may speak after whom; an assistant's message that calls tools is `calls`."""

MEMBERS = {
    "system": {"role", "content"},
    "user": {"role", "content"},
    "assistant": {"role", "content", "tool_calls"},
    "tool": {"role", "content", "tool_call_id"},
}

PARAMETERS = {
    "messages", "model", "stream", "stream_options", "tools", "tool_choice", "parallel_tool_calls",
    "max_tokens", "max_completion_tokens", "temperature", "top_p", "n", "stop", "seed", "user",
    "presence_penalty", "frequency_penalty", "logit_bias", "logprobs", "top_logprobs", "response_format",
    "reasoning_effort", "metadata", "store",
}  # fmt: skip


def violations(messages: Any, body: dict[str, Any] | None = None) -> list[str]:
    """What the service would answer 400 to.

    Args:
        messages: The request's messages.
        body: The whole request; without it only the messages are looked at.
    """
    wrong = [] if body is None else _body_violations(body)
    if not isinstance(messages, list) or not messages:
        return [*wrong, "messages: must be a list that is not empty"]
    for position, message in enumerate(messages):
        where = f"messages[{position}]"
        if not isinstance(message, dict) or message.get("role") not in ROLES:
            wrong.append(f"{where}: needs a known role")
        elif message["role"] == "assistant":
            wrong += _assistant_violations(where, message)
        elif message["role"] != "tool" and not isinstance(message.get("content"), str | list):
            wrong.append(f"{where}: content must be text")
    return wrong + _pairing_violations(messages)


def strict_violations(messages: Any, body: dict[str, Any] | None = None) -> list[str]:
    """What the strictest of all dialects would answer 400 to: nothing that leaves for a service breaks it."""
    wrong = violations(messages, body)
    if wrong:
        return wrong
    spoken = messages[1:] if messages[0]["role"] == "system" else messages
    if not spoken:
        return ["nobody has spoken"]
    before = "system"
    for position, message in enumerate(spoken):
        kind = "calls" if message.get("tool_calls") else message["role"]
        if kind not in FOLLOWERS[before]:
            wrong.append(f"{position}: {kind} after {before}")
        before = kind if kind in FOLLOWERS else before
        wrong += _strict_message_violations(f"{position}", message)
    if before not in ("user", "tool"):
        wrong.append(f"the last message is {before}")
    sent = [call["id"] for message in messages for call in message.get("tool_calls", ())]
    return wrong + [f"the call id {call_id!r} is used twice" for call_id, n in Counter(sent).items() if n > 1]


def _strict_message_violations(where: str, message: dict[str, Any]) -> list[str]:
    wrong = [f"{where}: unknown field {name}" for name in message.keys() - MEMBERS[message["role"]]]
    content = message.get("content")
    if not isinstance(content, str) or not (content.strip() or message.get("tool_calls")):
        wrong.append(f"{where}: content must be text that is not empty")
    for call in message.get("tool_calls", ()):
        if not STRICT_CALL_ID.fullmatch(call["id"]):
            wrong.append(f"{where}: the call id {call['id']!r} is not nine letters or digits")
        if call.keys() != {"id", "type", "function"} or call["function"].keys() != {"name", "arguments"}:
            wrong.append(f"{where}: a call holds unknown fields")
        if not isinstance(json.loads(call["function"]["arguments"]), dict):
            wrong.append(f"{where}: arguments are no object")
    return wrong


def _body_violations(body: dict[str, Any]) -> list[str]:
    wrong = [f"Unrecognized request argument supplied: {name}" for name in body.keys() - PARAMETERS]
    tools = body.get("tools")
    if tools is not None and (not isinstance(tools, list) or not tools):
        wrong.append("tools: must be a list that is not empty")
    if not tools:
        wrong += [
            f"{name}: only with tools" for name in ("parallel_tool_calls", "tool_choice") if name in body
        ]
    for tool in tools if isinstance(tools, list) else []:
        function = tool.get("function", {}) if isinstance(tool, dict) else {}
        if tool.get("type") != "function" or not FUNCTION_NAME.fullmatch(str(function.get("name", ""))):
            wrong.append("tools: each needs the type function and a well-formed name")
        elif not isinstance(function.get("parameters", {}), dict):
            wrong.append("tools: parameters must be a schema")
    if "stream_options" in body and not body.get("stream"):
        wrong.append("stream_options: only with stream")
    return wrong


def _assistant_violations(where: str, message: dict[str, Any]) -> list[str]:
    calls = message.get("tool_calls")
    if calls is None:
        content = message.get("content")
        return (
            []
            if isinstance(content, str | list) and content
            else [f"{where}: neither content nor tool calls"]
        )
    if not isinstance(calls, list) or not calls:
        return [f"{where}: tool_calls must be a list that is not empty"]
    wrong = [text for call in calls for text in _call_violations(where, call)]
    ids = Counter(call.get("id") for call in calls if isinstance(call, dict))
    return wrong + [f"{where}: the call id {call_id!r} is used twice" for call_id, n in ids.items() if n > 1]


def _call_violations(where: str, call: Any) -> list[str]:
    if (
        not isinstance(call, dict)
        or call.get("type") != "function"
        or not isinstance(call.get("function"), dict)
    ):
        return [f"{where}: a tool call must be a function"]
    call_id, function = call.get("id"), call["function"]
    wrong = []
    if not isinstance(call_id, str) or not 1 <= len(call_id) <= MAX_CALL_ID_CHARS:
        wrong.append(f"{where}: a call id must have 1 to {MAX_CALL_ID_CHARS} characters")
    if not isinstance(function.get("name"), str) or not FUNCTION_NAME.fullmatch(function["name"]):
        wrong.append(f"{where}: a function name must match {FUNCTION_NAME.pattern}")
    if not isinstance(function.get("arguments"), str):
        wrong.append(f"{where}: arguments must be text")
    return wrong


def _pairing_violations(messages: list[Any]) -> list[str]:
    """Each call must be answered directly after its message by exactly one tool message."""
    wrong: list[str] = []
    waiting: dict[str, str] = {}
    for position, message in enumerate(messages):
        where = f"messages[{position}]"
        role = message.get("role") if isinstance(message, dict) else None
        if role == "tool":
            if waiting.pop(str(message.get("tool_call_id")), None) is None:
                wrong.append(f"{where}: answers no call that waits for an answer")
            if not isinstance(message.get("content"), str | list):
                wrong.append(f"{where}: content must be text")
            continue
        wrong += [f"{at}: the call {call_id!r} is not answered" for call_id, at in waiting.items()]
        calls = message.get("tool_calls") if role == "assistant" else None
        known = [call for call in calls or [] if isinstance(call, dict)]
        waiting = {str(call.get("id")): where for call in known}
    return wrong + [f"{at}: the call {call_id!r} is not answered" for call_id, at in waiting.items()]
