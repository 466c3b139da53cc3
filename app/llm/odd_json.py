"""JSON as the clients of Python and JavaScript read it, where the strict reader gives up.

Services are written against those clients: an emoji comes in two halves, a count is `NaN`, a number is longer
than 64 bits, a line break stands unescaped in a text. None of that is worth an answer. Nor is what their own
printers get wrong: `nan`, a comma too many, the field's name twice, two values in one event.
"""

import json
import re
from typing import Any, cast

_FIRST_HIGH, _LAST_HIGH = "\ud800", "\udbff"


_CUT_ANYWHERE = frozenset(("content", "arguments", "refusal", "reasoning_content"))
"""Fields that come in pieces, so that the other half of a character may be in the next one."""


_TEXT_OR_SLIP = re.compile(
    r'"(?:[^"\\]++|\\.)*+"?|-?\b(?:nan|inf(?:inity)?)\b|,(?=\s*[}\]])', re.IGNORECASE | re.DOTALL
)
_FIELD = re.compile(r"(?:\s*data:)*\s*")
_MOST_VALUES = 1000
"""So many values are read of one event."""


def read_odd_values(data: bytes) -> list[Any]:
    """Return the values of a text that the strict reader refused; nearly always one.

    Raises:
        ValueError: It is no JSON for anybody.
    """
    try:
        return [read_odd_json(data)]
    except ValueError:
        text = _TEXT_OR_SLIP.sub(_mended, data.decode("utf-8", errors="replace").strip("\ufeff\0 \t\r\n"))
    decoder = json.JSONDecoder(strict=False, parse_int=_number)
    values: list[Any] = []
    at = _behind_field(text, 0)
    while at < len(text) and len(values) < _MOST_VALUES:
        try:
            value, at = decoder.raw_decode(text, at)
        except RecursionError:
            raise ValueError("nested too deeply") from None
        values.append(whole_value(value, _CUT_ANYWHERE))
        at = _behind_field(text, at)
    if not values:
        raise ValueError("nothing")
    return values


def _behind_field(text: str, at: int) -> int:
    match = _FIELD.match(text, at)
    return match.end() if match else at


def _mended(match: re.Match[str]) -> str:
    found = match[0]
    return found if found[0] == '"' else "" if found == "," else "null"


def read_odd_json(data: bytes) -> Any:
    """Return the value of a text that the strict reader refused.

    Texts that come in pieces may begin and end in half a character, which `whole_text` or `Halves` put right;
    all others are whole. Bytes that are no UTF-8 become U+FFFD.

    Raises:
        ValueError: It is no JSON for them either.
    """
    text = data.decode("utf-8", errors="replace").strip("\ufeff\0 \t\r\n")
    try:
        return whole_value(json.loads(text, strict=False, parse_int=_number), _CUT_ANYWHERE)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _number(digits: str) -> int | float:
    # Python takes no integer of over 4,300 digits, and no other reader one of over 64 bits.
    return int(digits) if len(digits) < 19 else float(digits)


def whole_value(value: Any, cut: frozenset[str] = frozenset()) -> Any:
    """Return the value with its texts whole, but for those in the fields that may be `cut`."""
    if isinstance(value, str):
        return whole_text(value)
    if isinstance(value, list):
        return [whole_value(item, cut) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        pairs = cast("dict[str, Any]", value).items()
        return {
            whole_text(name): inner if name in cut and isinstance(inner, str) else whole_value(inner, cut)
            for name, inner in pairs
        }
    return value


def whole_text(text: str) -> str:
    """Return the text with halves of characters joined; one without its other half becomes U+FFFD."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


class Halves:
    """Joins characters whose two halves come in two pieces of a text."""

    def __init__(self) -> None:
        self._half = ""

    def __bool__(self) -> bool:
        """Whether a half waits for its other one."""
        return bool(self._half)

    def feed(self, text: str) -> str:
        """Return the text that is whole by now."""
        text = self._half + text
        self._half = ""
        if text and _FIRST_HIGH <= text[-1] <= _LAST_HIGH:
            self._half, text = text[-1], text[:-1]
        return whole_text(text)

    def finish(self) -> str:
        """Return what stands for a half that has remained one."""
        rest, self._half = self._half, ""
        return whole_text(rest)
