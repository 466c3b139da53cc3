"""Letters and digits together: chemical formulas, names (`B12`, `5G`), plates, cards, long identifiers."""

import re
from typing import Final

from app.errors import Locale
from app.speech.reading.base import ReadingContext, Said
from app.speech.reading.lexicon import LETTERS
from app.speech.reading.numbers import cardinal, digits, integer
from app.speech.reading.units import unit_after

_ELEMENTS: Final = (
    "He|Li|Be|Ne|Na|Mg|Al|Si|Cl|Ar|Ca|Sc|Ti|Cr|Mn|Fe|Co|Ni|Cu|Zn|Ga|Ge|As|Se|Br|Kr|Rb|Sr|Zr|Nb|Mo|Tc|Ru|Rh|Pd|Ag"
    "|Cd|In|Sn|Sb|Te|Xe|Cs|Ba|La|Ce|Hf|Ta|Re|Os|Ir|Pt|Au|Hg|Tl|Pb|Bi|Po|At|Rn|Fr|Ra|Ac|Th|Pa|Np|Pu|Am"
    "|H|B|C|N|O|F|P|S|K|V|Y|I|W|U"
)
_SUB: Final = "₀₁₂₃₄₅₆₇₈₉"
_FORMULA: Final = re.compile(
    rf"(?P<body>(?:(?:{_ELEMENTS})[0-9{_SUB}]{{0,3}}|\((?=[^()]{{1,20}}\)[0-9{_SUB}])|\)[0-9{_SUB}]{{1,2}})+)"
    r"(?P<charge>[⁰¹²³⁴⁵⁶⁷⁸⁹]?[⁺⁻]|\+(?![\w+]))?(?![\w'’])"
)
_COUNTED: Final = re.compile(r"(?<![\w.,])[0-9]{1,2}\Z")
"""How many of it: `2H₂O`."""
_FORMULA_BEFORE: Final = re.compile(rf"(?:[A-Z][a-z]?[0-9{_SUB}]?|\)[0-9{_SUB}])[⁺⁻+]? ?\Z")
_FORMULA_BEHIND: Final = re.compile(
    rf" ?[0-9]{{0,2}} ?(?:{_ELEMENTS})(?:[A-Z0-9{_SUB}(⁺⁻ +]|[a-z][A-Z0-9{_SUB}]|\Z)"
)
_FORMULA_PART: Final = re.compile(rf"(?P<letters>[A-Za-z]+)|(?P<number>[0-9{_SUB}]+)")
_SALT: Final = re.compile(
    r"(?:Na|Li|Mg|Al|Ca|Ag|Cu|Fe|Zn|Ba|Hg|Pb|Sn|K|H|Cs|Rb|Si|Ga|Cd|Ti|Ni|Co)(?:Cl|Br|OH|CN|F|I|O|S|N|As|H|C|Te|Se)+\Z"
)
_SALT_LOOKALIKES: Final = frozenset(
    {"HI", "KO", "HO", "HC", "HN", "HS", "OH", "CO", "NO", "COO", "NiCO", "CaN", "NaN"}
)
_PLAIN: Final = str.maketrans("₀₁₂₃₄₅₆₇₈₉⁰¹²³⁴⁵⁶⁷⁸⁹", "01234567890123456789")

_UUID: Final = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}(?!\w)")
_HASH: Final = re.compile(
    r"(?:0x)?(?:[0-9a-f]{24,}|[0-9A-F]{24,}|(?=[A-Za-z]{0,60}[0-9])(?=[0-9]{0,60}[A-Za-z])[A-Za-z0-9_-]{24,200})(?!\w)"
)
_CARD: Final = re.compile(r"[0-9]{4}(?P<sign>[ -])[0-9]{4}(?P=sign)[0-9]{4}(?:(?P=sign)[0-9]{3,4})?(?![0-9])")
_IBAN: Final = re.compile(r"[A-Z]{2}[0-9]{2}(?:[ ]?[0-9A-Z]{4}){3,7}(?:[ ]?[0-9A-Z]{1,3})?(?!\w)")
_PLATE: Final = re.compile(r"[0-9]{4}[ -]?[BCDFGHJKLMNPRSTVWXYZ]{3}(?!\w)")
_CODE: Final = re.compile(
    r"(?=[A-ZÑ-]{0,60}[0-9])(?=[0-9-]{0,60}[A-ZÑ])[A-ZÑ0-9]{1,20}(?:-[A-ZÑ0-9]{1,20}){0,4}(?![\w.,]?[0-9])(?![a-zñ²³€$£%₀-₉]|:[0-9])"
)
_ZONE: Final = re.compile(r"(?:UTC|GMT)-[0-9]")
_FLOWN: Final = frozenset({"vuelo", "flight", "gate", "puerta"})
_RUN: Final = re.compile(r"[A-ZÑ]+|[0-9]+")
_WORD: Final = re.compile(r"[A-ZÑ]{4,}\Z")
_VOWEL: Final = re.compile(r"[AEIOU]")
_GROUPS: Final = re.compile(r"[0-9]{1,8}(?:-[0-9]{1,8}){2,6}(?:-[0-9X])?(?![0-9-])")
"""Numbers of books and insurances; dates have fewer digits."""
_MAC: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}(?!\w)")
_DIGITS_OF_DATES: Final = 8
_SAID_AS_NUMBER: Final = 3


