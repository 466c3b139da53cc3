"""Characters that nobody sees, and that a model reads all the same: they carry orders past the person.

Tag characters spell ASCII without showing a dot (U+E0000), variation selectors carry a byte each, zero-width
ones a bit each; controls of direction show a text in another order than it is read; private-use characters
mean what somebody has agreed on. What writing needs stays: the parts of emoji (families, flags, keycaps),
and the joiners of Persian, Hindi and other scripts, each alone and in its place.
"""

import re
import unicodedata
from typing import Final

# Lines and tabs stay, and so do signs that are format characters by name alone (U+0600, Arabic numbers).
_UNSEEN: Final = (
    "\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls
    "\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff"
    "\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a"
    "\u115f\u1160\u17b4\u17b5\u3164\uffa0"  # letters without a form
    "\ue000-\uf8ff"  # private use
    "\ufdd0-\ufdef\ufffe\uffff"  # no characters
    "\U000e0000-\U0010ffff"  # tags, selectors, private use, and nothing else
)
_FLAG: Final = "\U0001f3f4"
_FLAGS: Final = "|".join(
    _FLAG + "".join(chr(0xE0000 + ord(letter)) for letter in region) + "\U000e007f"
    for region in ("gbeng", "gbsct", "gbwls")
)
"""England, Scotland, Wales: the only flags whose tags stand for what is seen (Unicode's RGI set)."""

_ANY: Final = re.compile(f"[{_UNSEEN}]")
_NOT_LATIN: Final = re.compile("[^\t-\r -~\u00a0-\u00ac\u00ae-\u034e]")
"""Most texts have none of these, and so nothing unseen; looking for them takes a third of the time."""
_EACH: Final = re.compile(f"({_FLAGS})|[{_UNSEEN}]")

_NON_JOINER, _JOINER = "\u200c", "\u200d"
_EMOJI_FORM, _TEXT_FORM, _KEYCAP = "\ufe0f", "\ufe0e", "\u20e3"
_KEYS: Final = frozenset("0123456789#*")
_PICTURES: Final = frozenset({"So", "Sm"})
_MORE_PICTURES: Final = frozenset("\u203c\u2049\u2139\u3030\u303d")
_JOINING_SCRIPTS: Final = re.compile(
    "[\u0620-\u08ff\u0900-\u0dff\u1000-\u109f\u1780-\u17ff\u1820-\u18aa\ua840-\ua87f\ufb50-\ufdcf\ufdf0-\ufdff"
    "\ufe70-\ufefc\U00010a00-\U00011fff\U0001e900-\U0001e95f]"
)


def without_unseen(text: str) -> str:
    """Return the text without the characters that nobody sees, but for those that writing needs."""
    return _EACH.sub(_kept, text) if holds_unseen(text) else text


def holds_unseen(text: str) -> bool:
    """Return whether a character that nobody sees stands in the text, needed or not."""
    if text.isascii() and text.isprintable():
        return False
    odd = _NOT_LATIN.search(text)
    return odd is not None and _ANY.search(text, odd.start()) is not None


def _kept(found: re.Match[str]) -> str:
    if found[1]:
        return found[1]
    text, place = found.string, found.start()
    before = text[place - 1] if place else ""
    after = text[place + 1 : place + 2]
    char = found[0]
    if char in (_JOINER, _NON_JOINER):
        if before == _EMOJI_FORM:
            before = text[place - 2] if place > 1 else ""
        return char if _joins(char, before, after) else ""
    if char in (_EMOJI_FORM, _TEXT_FORM) and before:
        if before in _KEYS:
            return char if after == _KEYCAP else ""
        return char if _is_picture(before) else ""
    return ""


def _joins(char: str, before: str, after: str) -> bool:
    if not before or _ANY.match(after):
        return False
    if _JOINING_SCRIPTS.match(before):
        # A word may end in a joiner, which gives its last letter another form.
        return char == _JOINER or _JOINING_SCRIPTS.match(after) is not None
    is_after_picture = _is_picture(before) or unicodedata.category(before) == "Sk"
    return char == _JOINER and is_after_picture and bool(after) and _is_picture(after)


def _is_picture(char: str) -> bool:
    return unicodedata.category(char) in _PICTURES or char in _MORE_PICTURES
