"""What a Spanish number agrees with: the noun that seems to follow."""

import re
from typing import Final

from app.speech.reading.base import ReadingContext
from app.speech.reading.numbers import Gender

_SPACE: Final = "[ \u00a0\u202f]"
NOUN: Final = re.compile(rf"{_SPACE}(?P<noun>[a-záéíóúñü]{{3,}})")
_NOUN_BEFORE: Final = frozenset({"página", "hoja", "habitación", "pregunta", "línea"})
_BIG: Final = re.compile(rf"{_SPACE}(?:millón|millones|billón|billones|mil)\b")
NO_NOUNS: Final = frozenset(
    "por más menos entre son que para con del los las una uno como desde hasta sobre pero según igual cada"
    " era fue es estaba está aproximadamente".split()
)
_FEMININE_ENDS: Final = (
    "a",
    "as",
    "ción",
    "ciones",
    "sión",
    "siones",
    "dad",
    "dades",
    "tud",
    "noche",
    "noches",
)
_MASCULINE: Final = frozenset(
    "día días problema problemas idioma idiomas mapa mapas programa programas sistema sistemas tema temas"
    " planeta planetas clima climas diagrama diagramas drama poema poemas síntoma síntomas".split()
)
_FEMININE: Final = frozenset(
    "mujer mujeres clase clases calle calles llave llaves veces vez partes serie series".split()
)


def gender_of(place: ReadingContext, end: int) -> Gender:
    """Return what a Spanish number agrees with: the noun that seems to follow."""
    if place.locale == "en":
        return "alone"
    if _BIG.match(place.text, end):
        return "masculine"
    if place.before in _NOUN_BEFORE:
        return "feminine"
    found = NOUN.match(place.text, end)
    if found is None or found["noun"] in NO_NOUNS:
        return "alone"
    noun = found["noun"]
    if noun in _FEMININE:
        return "feminine"
    return "feminine" if noun.endswith(_FEMININE_ENDS) and noun not in _MASCULINE else "masculine"