def spelled(letters: str, locale: Locale) -> str:
    """Letter by letter; what is no letter of the language's is left out."""
    names = LETTERS[locale]
    return " ".join(names[char].replace("_", " ") for char in letters.lower() if char in names)


def read_chemistry(place: ReadingContext) -> Said | None:
    """`H2O`, `Ca(OH)₂`, `NaCl`, `Ca²⁺`."""
    text, start = place.text, place.start
    if text[start] in "→⇌" or text.startswith("->", start):
        return _read_reaction(place)
    if not "A" <= text[start] <= "Z" or (_is_inside_word(place) and not _COUNTED.search(text[:start][-4:])):
        return None
    found = _FORMULA.match(place.text, place.start)
    if found is None:
        return None
    body, charge = found["body"], found["charge"] or ""
    has_digits = re.search(rf"[0-9{_SUB}]", body) is not None
    is_salt = _SALT.match(body) is not None and not body.isupper() and body not in _SALT_LOOKALIKES
    has_index = re.search(f"[{_SUB}]", body) is not None or charge not in ("", "+")
    is_compound = has_digits and (re.search("[a-z]", body) is not None or len(re.findall("[A-Z]", body)) > 1)
    if not (is_salt or has_index or is_compound or (charge and body in ("H", "Na", "K", "Li", "Ag"))):
        return None
    if charge == "+" and not (is_salt or has_index or is_compound or body in ("H", "Na", "K", "Li", "Ag")):
        charge = ""
    words: list[str] = []
    for part in _FORMULA_PART.finditer(body):
        if part["letters"]:
            words.append(spelled(part["letters"], place.locale))
        else:
            words.append(integer(part["number"].translate(_PLAIN), place.locale))
    words.append(_charge(charge, place.locale))
    return Said(" ".join(filter(None, words)), found.end())


def _read_reaction(place: ReadingContext) -> Said | None:
    """Return the arrow between two formulas; elsewhere it is the way through a menu."""
    text, start = place.text, place.start
    end = start + (2 if text[start] == "-" else 1)
    if not (_FORMULA_BEFORE.search(text[:start][-20:]) and _FORMULA_BEHIND.match(text, end)):
        return None
    if text[start] == "⇌":
        return Said("en equilibrio con" if place.locale == "es" else "in equilibrium with", end)
    return Said("da" if place.locale == "es" else "yields", end)


def read_identifier(place: ReadingContext) -> Said | None:
    """Long identifiers by their length, cards, accounts and plates digit by digit."""
    if _is_inside_word(place):
        return None
    text, start, locale = place.text, place.start, place.locale
    for pattern in (_UUID, _HASH):
        found = pattern.match(text, start)
        if found is not None and not found[0].isdigit():
            count = cardinal(len(found[0]), locale, "masculine")
            many = f"un identificador de {count} caracteres"
            return Said(many if locale == "es" else f"an identifier of {count} characters", found.end())
    for pattern in (_CARD, _IBAN, _PLATE, _MAC):
        found = pattern.match(text, start)
        if found is not None:
            groups = re.split(r"[ :-]", found[0])
            return Said(", ".join(_one_by_one(group, locale) for group in groups), found.end())
    found = _GROUPS.match(text, start)
    if found is not None and sum(char.isdigit() for char in found[0]) > _DIGITS_OF_DATES:
        return Said(", ".join(_one_by_one(group, locale) for group in found[0].split("-")), found.end())
    return None


def read_code(place: ReadingContext) -> Said | None:
    """`B12`, `5G`, `A1B2C3`, `COVID-19`, `12345678Z`."""
    if _is_inside_word(place):
        return None
    found = _CODE.match(place.text, place.start)
    if found is None:
        return None
    text = found[0]
    if _ZONE.match(text):
        return None
    leading = re.match("[0-9]+", text)
    if leading is not None and unit_after(place.text, place.start + leading.end(), place.locale) is not None:
        return None
    runs = _RUN.findall(text)
    words: list[str] = []
    if place.before in _FLOWN and len(runs) == 2 and runs[0].isalpha():
        return Said(f"{spelled(runs[0], place.locale)} {_one_by_one(runs[1], place.locale)}", found.end())
    for run in runs:
        if run.isdigit():
            words.append(_number_of_code(run, place.locale))
        elif _WORD.match(run) and _VOWEL.search(run) and len(runs) == 2:
            words.append(run.lower())
        else:
            words.append(spelled(run, place.locale))
    return Said(" ".join(words), found.end())


def _number_of_code(run: str, locale: Locale) -> str:
    """Up to three digits are a number, as in `B737`; more are said one by one."""
    return integer(run, locale) if len(run) <= _SAID_AS_NUMBER else digits(run, locale).replace(",", "")


def _one_by_one(group: str, locale: Locale) -> str:
    words: list[str] = []
    for run in re.findall("[0-9]+|[A-Za-z]+", group):
        words.append(digits(run, locale).replace(",", "") if run.isdigit() else spelled(run, locale))
    return " ".join(words)


def _charge(charge: str, locale: Locale) -> str:
    if not charge:
        return ""
    number = charge[:-1].translate(_PLAIN)
    plus = ("más", "plus") if charge[-1] in "⁺+" else ("menos", "minus")
    return f"{integer(number, locale) if number else ''} {plus[locale == 'en']}".strip()


def _is_inside_word(place: ReadingContext) -> bool:
    before = place.text[place.start - 1 : place.start] if place.start else ""
    return before.isalnum() or before in ("_", ".")
