"""Requests for `search_talk`, «¿qué dije sobre X?», and what was found, in words."""

import re
from datetime import datetime
from typing import Any, cast

from app.errors import Locale
from app.llm.demo.asks import Ask
from app.llm.demo.retelling import in_language
from app.llm.demo.text import Utterance, quotations

TOOL = "search_talk"

_ABOUT = r"(?:sobre|acerca de|respecto a|en cuanto a|de(?:l)?|about|of|on|regarding)"
_SAID = (
    r"(?:(?:te |me |nos |os )?(?:he |has |hemos |habia |habias |habiamos )?"
    r"(?:dije|dijiste|dijimos|dicho|comente|comentaste|comentamos|comentado|conte|contaste|contado"
    r"|hable|hablaste|hablamos|hablado|mencione|mencionaste|mencionamos|mencionado|pregunte|preguntado))"
)
_WE_SAID = (
    r"(?:(?:did|have|had) (?:i|you|we) (?:say|said|tell|told|talk|talked|speak|spoken|mention|mentioned"
    r"|discuss|discussed|ask|asked)"
    r"|(?:i|you|we) (?:have |had )?(?:said|told|talked|mentioned|discussed|asked))"
    r"(?: (?:you|me|us))?"
)
_TALK = (
    r"(?:(?:en|dentro de|in|through) )?(?:esta|nuestra|la|el|this|our|the)? ?"
    r"(?:conversacion|charla|chat|conversation|talk)"
)
_FIND = r"(?:busca(?:me|r)?|encuentra(?:me)?|encontrar|search|find|look)"

_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"\b(?:que|lo que|cuando|donde) {_SAID} (?:antes |hoy |ayer )?{_ABOUT} (?P<topic>.+)",
        rf"\b(?:de|about) (?:que|what) {_SAID} {_ABOUT} (?P<topic>.+)",
        rf"\bcuando {_SAID} (?P<topic>.+)",
        rf"\b(?:what|when|where)(?: (?:was it|it was))?(?: that)? {_WE_SAID}"
        rf"(?: (?:earlier|before|today))? {_ABOUT} (?P<topic>.+)",
        rf"\bwhen {_WE_SAID} (?P<topic>.+)",
        rf"\b{_FIND} {_TALK} (?:(?:por|for|lo de|sobre|about|de) )?(?P<topic>.+)",
        rf"\b{_FIND} (?:for )?(?P<topic>.+?) {_TALK}\W*$",
    )
)
_TAIL = re.compile(
    rf"\s+(?:antes|hoy|ayer|hace un rato|al principio|earlier|before|today|at the beginning|{_TALK})\W*$"
)
_LEAD = re.compile(
    r"^\W*(?:(?:con|with|para|for|por|sobre|about|on|regarding|de|el|la|los|las|lo de|the"
    r"|palabras?|words?)\s+)*"
)
_SIGNS = " \t\n¿?¡!.,;:\"'«»“”"
_MAX_QUERY_CHARS = 200


def read(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """What a piece of text wants to find in the talk; empty if nothing."""
    for pattern in _PATTERNS:
        match = pattern.search(said.plain)
        if match:
            start, end = match.span("topic")
            return _about(said.cut(start, end))
    return _about(said) if forced else []


def _about(topic: Utterance) -> list[Ask]:
    quoted = quotations(topic.raw)
    lead = _LEAD.match(topic.plain)
    topic = topic.cut(lead.end()) if lead else topic
    tail = _TAIL.search(topic.plain)
    words = quoted[0].text if quoted else topic.raw[: tail.start() if tail else None]
    words = words.strip(_SIGNS)[:_MAX_QUERY_CHARS]
    return [Ask(TOOL, {"query": words}) if words else Ask(TOOL, missing="query")]


def tell_found(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    """What a search has found, in words; empty where the result has another form."""
    found = value.get("found")
    if not isinstance(found, list):
        return ""
    query = str(arguments.get("query", ""))
    entries = [cast(object, each) for each in cast(list[Any], found)]
    lines = [_line(cast(dict[str, Any], each), language) for each in entries if isinstance(each, dict)]
    if lines:
        head = _pick(
            language,
            f"Esto encuentro sobre «{query}» en nuestra conversación:",
            f"This is what I find about “{query}” in our talk:",
        )
    else:
        head = _pick(
            language,
            f"No encuentro nada sobre «{query}» en nuestra conversación.",
            f"I find nothing about “{query}” in our talk.",
        )
    own = (
        "Solo he buscado en lo que tengo en memoria.",
        "I have only searched what I have in memory.",
    )
    note = in_language(value["note"], language, own) if value.get("note") else ""
    return "\n".join(part for part in (head, *lines, note and f"({note.rstrip('.')}.)") if part)


def _line(found: dict[str, Any], language: Locale) -> str:
    who = _pick(language, "tú", "you") if found.get("who") == "user" else _pick(language, "yo", "I")
    when = _when(found.get("when"), language)
    text = str(found.get("text", ""))
    return f"- {who}{when}: " + _pick(language, f"«{text}»", f"“{text}”")


def _when(when: object, language: Locale) -> str:
    try:
        moment = datetime.fromisoformat(str(when))
    except ValueError:
        return ""
    shown = f"{moment:%Y-%m-%d %H:%M} UTC"
    return _pick(language, f", el {shown}", f", {shown}")


def _pick(language: Locale, es: str, en: str) -> str:
    return es if language == "es" else en
