"""A summary by rules: the beginnings of what the user said."""

from typing import Any, cast

from app.llm.demo.conversation import object_of

_WORDS = 14
_MAX_CHARS = 2_000


def sum_up(content: str) -> str:
    """The summary that a request's data ask for: a line for each text of the user; the oldest leave first.

    Args:
        content: The JSON object of `app.conversation.summary_prompt`.
    """
    data = object_of(content)
    lines = str(data.get("summary") or "").splitlines()
    for turn in _items(data.get("turns")):
        texts = [str(each["text"]).split() for each in _items(turn) if each.get("role") == "user"]
        lines += [f"- {' '.join(words[:_WORDS])}{'…' * (len(words) > _WORDS)}" for words in texts if words]
    while sum(len(line) + 1 for line in lines) > int(data.get("max_chars") or _MAX_CHARS):
        del lines[0]
    return "\n".join(lines)


def _items(value: object) -> list[Any]:
    return cast(list[Any], value) if isinstance(value, list) else []
