"""The part of a text that shows why it was found."""

from collections.abc import Sequence

from app.storage.text import folded

_BEFORE = 1 / 3
"""How much of the excerpt stands before the word that was found."""

_BLOCK = 1000
"""So many characters are folded at a time, where one by one would take long."""


def excerpt(text: str, words: Sequence[str], max_chars: int) -> str:
    """Return the part of a text around the first of the words, whatever their case and accents, on one line.

    Args:
        text: What was found.
        words: What was looked for; where none stands in the text, it is shown from its beginning.
        max_chars: How long the excerpt may be, the marks of what is left out included.
    """
    text = " ".join(text.split())
    if len(text) <= max_chars:
        return text
    room = max_chars - 2
    start = max(0, min(_place(text, words) - int(room * _BEFORE), len(text) - room))
    cut = text[start : start + room]
    return ("…" if start else "") + cut + ("…" if start + room < len(text) else "")


def _place(text: str, words: Sequence[str]) -> int:
    """Return where the first of the words stands; 0 where none does."""
    plain = folded(text)
    places = [place for word in words if (place := plain.find(folded(word))) >= 0]
    if not places:
        return 0
    if len(plain) == len(text):
        return min(places)
    # Some characters fold to none or to several: one after the other is counted up to the place.
    length = 0
    for start in range(0, len(text), _BLOCK):
        block = text[start : start + _BLOCK]
        if length + len(folded(block)) <= min(places):
            length += len(folded(block))
            continue
        for place, char in enumerate(block, start):
            length += len(folded(char))
            if length > min(places):
                return place
    return 0
