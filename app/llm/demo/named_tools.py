"""Tools that are called by their names: «usa la herramienta X con {...}», `X {"a": 1}`, `X(a=1)`."""

import json
import re
from collections.abc import Mapping
from typing import Any, cast

from app.llm.demo.asks import Ask
from app.llm.demo.readers import READERS
from app.llm.demo.text import Utterance, json_spans, quotations

_NAMING = (
    r"(?:(?:usa\w*|utiliza\w*|emplea\w*|ejecuta\w*|llama\w*|invoca\w*|corre\w*|lanza\w*"
    r"|prueba\w*|use|using|call|run|invoke|execute|try|do)"
    r"\s+(?:a\s+)?(?:(?:la|el|the|tu|your|una?)\s+)?(?:(?:herramienta|tool|funcion"
    r"|function)\s+)?|(?:herramienta|tool|funcion|function)\s+)"
)


_PAIR = re.compile(r"\b([A-Za-z_]\w*)\s*[=:]\s*(\"[^\"]*\"|'[^']*'|[^\s,;()]+)")


_ARGUMENT_LEAD = re.compile(
    r"^\W*(?:(?:con|with|para|for|on|sobre|using|usando|the|los|el|la|un|una|a|argumentos?"
    r"|arguments?|parametros?|parameters?|args|de|of|in|en)\b\W*)+|^[\s:,(]+"
)


def named_tool(said: Utterance, tools: Mapping[str, Mapping[str, Any]]) -> list[Ask]:
    """A tool that the text calls by its name: «usa la herramienta X con {...}», `X {"a": 1}`, `X(a=1)`."""
    for name in sorted(tools, key=len, reverse=True):
        naming = "" if "_" in name or "-" in name else _NAMING
        match = re.compile(rf"(?<![\w-])({naming}){re.escape(name.lower())}(?![\w-])").search(said.plain)
        if match is None and not naming:
            continue
        if match is None:
            match = re.compile(rf"^\W*()(?:{re.escape(name.lower())})(?=\s*[({{])").search(
                said.plain
            ) or _before_json(said, name)
        if match and not (naming and name in READERS and not _mentions_tool(match[0])):
            return [_called(said, match.end(), name, tools[name])]
    return []


def _mentions_tool(phrase: str) -> bool:
    """`calculate` and the like are words too: «usa calculate» is a call, “do calculate” is a request."""
    return bool(
        re.search(
            r"herramienta|tool|funci?on|function|^\W*(?:usa|use|using|utiliza|ejecuta|invoca|invoke"
            r"|run|call|llama)|^\W*\w+$",
            phrase,
        )
    )


def _before_json(said: Utterance, name: str) -> re.Match[str] | None:
    return (
        re.compile(rf"(?<![\w-])()(?:{re.escape(name.lower())})(?=\s*\ue000)").search(said.plain)
        if json_spans(said.raw)
        else None
    )


def _called(said: Utterance, end: int, name: str, schema: Mapping[str, Any]) -> Ask:
    rest = said.cut(end)
    for _, _, value in json_spans(rest.raw):
        if isinstance(value, dict):
            return Ask(name, cast(dict[str, Any], value))
    properties = cast(dict[str, dict[str, Any]], schema.get("properties", {}))
    required = cast(list[str], schema.get("required", []))
    pairs = {
        key: _value(value, properties[key]) for key, value in _PAIR.findall(rest.raw) if key in properties
    }
    if pairs:
        return Ask(name, pairs)
    if name in READERS:
        lead = _ARGUMENT_LEAD.match(rest.plain)
        bare = rest.cut(lead.end()) if lead and name == "text_analysis" else rest
        if name == "text_analysis" and bare.raw.strip():
            quoted = quotations(bare.raw)
            return Ask(name, {"text": quoted[0].text if quoted else bare.raw.strip()})
        found = READERS[name](rest, None, True)
        return found[0] if found else Ask(name, missing=required[0] if required else "")
    return _called_with_words(rest, name, properties, required)


def _called_with_words(
    rest: Utterance, name: str, properties: Mapping[str, Mapping[str, Any]], required: list[str]
) -> Ask:
    """A tool from outside without JSON: if it takes one thing, that is what the user said."""
    wanted = required or list(properties)[:1]
    if not wanted:
        return Ask(name)
    lead = re.match(
        rf"(?:{_ARGUMENT_LEAD.pattern})(?:(?:{'|'.join(map(re.escape, wanted))}|mensaje|texto"
        rf"|valor|message|text|value)\b:?\s+)?",
        rest.plain,
    )
    quoted = quotations(rest.raw)
    text = quoted[0].text if quoted else rest.raw[lead.end() if lead else 0 :].strip(" \t\n.?!,:;()")
    if len(wanted) == 1 and text:
        return Ask(name, {wanted[0]: _value(text, properties.get(wanted[0], {}))})
    return Ask(name, missing=", ".join(required) if required else "")


def _value(text: str, schema: Mapping[str, Any]) -> Any:
    """A word as the JSON value that the schema wants; the text itself where it is none."""
    bare = text.strip("\"'")
    if schema.get("type") in ("string", None) and not schema.get("anyOf"):
        return bare
    try:
        return json.loads(text)
    except ValueError:
        return bare
