"""Reads a model's word that the user has not finished, also where it is not written quite as it was told."""

import re
from typing import Final, Literal

Reading = Literal["open", "mark", "beside", "text"]
"""What an answer is: nothing that tells, so far; the mark alone; the mark beside a text; a text."""

_FORMS: Final = ("<wait/>", "<wait>", "</wait>")
_ALONE: Final = re.compile(r"(?:</?wait/?>?)+[.…]*")
_AT_END: Final = re.compile(r"</?wait/?>[.…]*$")

_PUT_AROUND: Final = re.compile(r"[\s\"'`´“”„«»‘’*_]+")
"""What models put around a word, and blanks within a tag."""

_SHORT: Final = 100
"""Characters of an answer that the mark at its end makes a remark on it; in a longer one it is text."""


def read_mark(answer: str, *, is_whole: bool) -> Reading:
    """Return what an answer says of whether the user has finished (`WAIT`).

    Case, quotes, markdown and blanks are overlooked, and how the tag is closed.

    Args:
        answer: Its text, or the beginning of it.
        is_whole: Whether no more of it comes.
    """
    said = answer.strip()
    bare = _PUT_AROUND.sub("", said[: 2 * _SHORT]).lower()
    if is_whole and len(said) <= _SHORT:
        if _ALONE.fullmatch(bare):
            return "mark"
        if _AT_END.search(bare):
            return "beside"
    if bare.startswith(_FORMS):
        return "beside"
    may_become_it = any(form.startswith(bare) for form in _FORMS)
    return "open" if may_become_it and not is_whole else "text"
