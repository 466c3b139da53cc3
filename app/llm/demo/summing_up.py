"""A summary by rules: the beginnings of what the user said."""

import json
from typing import Any, cast

_WORDS = 14
_FALLBACK_CHARS = 2_000


def sum_up(content: str) -> str:
    """The summary that a request's data ask for: a line for each text of the user; the oldest leave first.

    Args:
        content: The JSON object of `app.conversation.summary_prompt`.
    """
    try:
        told: object = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    if not isinstance(told, dict):
        return ""
    data = cast(dict[str, Any], told)
    lines = str(data.get("summary") or "").splitlines()
    for turn in _items(data.get("turns")):
        texts = [str(each.get("text", "")) for each in _items(turn) if each.get("role") == "user"]
        lines += [f"- {_beginning(text)}" for text in texts if text.strip()]
    max_chars = data.get("max_chars")
    return _newest(lines, max_chars if isinstance(max_chars, int) else _FALLBACK_CHARS)


def _items(value: object) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []


def _beginning(text: str) -> str:
    words = text.split(maxsplit=_WORDS)
    return " ".join(words[:_WORDS]) + ("…" if len(words) > _WORDS else "")


def _newest(lines: list[str], max_chars: int) -> str:
    kept: list[str] = []
    left = max_chars
    for line in reversed(lines):
        left -= len(line) + 1
        if left < 0:
            break
        kept.append(line)
    return "\n".join(reversed(kept))
