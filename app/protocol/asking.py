"""How users are asked for their word about a call, and what of it fits into a sentence."""

import re
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

MAX_CHARS: Final = 2000

_MOST_SPOKEN_CHARS: Final = 300

_WHOLE_CHARS: Final = 500
_TEXT_CHARS: Final = 200
_LEVELS: Final = 3
_UNSEEN: Final = re.compile(r"[\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class ApprovalWays:
    """How users of a wire protocol answer, beside messages that say so.

    Attributes:
        in_words: By what they type, since no message of theirs does.
        aloud: By what they say, where the session hears and speaks: the server asks.
        by_keys: By the keys of a telephone: its user sees nothing, and is told which ones.
    """

    in_words: bool = False
    aloud: bool = False
    by_keys: bool = False

    @property
    def one_by_one(self) -> bool:
        """Whether an answer names no call: no more than one is asked for then."""
        return self.in_words or self.by_keys


def spoken_arguments(arguments: str) -> str:
    """Return a call's arguments as they can be said; empty where there are none.

    Args:
        arguments: A JSON object's text.
    """
    value: Any = orjson.loads(arguments or "{}")
    if not isinstance(value, dict):
        return ""
    members = cast("dict[str, Any]", value).items()
    told = ", ".join(
        f"{name.replace('_', ' ')}: {member if isinstance(member, str) else _written(member)}"
        for name, member in members
    )
    return told if len(told) <= _MOST_SPOKEN_CHARS else f"{told[:_MOST_SPOKEN_CHARS]}…"


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
