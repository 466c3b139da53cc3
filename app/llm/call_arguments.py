"""Reads the arguments of a tool call as their model meant them.

By the book they are the text of a JSON object. Models and the services that take their calls apart write the
text of that text, a fence around it, a template's tokens behind it, `null` for nothing, a comma too many,
Python's quotes. What is half an object stays one: nothing is made up.
"""

import ast
import json
import re
from typing import Any, Final, cast

import orjson

from app.llm.odd_json import read_odd_values, whole_value

_MOST_CHARS: Final = 256 * 1024
_MOST_PYTHON_CHARS: Final = 16 * 1024
_MOST_LAYERS: Final = 3
_FENCE: Final = re.compile(r"\A```[a-z]*\s(.*)```\Z", re.DOTALL | re.IGNORECASE)
_TOKENS: Final = re.compile(
    "(?:\\s*(?:<[|\uff5c][^|\uff5c<>\\s]{1,40}[|\uff5c]>|</?(?:tool_calls?|function(?:_call)?|s|eos)>))+\\s*\\Z",
    re.IGNORECASE,
)
_NOTHING: Final = ("null", "none", "undefined", "nil", "[]", '""', "{}")


def is_object(text: str) -> bool:
    """Return whether a text is a JSON object, by the strictest reader."""
    try:
        return isinstance(orjson.loads(text), dict)
    except orjson.JSONDecodeError:
        return False


def meant_arguments(text: str) -> str:
    """Return the JSON object that a text means; the text as it is where that cannot be told."""
    if len(text) > _MOST_CHARS:
        return text
    found = _object_in(text, _MOST_LAYERS)
    return text if found is None else orjson.dumps(found).decode()


def _python_object(text: str) -> dict[str, Any] | None:
    """Return an object in the words of Python: single quotes, `True`, `None`."""
    if len(text) > _MOST_PYTHON_CHARS or not text.startswith("{"):
        return None
    try:
        value = ast.literal_eval(text)
        return json.loads(json.dumps(value)) if isinstance(value, dict) else None
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None


def _object_in(text: str, layers: int) -> dict[str, Any] | None:
    bare = _TOKENS.sub("", text[-200:]) if layers == _MOST_LAYERS else text[-200:]
    text = (text[:-200] + bare).strip()
    if fenced := _FENCE.match(text):
        text = fenced[1].strip()
    if text.lower() in _NOTHING:
        return {}
    try:
        values = read_odd_values(text.encode("utf-8", "surrogatepass"))
    except ValueError:
        return _python_object(text)
    value = values[0] if len(values) == 1 else None
    if isinstance(value, list) and len(cast("list[Any]", value)) == 1:
        value = cast("list[Any]", value)[0]
    if isinstance(value, str) and layers > 0:
        return _object_in(value, layers - 1)
    return cast("dict[str, Any]", whole_value(value)) if isinstance(value, dict) else None
