"""The name that somebody seems to have meant, for what they wrote."""

import re
from collections.abc import Collection, Iterable
from typing import Final

_MAX_CHARS: Final = 64
"""Longer names are compared by their beginning: it takes time by the square of the length."""


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return the known name that this one is a slip of, or another way to write; None where it is none.

    A slip is a letter too many, too few, another one, or two that changed places: one in eight letters, and
    one at least in four. Case and what stands between the words do not count. A word more or less, where the
    rest is the same, is the same name too, and so are the words in another order.
    """
    wanted, words = _bare(name), _words(name)
    best: tuple[int, str] | None = None
    for each in known:
        if _bare(each) == wanted:
            return each
        far = _distance(wanted, _bare(each), _allowed(wanted))
        if far is None and _is_same_but_a_word(words, _words(each)):
            far = _allowed(wanted) + 1
        if far is not None and (best is None or far < best[0]):
            best = (far, each)
    return best[1] if best is not None else None


def listed(names: Collection[str], most: int = 20) -> str:
    """The names as a sentence lists them; of many the first ones."""
    shown = ", ".join(sorted(names)[:most])
    return shown if len(names) <= most else f"{shown}, ..."


def _bare(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name[:_MAX_CHARS].lower())


def _words(name: str) -> list[str]:
    return [word for word in re.split(r"[^a-z0-9]+", name[:_MAX_CHARS].lower()) if word]


def _allowed(bare: str) -> int:
    return 0 if len(bare) < 4 else 1 if len(bare) <= 8 else 2 if len(bare) <= 16 else 3


def _is_same_but_a_word(given: list[str], known: list[str]) -> bool:
    if len(given) < 2 or len(known) < 2:
        return False
    if sorted(given) == sorted(known):
        return True
    shorter, longer = sorted((given, known), key=len)
    if len(longer) != len(shorter) + 1 or given[0] != known[0]:
        return False
    return any(longer[:place] + longer[place + 1 :] == shorter for place in range(len(longer)))


def _distance(left: str, right: str, most: int) -> int | None:
    """Return how many slips lie between two texts; None where there are more than that."""
    if abs(len(left) - len(right)) > most:
        return None
    before: list[int] = []
    row = list(range(len(right) + 1))
    for i, char in enumerate(left, 1):
        last, before, row = before, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (char != other))
            if i > 1 and j > 1 and char == right[j - 2] and left[i - 2] == other:
                cost = min(cost, last[j - 2] + 1)
            row.append(cost)
        if min(row) > most:
            return None
    return row[-1] if row[-1] <= most else None
