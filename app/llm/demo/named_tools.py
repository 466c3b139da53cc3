"""Tools of any kind, called by their names: «usa la herramienta X con {...}», `X {"a": 1}`, `X(a=1)`."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from app.letters import bare
from app.llm.demo.extractors import EXTRACTORS
from app.llm.demo.intents import Intent
from app.llm.demo.matching import Match, read
from app.llm.demo.slots import Sentence, of_kind
from app.llm.demo.words import MAX_READ_CHARS

_NAMING = re.compile(
    r"(?:usa\w*|utiliza\w*|ejecuta\w*|llama\w*|invoca\w*|lanza\w*|prueba\w*|use|using|call|run|invoke|execute|try)"
    r"\s+(?:a\s+)?(?:(?:la|el|the|tu|your|una?)\s+)?(?:(?:herramienta|tool|funcion|function)\s+)?$"
    r"|(?:herramienta|tool|funcion|function)\s+$"
)
_PAIR = re.compile(r"\b([A-Za-z_]\w{0,60})\s*[=:]\s*(\"[^\"]*\"|'[^']*'|[^\s,;()]+)")
_LEAD = re.compile(
    r"[\s:,]*(?:(?:con|with|para|for|on|sobre|using|usando|to|the|los|el|la|un|una|a|argumentos?|arguments?"
    r"|parametros?|parameters?|de|of|in|en|mensaje|texto|valor|message|text|value)\b[\s:]*)*",
    re.I,
)


def named_tool(text: str, tools: Mapping[str, Mapping[str, Any]]) -> list[Intent]:
    """Return the call of a tool that the text names; empty where it names none."""
    text = text[:MAX_READ_CHARS]
    lower = text.lower()
    for name in sorted(tools, key=len, reverse=True):
        at = -1
        while (at := lower.find(name.lower(), at + 1)) >= 0:
            end = at + len(name)
            is_whole = not re.match(r"[\w-]", lower[end : end + 1]) and not re.search(r"[\w-]$", lower[:at])
            if is_whole and _is_named(bare(text[max(at - 60, 0) : at]), text[end:], name):
                return [_called(text[end:], name, tools[name])]
    return []


def _is_named(before: str, after: str, name: str) -> bool:
    """Return whether it is called, not only mentioned: a name such as `calculate` is a word as well."""
    is_word = "_" not in name and "-" not in name
    return (
        not is_word
        or bool(_NAMING.search(before))
        or bool(re.match(r"\(|\s*{", after) and not before.strip(" ¿¡"))
    )


def _called(rest: str, name: str, schema: Mapping[str, Any]) -> Intent:
    rest = rest.strip(" .?!")
    rest = rest[1:-1] if rest[:1] == "(" and rest[-1:] == ")" else rest
    sentence = read(rest)
    for token in of_kind(sentence, "{json}"):
        value: object = token.value
        if isinstance(value, dict):
            return Intent(name, cast(dict[str, Any], value))
    properties = cast(dict[str, dict[str, Any]], schema.get("properties", {}))
    required = cast(list[str], schema.get("required", []))
    if pairs := {
        key: _value(value, properties[key]) for key, value in _PAIR.findall(rest) if key in properties
    }:
        return Intent(name, pairs)
    lead = _LEAD.match(rest)
    words = rest[lead.end() if lead else 0 :]
    if name in EXTRACTORS:
        said = read(words)
        opening = Match(
            name,
            1.0,
            "{note}" if name == "remember" else "{text}",
            said if said.tokens else None,
        )
        found = EXTRACTORS[name](said, opening)
        return found[0] if found else Intent(name, missing=required[0] if required else "")
    return _with_words(words, sentence, name, properties, required)


def _with_words(
    words: str,
    sentence: Sentence,
    name: str,
    properties: Mapping[str, Mapping[str, Any]],
    required: list[str],
) -> Intent:
    """Return a tool from outside without JSON: if it takes one thing, that is what the user said."""
    wanted = required or list(properties)[:1]
    quotes = of_kind(sentence, "{quote}")
    said = (
        str(quotes[0].value)
        if quotes
        else re.sub(rf"^(?:{'|'.join(map(re.escape, wanted)) or '(?!)'})\b:?\s+", "", words).strip(
            " \t\n.?!,:;()"
        )
    )
    if not wanted or (len(wanted) == 1 and said):
        return Intent(name, {wanted[0]: _value(said, properties.get(wanted[0], {}))} if wanted else {})
    return Intent(name, missing=", ".join(required))


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """Return a word as the JSON value that the schema wants; the text itself where it is none."""
    said = text.strip("\"'")
    if schema.get("type") in ("string", None) and not schema.get("anyOf"):
        return said
    try:
        return json.loads(text)
    except ValueError:
        return said
