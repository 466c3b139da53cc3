"""Versions and addresses of machines."""

import re
from typing import Final

from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.numbers import integer

_CHAIN: Final = re.compile(
    r"(?P<v>[vV]\.?[ ]?)?(?P<chain>[0-9]{1,6}(?:\.[0-9]{1,6}){1,7})(?P<port>:[0-9]{1,5})?(?![0-9])"
)
_GROUPED: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{3})+")
_VERSION: Final = re.compile(r"[vV](?P<number>[0-9]{1,4})(?![\w.])")
_VERSIONED: Final = frozenset(
    "versión version v python java javascript node nodejs ubuntu debian android ios macos windows php gpt"
    " ruby swift kotlin django fedora postgresql mysql usb bluetooth http tls opencv numpy pytorch"
    " tensorflow claude gemini llama release angular react html css sección section apartado punto capítulo"
    " chapter go rust typescript excel wifi figura figure tabla table ejercicio exercise".split()
)


def read_chain(place: ReadingContext) -> Said | None:
    """Versions and addresses of machines: `192.168.1.1`, `v2.0`, and `3.11` behind a program's name."""
    if place.start and place.text[place.start - 1].isalnum():
        return None
    single = _VERSION.match(place.text, place.start)
    word = "versión" if place.locale == "es" else "version"
    if single is not None:
        return Said(f"{word} {integer(single['number'], place.locale)}", single.end())
    found = _CHAIN.match(place.text, place.start)
    if found is None:
        return None
    chain = found["chain"]
    points = chain.count(".")
    if _GROUPED.fullmatch(chain) and not found["v"] and not _is_machine(chain):
        return None
    if points == 1 and not found["v"] and place.before not in _VERSIONED:
        return None
    point = " punto " if place.locale == "es" else " point "
    said = point.join(integer(part, place.locale) for part in chain.split("."))
    end = found.end()
    if found["port"] and points == 3:
        colon = "dos puntos" if place.locale == "es" else "colon"
        said += f" {colon} {integer(found['port'][1:], place.locale)}"
    elif found["port"]:
        end = found.start("port")
    return Said(f"{word} {said}" if found["v"] and place.before != word else said, end)


def _is_machine(chain: str) -> bool:
    """Return whether this is an address of IPv4, though it could be a number in groups of three."""
    parts = chain.split(".")
    return len(parts) == 4 and all(part != "000" and int(part) <= 255 for part in parts)
