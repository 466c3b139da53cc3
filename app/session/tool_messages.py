"""The messages by which the model learns how its tool calls went.

A tool's result is data from outside, never instructions. It stands in the `result` or `error` member of a
JSON object, which is a mark that no result can close: quotes are escaped by JSON itself, and `<` and `>` by
us, so that nothing in it can look like the tags or special tokens that models are trained on.
"""

from typing import Any, Final

import orjson

from app.chat import ApiMessage

RUNNING: Final = "running"

_MIN_RESULT_CHARS = 200
"""A result is never cut below this: less would tell the model nothing."""

_MARK_CHARS = 20
"""What `"truncated":true,` takes, in characters, and a few more so that the guesses come to an end."""


def tool_message(call_id: str, content: dict[str, Any]) -> ApiMessage:
    """Return a tool message for the API.

    Args:
        call_id: The id of the call that it answers.
        content: `{"status": ..., "result" | "error" | "call_id": ...}`, JSON values all through.
    """
    return {"role": "tool", "tool_call_id": call_id, "content": data_text(content)}


def data_text(value: Any) -> str:
    """A JSON text for a prompt, which nothing inside it can close or make look like a special token."""
    return orjson.dumps(value).decode().replace("<", "\\u003c").replace(">", "\\u003e")


def bare_ending(message: ApiMessage) -> ApiMessage:
    """Return the same tool message with nothing but how the call ended."""
    content: dict[str, Any] = orjson.loads(message["content"])
    bare = {name: content[name] for name in ("status", "outcome") if name in content}
    return tool_message(message["tool_call_id"], bare)


def shorten(message: ApiMessage, excess: int) -> bool:
    """Cut a tool message's result by `excess` bytes, if it has as many to give, and mark it as cut.

    Returns:
        Whether it got any shorter.
    """
    content: dict[str, Any] = orjson.loads(message["content"])
    if "result" not in content:
        return False
    result = content["result"]
    text = result if isinstance(result, str) else orjson.dumps(result).decode()
    size = before = len(message["content"].encode())
    wanted = before - excess
    keep = len(text)
    cut = message["content"]
    while size > wanted and keep > _MIN_RESULT_CHARS:
        # A guess that the next round mends: as a text, JSON needs more room than it did as JSON.
        keep = max(_MIN_RESULT_CHARS, keep * max(wanted, 0) // size - _MARK_CHARS)
        kept = {**content, "result": text[:keep], "truncated": True}
        cut = tool_message(message["tool_call_id"], kept)["content"]
        size = len(cut.encode())
    if size >= before:
        return False
    message["content"] = cut
    return True
