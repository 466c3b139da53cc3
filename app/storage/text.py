"""Text as both databases can keep it, and as it is searched.

PostgreSQL refuses NUL in a text and what is no Unicode; SQLite would keep both. They are replaced before they
reach either, so that a talk reads the same from both.
"""

import re
from typing import Any

from app.letters import bare

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def storable(text: str) -> str:
    """Return the text with each NUL and each lone surrogate replaced by U+FFFD; nothing else changes."""
    return _UNSTORABLE.sub(REPLACEMENT, text)


def storable_json(value: Any) -> Any:
    """Return a JSON value whose texts, keys too, are all storable."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {storable(str(key)): storable_json(item) for key, item in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] # any JSON value
    if isinstance(value, list | tuple):
        return [storable_json(item) for item in value]  # pyright: ignore[reportUnknownVariableType] # same
    return value


def folded(text: str) -> str:
    """Return the text as it is searched: without case, accents and what cannot be stored.

    The databases disagree about the lower case of "É"; this makes "árbol" find "Arbol" on both.
    """
    return bare(storable(text))


def words_of(query: str, most: int) -> list[str]:
    """Return the different words of a search, folded, in their order.

    Args:
        query: What was asked for.
        most: How many words count; the rest is ignored.
    """
    return list(dict.fromkeys(re.findall(r"\S+", folded(query))))[:most]
