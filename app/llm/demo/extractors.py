"""What each tool is called with: takes the arguments out of a sentence whose intent is known.

Values are handed on as the user wrote them; the tools read places and numbers themselves.
"""

import re
from collections.abc import Callable
from typing import Any

from app.letters import bare
from app.llm.demo.http_request import request_of
from app.llm.demo.intents import Intent
from app.llm.demo.matching import Match, examples
from app.llm.demo.slots import Sentence, of_kind, places_in
from app.llm.demo.sums import Sum
from app.llm.demo.words import words

MAX_DELAY_S = 25.0
"""A longer wait is cut to this, so that it ends before the tool's own limit."""

MAX_CALLS = 8
"""More at once than this are not asked for."""

MAX_NOTE_CHARS, MAX_QUERY_CHARS = 300, 200
_SIGNS = " \t\n¿?¡!.,;:\"'«»“”"
_LANGUAGES = {"ingles": "en", "english": "en", "espanol": "es", "castellano": "es", "spanish": "es"}
_NAME_JOINTS = frozenset("de del la las los van von da dos".split())
_MAX_NAME_WORDS = 5
_FEW = 6


def _calculate(piece: Sentence, _: Match) -> list[Intent]:
    held: list[Any] = [each.value for each in [*of_kind(piece, "{sum}"), *of_kind(piece, "{date}")]]
    sums = [each for each in sorted(held, key=lambda each: each.first) if isinstance(each, Sum)]
    if any(each.is_equation and re.search(r"[a-z]", each.text) for each in sums):
        return [Intent("calculate", missing="an expression without unknowns")]
    if any(each.has_clock for each in [*sums, *(token.value for token in of_kind(piece, "{number}"))]):
        return [Intent("calculate", missing="an expression without times of day")]
    numbers = [token.value.text for token in of_kind(piece, "{number}")]
    joined = len(numbers) == 2 and any(token.key in ("y", "and") for token in piece.tokens)
    if not sums and (len(numbers) == 1 or joined):
        return [Intent("calculate", {"expression": " + ".join(numbers) if joined else numbers[0]})]
    if not sums and (quotes := of_kind(piece, "{quote}")):
        return [Intent("calculate", {"expression": str(quotes[0].value)})]
    return [Intent("calculate", {"expression": each.text}) for each in sums] or [
        Intent("calculate", missing="expression")
    ]


def _time(piece: Sentence, _: Match) -> list[Intent]:
    places = places_in(piece)
    return [Intent("get_current_time", {"timezone": place}) for place in places] or [
        Intent("get_current_time")
    ]


def _weather(piece: Sentence, _: Match) -> list[Intent]:
    found = [Intent("get_weather_info", {"location": place}) for place in places_in(piece)]
    return found or [Intent("get_weather_info", missing="location")]


def _text(piece: Sentence, match: Match) -> list[Intent]:
    quotes = [str(token.value) for token in of_kind(piece, "{quote}")]
    if match.rest and match.rest.tokens:
        ending = next((token for token in match.rest.tokens[:_FEW] if token.key == "{quote}"), None)
        # «…: "qué desastre"» is what stands between the quotes.
        is_quoted = ending is not None and len(piece.text) - ending.end < _FEW
        text = str(ending.value) if ending and is_quoted else piece.text[match.rest.tokens[0].start :].strip()
        if ":" not in piece.text[: match.rest.tokens[0].start]:
            text = text.rstrip("?").rstrip()
        return [Intent("text_analysis", {"text": text})]
    if quotes:
        return [Intent("text_analysis", {"text": max(quotes, key=len)})]
    return [Intent("text_analysis", missing="text")]


def delays_in(piece: Sentence) -> list[float]:
    """Return the durations that a sentence names, each in seconds and at most `MAX_DELAY_S`."""
    limited = [min(float(token.value), MAX_DELAY_S) for token in of_kind(piece, "{duration}")]
    return [int(seconds) if seconds == int(seconds) else seconds for seconds in limited]


