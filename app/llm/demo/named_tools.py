"""Tools of any kind, called by their names, with JSON: «usa la herramienta X con {...}», `X {"a": 1}`."""

import re
from collections.abc import Mapping
from typing import Any, cast

from app.letters import bare
from app.llm.demo.extractors import Intent
from app.llm.demo.words import MAX_READ_CHARS, tokens_of

_NAMING = re.compile(
    r"(?:(?:usa|utiliza|ejecuta|llama|invoca|lanza|prueba)\w*|use|using|call|run|invoke|execute|try|^[¿¡\s]*)"
    r"\s*(?:a\s+)?(?:(?:la|el|the|tu|your|una?)\s+)?(?:(?:herramienta|tool|funcion|function)\s+)?$"
    r"|(?:herramienta|tool|funcion|function)\s+$"
)


def named_tool(text: str, tools: Mapping[str, Mapping[str, Any]]) -> Intent | None:
    """Return the call of a tool that the text names; None where it names none."""
    lower = text[:MAX_READ_CHARS].lower()
    for name in sorted(tools, key=len, reverse=True):
        match = re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", lower)
        # A name such as `calculate` is a word as well: it is called, or only mentioned.
        is_word = "_" not in name and "-" not in name
        if match and (
            not is_word
            or _is_called(bare(text[max(match.start() - 60, 0) : match.start()]), text[match.end() :])
        ):
            return _called(text[match.end() :], name, tools[name])
    return None


def _is_called(before: str, behind: str) -> bool:
    return bool(_NAMING.search(before)) and bool(before.strip(" ¿¡") or re.match(r"\(|\s?{", behind))


def _called(rest: str, name: str, schema: Mapping[str, Any]) -> Intent:
    for value in (cast(object, token.value) for token in tokens_of(rest)):
        if isinstance(value, dict):
            return Intent(name, cast(dict[str, Any], value))
    return Intent(name, missing=", ".join(schema.get("required", [])))
