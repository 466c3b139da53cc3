"""Markdown and addresses: what is there for the eye, and what of it is said."""

import re
from typing import Final

from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.numbers import integer

_FENCE: Final = re.compile(r"(`{3,}|~{3,})[^\n`]*(?:\n|$)")
_LINE_START: Final = re.compile(
    r"[ \t]*(?:(?P<rule>(?:[-*_=][ \t]*){3,}(?=\n|$)|\|?[ \t]*:?-{2,}[-:| \t]*(?=\n|$))"
    r"|(?P<heading>#{1,6}[ \t]+)|(?P<quote>>(?![0-9=])[ \t]?)|(?P<item>[-*+•‣▪][ \t]+(?:\[[ xX]\][ \t]+)?))"
)
_LINK: Final = re.compile(
    r"!?\[(?=[^\[\]\n]{0,300}\]\()|\]\((?:[^()\s]|\([^()\s]{0,200}\)){0,2000}(?:\s\"[^\"\n]{0,300}\")?\)"
)
_FOOTNOTE: Final = re.compile(r"\[\^?\d{1,3}\](?!\()")
_TAG: Final = re.compile(r"</?[A-Za-z][A-Za-z0-9]{0,15}(?:\s[^<>\n]{0,300})?/?>|<!--[^\n]{0,300}?-->")
_ADDRESS: Final = re.compile(
    r"<?(?:(?:https?|ftp|wss?)://|www\.)(?:[^\s/?#@<>]{1,100}@)?(?:www\.)?"
    r"(?P<host>[^\s/?#:<>()\[\]\"'«»]+)(?P<rest>[^\s<>\"«»]*)>?",
    re.IGNORECASE,
)
_MAIL: Final = re.compile(
    r"(?P<name>[A-Za-z0-9][\w.+-]{0,63})@(?P<host>[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5})"
)
_HOST: Final = re.compile(
    r"(?:[A-Za-z0-9-]{1,63}\.){1,4}(?:com|org|net|es|io|dev|mx|ar|cl|co|eu|uk|edu|gov|app|ai)(?:/[^\s<>\"«»]*)?(?![\w.]?\w)"
)
_ENTITY: Final = re.compile(r"&(?:nbsp|lt|gt|quot|#\d{1,6}|[a-z]{2,8});")
_LONGEST_INDENT: Final = 80
_TRAILING: Final = ".,;:!?)*_~'"
_SIGNS: Final = {
    ".": ("punto", "dot"),
    "-": ("guion", "dash"),
    "_": ("guion bajo", "underscore"),
    "+": ("más", "plus"),
}


def read_fence(place: ReadingContext) -> Said | None:
    """A block of code is named, not read."""
    opening = _FENCE.match(place.text, place.start)
    if opening is None or not _is_line_start(place):
        return None
    closing = re.compile(rf"\n[ \t]*{re.escape(opening[1])}[^\n]*").search(place.text, opening.end() - 1)
    words = "un bloque de código" if place.locale == "es" else "a block of code"
    return Said(words, closing.end() if closing else len(place.text), ".")


def read_line_start(place: ReadingContext) -> Said | None:
    """Signs that make a line a heading, an item, a quotation, a rule."""
    if not _is_line_start(place):
        return None
    found = _LINE_START.match(place.text, place.start)
    if found is None or (found["item"] is not None and _is_operand(place, found.end())):
        return None
    return Said("", found.end(), "")


def read_link(place: ReadingContext) -> Said | None:
    """A link's words are said, its address is not."""
    found = _LINK.match(place.text, place.start) or _FOOTNOTE.match(place.text, place.start)
    return Said("", found.end()) if found else None


def read_tag(place: ReadingContext) -> Said | None:
    """HTML is not said."""
    found = _TAG.match(place.text, place.start) or _ENTITY.match(place.text, place.start)
    return Said("", found.end()) if found else None


def read_address(place: ReadingContext) -> Said | None:
    """Of an address the host is said: the rest is there for clicking."""
    found = _ADDRESS.match(place.text, place.start)
    if found is not None:
        host = found["host"].rstrip(_TRAILING)
        end = found.end()
        if not found[0].endswith(">"):
            end = place.start + len(found[0].rstrip(_TRAILING))
        return Said(_spelled(host, place), max(end, found.start("host") + len(host)))
    if place.start and place.text[place.start - 1].isalnum():
        return None
    found = _MAIL.match(place.text, place.start)
    if found is not None:
        at = "arroba" if place.locale == "es" else "at"
        return Said(f"{_spelled(found['name'], place)} {at} {_spelled(found['host'], place)}", found.end())
    found = _HOST.match(place.text, place.start)
    if found is not None:
        whole = found[0].rstrip(_TRAILING)
        return Said(_spelled(whole.partition("/")[0], place), place.start + len(whole))
    return None


def _spelled(name: str, place: ReadingContext) -> str:
    """Return a host or a mailbox: its words, and its signs by their names."""
    parts: list[str] = []
    for part in re.findall(r"[^\W\d_]+|[0-9]+|[.\-_+]", name):
        sign = _SIGNS.get(part)
        if sign is not None:
            parts.append(sign[place.locale == "en"])
        elif part.isdecimal():
            parts.append(integer(part, place.locale))
        else:
            parts.append("".join(char for char in part if char.isalpha()))
    return " ".join(filter(None, parts))


def _is_line_start(place: ReadingContext) -> bool:
    line = place.text.rfind("\n", 0, place.start) + 1
    return place.start - line < _LONGEST_INDENT and not place.text[line : place.start].strip(" \t>")


def _is_operand(place: ReadingContext, end: int) -> bool:
    """Whether this is `- 5` within a sum that goes over lines: never, but after a number at its start."""
    return place.after_number and "\n" not in place.text[:end]