def _slow_call(piece: Sentence, _: Match) -> list[Intent]:
    calls = [Intent("placeholder_api_call", {"delay_s": delay_s}) for delay_s in delays_in(piece)]
    counts = [token.value.text for token in of_kind(piece, "{number}") if token.value.text.isdigit()]
    if len(calls) <= 1 and counts:
        count = int(counts[0][:3])
        return (calls or [Intent("placeholder_api_call")]) * min(max(count, 1), MAX_CALLS)
    return calls or [Intent("placeholder_api_call")]


def _remember(piece: Sentence, match: Match) -> list[Intent]:
    said = match.rest.written.strip(_SIGNS)[:MAX_NOTE_CHARS] if match.rest else ""
    if match.opening == "{name}":
        name = _name(match.rest) if match.rest else ""
        return [Intent("remember", {"name": name})] if name else []
    if match.opening == "{note}":
        said_name = examples().nearest(match.rest, match.rest) if match.rest else None
        if said_name and said_name.opening == "{name}":
            return _remember(piece, said_name)
        return [Intent("remember", {"note": said})] if said else [Intent("remember", missing="note")]
    if match.opening == "{what}":
        return [
            Intent("remember", {"forget": re.sub(r"^(?:el|la|los|las|mi|the|my) ", "", said, flags=re.I)})
        ]
    keys = bare(piece.written).split()
    if language := next((_LANGUAGES[key] for key in keys if key in _LANGUAGES), ""):
        return [Intent("remember", {"language": language})]
    if not any(key.startswith(("olvid", "borra", "elimin", "forget", "delet", "eras")) for key in keys):
        return [Intent("remember", missing="note")]
    members = {"nombre": "name", "name": "name", "idioma": "language", "language": "language"}
    return [
        Intent("remember", {"forget": next((members[key] for key in keys if key in members), "everything")})
    ]


def _name(rest: Sentence) -> str:
    """Return the words of a name: the first one, and those behind it that begin with a capital."""
    written = re.match(r"[^\W\d_][\w'’-]*(?: [^\W\d_][\w'’-]*){0,5}", rest.written)
    found: list[str] = []
    for word in written[0].split()[:_MAX_NAME_WORDS] if written else ():
        if found and not (word[0].isupper() or word.lower() in _NAME_JOINTS):
            break
        found.append(word)
    while found and found[-1].lower() in _NAME_JOINTS:
        found.pop()
    if not found or found[0].lower() in words("no_names"):
        return ""
    return " ".join([found[0] if found[0][0].isupper() else found[0].capitalize(), *found[1:]])


def _search(piece: Sentence, match: Match) -> list[Intent]:
    rest = match.rest or piece
    quotes = of_kind(rest, "{quote}")
    if quotes:
        return [Intent("search_talk", {"query": str(quotes[0].value)[:MAX_QUERY_CHARS]})]
    said = rest.written.strip(_SIGNS)
    said = re.sub(r"^(?:(?:el|la|los|las|lo de|un|una|the|a|an|about|sobre) )+", "", said, flags=re.I)
    said = re.sub(
        r" (?:antes|hoy|ayer|hace un rato|al principio|earlier|before|today|yesterday)$", "", said, flags=re.I
    )
    query = said.strip(_SIGNS)[:MAX_QUERY_CHARS]
    return [Intent("search_talk", {"query": query}) if query else Intent("search_talk", missing="query")]


EXTRACTORS: dict[str, Callable[[Sentence, Match], list[Intent]]] = {
    "calculate": _calculate,
    "get_current_time": _time,
    "get_weather_info": _weather,
    "text_analysis": _text,
    "make_http_request": lambda piece, _: request_of(piece),
    "get_public_ip": lambda _, __: [Intent("get_public_ip")],
    "placeholder_api_call": _slow_call,
    "remember": _remember,
    "search_talk": _search,
}
"""By tool: the calls that a sentence near one of its examples asks for."""
