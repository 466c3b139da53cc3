"""What a person is shown of a call that waits for their word, where it has to fit into a sentence."""

import re
from typing import Any, Final, cast

import orjson

MAX_CHARS: Final = 2000

_WHOLE_CHARS: Final = 500
_TEXT_CHARS: Final = 200
_LEVELS: Final = 3
_UNSEEN: Final = re.compile(r"[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def shown_arguments(arguments: str) -> str:
    """Return a call's arguments, shown so that nothing in them can hide the rest.

    Long ones come with the beginning of each text and the number of characters behind it, the shortest
    members first. What is not seen, or turns the text around, is written out.

    Args:
        arguments: A JSON object's text.
    """
    if len(arguments) > _WHOLE_CHARS:
        arguments = _beginning(_written(_beginnings(orjson.loads(arguments), _LEVELS)), MAX_CHARS)
    return _UNSEEN.sub(lambda found: f"\\u{ord(found[0]):04x}", arguments)


def _beginnings(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return _beginning(value, _TEXT_CHARS)
    if not isinstance(value, dict | list):
        return value
    if levels == 0:
        return _beginning(_written(cast("object", value)), _TEXT_CHARS)
    if isinstance(value, list):
        return [_beginnings(item, levels - 1) for item in cast("list[Any]", value)]
    members = [(name, _beginnings(item, levels - 1)) for name, item in cast("dict[str, Any]", value).items()]
    return dict(sorted(members, key=lambda member: len(_written(member))))


def _beginning(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[:most]}… (+{len(text) - most})"


def _written(value: object) -> str:
    return orjson.dumps(value).decode()
