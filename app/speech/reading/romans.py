"""Roman numbers: of centuries, chapters, kings, popes and sequels."""

import re
from typing import Final

from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.numbers import cardinal, ordinal

_ROMAN: Final = re.compile(
    r"(?=[MDCLXVI])M{0,3}(?:CM|CD|D?C{0,3})(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3})(?![\w'’.]?\w)"
)
_SMALL: Final = re.compile(r"[IVX]{2,}\Z")
_NOT_NUMBERS: Final = frozenset(
    {"XL", "XXL", "XXXL", "CD", "DC", "MC", "CV", "MD", "CC", "DI", "LI", "MI", "MIX", "DL", "ML"}
)
_BEFORE: Final = frozenset(
    "siglo siglos capítulo capítulos tomo tomos volumen parte acto fase tipo título libro artículo anexo"
    " nivel grado clase etapa tema unidad lección episodio canto guerra mundial edición congreso cumbre"
    " olimpiada dinastía década sección punto century chapter chapters volume part parts act phase type"
    " title book article annex appendix level grade class stage section war bowl episode season edition"
    " scene canto mark generation gen dynasty tier".split()
)
_RULERS: Final = frozenset(
    "Felipe Fernando Alfonso Carlos Juan Isabel Luis Enrique Sancho Ramiro Jaime Pedro Pío Pablo Benedicto"
    " Francisco León Gregorio Clemente Inocencio Alejandro Urbano Julio Sixto Bonifacio Nicolás Catalina"
    " Guillermo Jorge Eduardo Ricardo Jacobo Ramsés Tutmosis Napoleón Leopoldo Alberto Balduino Federico"
    " Maximiliano José Mohamed Hassan Margarita Harald Gustavo Cristián Haakon Otón Teodosio Constantino"
    " Darío Jerjes Ptolomeo Amenofis Abderramán Ordoño Bermudo Ramón Berenguer Teobaldo Manuel Sebastián"
    " Iván María Cleopatra Bonaparte Adolfo Henry Louis Charles Elizabeth George Edward William James"
    " Richard John Paul Pope Pius Benedict Francis Leo Gregory Clement Innocent Alexander Urban Julius"
    " Philip Ferdinand Alfonso Catherine Nicholas Peter Frederick Napoleon Ramses Ramesses Thutmose Leopold"
    " Albert Baldwin Mary Anne Victoria Margaret Christian Gustav Harald Carl Rama Otto Constantine Darius"
    " Xerxes Ptolemy Amenhotep Ivan Robert David Malcolm Stephen Sixtus Boniface Wilhelm Ludwig Umberto"
    " Vittorio Emmanuel Manuel Umberto Cosimo Cleopatra Mehmed Murad Selim Suleiman".split()
)
_QUEENS: Final = frozenset("Isabel Catalina Margarita María Cleopatra Victoria Juana Ana Beatriz".split())
_ORDINALS_TO: Final = 10
_JOINED: Final = re.compile(r"(?P<word>\w+)\.? [MDCLXVI]+(?:,? (?:y|e|al?|and|to|through) |[-–/])\Z")
_NAME: Final = re.compile(r"(?P<name>[^\W\d_]+) \Z")
_TITLE: Final = re.compile(
    r"(?:War|Part|Act|Book|Chapter|Volume|Phase|Type|Section|Stage|Level|Class|Title) \Z"
)
_CENTURY: Final = re.compile(r"s(?P<many>s?)\. ?(?=[IVX]+(?!\w))")
_PRONOUN: Final = re.compile(r"[ ](?!(?:of|and|or|to|in|is|was|by|at|on|for|from|with|had)\b)[a-z']|['’]")
"""What follows the English "I"; a number is followed by "of", a verb in the third person, or nothing."""


def read_century(place: ReadingContext) -> Said | None:
    """`s. XX`."""
    if place.locale == "en" or (place.start and place.text[place.start - 1].isalnum()):
        return None
    found = _CENTURY.match(place.text, place.start)
    return Said("siglos" if found["many"] else "siglo", found.end()) if found else None


def read_roman(place: ReadingContext) -> Said | None:
    """`Luis XIV`, `siglos XV y XVI`, `Chapter IV`, `Rocky II`."""
    if place.start and place.text[place.start - 1].isalnum():
        return None
    found = _ROMAN.match(place.text, place.start)
    if found is None or not found[0]:
        return None
    near = place.text[max(0, place.start - 40) : place.start]
    numeral, number, locale = found[0], roman_value(found[0]), place.locale
    joined = _JOINED.search(near)
    if len(numeral) == 1 and (
        numeral not in "IVX"
        or (locale == "en" and _PRONOUN.match(place.text, found.end()) and not _TITLE.search(near))
    ):
        return None
    is_counted = place.before in _BEFORE and near.endswith((" ", ". "))
    if is_counted or (joined is not None and joined["word"].lower() in {*_BEFORE, "s", "ss"}):
        return Said(cardinal(number, locale), found.end())
    before = _NAME.search(near)
    if before is None or not before["name"][0].isupper() or before["name"].isupper():
        return None
    name = before["name"]
    if name not in _RULERS:
        is_sequel = _SMALL.match(numeral) is not None and numeral not in _NOT_NUMBERS and len(name) > 3
        return Said(cardinal(number, locale), found.end()) if is_sequel else None
    if locale == "en":
        return Said(f"the {ordinal(number, 'en')}", found.end())
    # Rulers are counted to ten by ordinals: "Felipe sexto", "Isabel segunda", but "Alfonso trece".
    is_ordinal = number <= _ORDINALS_TO
    return Said(
        ordinal(number, "es", feminine=name in _QUEENS) if is_ordinal else cardinal(number, "es"), found.end()
    )


def roman_value(numeral: str) -> int:
    """Return what a numeral stands for."""
    values = [{"I": 1, "V": 5, "X": 10, "L": 50, "C": 100, "D": 500, "M": 1000}[letter] for letter in numeral]
    pairs = zip(values, [*values[1:], 0], strict=True)
    return sum(-value if value < after else value for value, after in pairs)
