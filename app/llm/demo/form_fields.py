"""The fields of a write in words: `usuario=ana y clave=1`, `name: Ana, age: 5`, «con nombre Ana»."""

import json
import re

from app.llm.demo.text import fold
from app.llm.demo.vocabulary import FILLERS

_QUOTED = r"\"[^\"]*\"|'[^']*'|“[^”]*”|«[^»]*»"
_ITEM_END = r"(?=\s*(?:[,;&\n]|$)|\s+(?:y|e|and)\s|\s+[^\W\d][\w.-]*\s*=)"
_PAIR = re.compile(rf"(?<![\w.-])([^\W\d][\w.-]*)\s*[=:]\s*({_QUOTED}|[^\s,;&=][^,;&\n]*?){_ITEM_END}")
_LEAD = re.compile(
    r"\b(?:con|with)\s+(?:(?:el|la|los|las|un|una|unos|the|a|an|estos?|these|mis?|my|sus?|siguientes"
    r"|following|datos|data|campos?|fields?|parametros?|parameters?|formulario|form|valor|valores|values?)\b\s*)*:?\s*"
)
_ARTICLE = r"(?:(?:el|la|the|un|una|a)\s+)?"
_WORDS = re.compile(
    rf"{_ARTICLE}([^\W\d][\w.-]*)\s+(?:(?:es|is|igual a|de|of)\s+)?({_QUOTED}|[^\s,;]+)", re.I
)
_BETWEEN = re.compile(r"\s*[,;]\s*(?:(?:y|e|and)\s+)?|\s+(?:y|e|and)\s+", re.I)
_NO_KEYS = frozenset("de del of que that lo la el the timeout tiempo limite cuidado".split())
_ANNOUNCED = re.compile(r"\b(?:con|with|using|usando)\b([^.!?\n]*)")
_FORM = re.compile(r"\b(?:formulario|form|form-urlencoded|urlencoded)\b")

Fields = dict[str, object]


def fields_in(text: str) -> Fields:
    """The fields that a text gives, in their order; empty where it gives none that can be read for certain.

    Numbers, `true`, `false` and `null` become JSON values; what is quoted or begins with a needless zero is
    text.
    """
    pairs = _PAIR.findall(text)
    if pairs:
        return {key: _value(value) for key, value in pairs}
    for lead in _LEAD.finditer(fold(text)):
        found = [_WORDS.fullmatch(part) for part in _BETWEEN.split(text[lead.end() :].strip(" .!?\n"))]
        matches = [match for match in found if match]
        if matches and len(matches) == len(found) and not any(fold(m[1]) in _NO_KEYS for m in matches):
            return {match[1]: _value(match[2]) for match in matches}
    return {}


def announces_data(text: str) -> bool:
    """Whether a text says that something is to be sent along: «con los datos de siempre»."""
    return any(
        any(word not in FILLERS for word in re.findall(r"[^\W_]+", match[1]))
        for match in _ANNOUNCED.finditer(fold(text))
    )


def wants_form(text: str) -> bool:
    """Whether the fields are to be sent as a web form, not as JSON."""
    return bool(_FORM.search(fold(text)))


def _value(text: str) -> object:
    text = text.strip()
    if re.fullmatch(_QUOTED, text):
        return text[1:-1]
    text = text.rstrip(".!?")
    if re.fullmatch(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?|true|false|null", text):
        return json.loads(text)
    return text
