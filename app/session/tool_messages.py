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


def tool_message(call_id: str, content: dict[str, Any]) -> ApiMessage:
    """A tool message for the API.

    Args:
        call_id: The id of the call that it answers.
        content: `{"status": ..., "result" | "error" | "call_id": ...}`, JSON values all through.
    """
    text = orjson.dumps(content).decode().replace("<", "\\u003c").replace(">", "\\u003e")
    return {"role": "tool", "tool_call_id": call_id, "content": text}


def shorten(message: ApiMessage, excess: int) -> bool:
    """Cuts a tool message's result by about `excess` bytes, and marks it as cut.

    Returns:
        Whether it got any shorter.
    """
    content: dict[str, Any] = orjson.loads(message["content"])
    if "result" not in content:
        return False
    result = content["result"]
    text = result if isinstance(result, str) else orjson.dumps(result).decode()
    keep = max(_MIN_RESULT_CHARS, len(text) - excess - 20)
    if keep >= len(text):
        return False
    before = len(message["content"])
    cut = tool_message(message["tool_call_id"], {**content, "result": text[:keep], "truncated": True})
    if len(cut["content"]) >= before:
        return False
    message["content"] = cut["content"]
    return True
