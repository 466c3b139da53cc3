"""What each tool is called with: takes the arguments out of a sentence whose intent is known.

Values are handed on as the user wrote them; the tools read places and numbers themselves.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, cast

from app.letters import bare
from app.llm.demo.matching import Match
from app.llm.demo.slots import Sentence, places_in
from app.llm.demo.words import data, words

PLACE_ARGUMENT = {"get_current_time": "timezone", "get_weather_info": "location"}

MAX_DELAY_S = 25.0
"""A longer wait is cut to this, so that it ends before the tool's own limit."""

MAX_CALLS = 8
"""More at once than this are not asked for."""

MAX_NOTE_CHARS = 300
_MOST_SHOWN = 60
_FEW_CHARS = 6
_SIGNS = " \t\n¿?¡!.,;:\"'«»“”"
_ARTICLES = re.compile(r"^(?:(?:el|la|los|las|lo de|un|una|the|a|an|about|sobre) )+", re.I)
_WHEN = re.compile(r" (?:antes|hoy|ayer|hace un rato|al principio|earlier|before|today|yesterday)$", re.I)
_NAME = re.compile(
    r"[^\W\d_][\w'’-]*(?: (?:(?:del?|l[ao]s?|van|von|da|dos) ){0,2}[^\W\d_a-zà-ÿ][\w'’-]*){0,4}"
)
_LANGUAGES = {"ingles": "en", "english": "en", "espanol": "es", "castellano": "es", "spanish": "es"}
_MEMBERS = {"nombre": "name", "name": "name", "idioma": "language", "language": "language"}
_FORGETTING = ("olvid", "borra", "elimin", "forget", "delet", "eras")

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_METHOD = re.compile(rf"\b(?:{'|'.join(METHODS)})\b|(?<= un )get\b|(?<= a )get\b|(?<=using )get\b")
_SURE = 4
"""So many letters and fewer may begin other words too: `head` and `header`."""

_VALUE = r"\"[^\"]*\"|'[^']*'|“[^”]*”|«[^»]*»|(?:Bearer|Basic|Token) \S+|[^\s,;&]+"
_HEADERS = r"(?:cabeceras?|headers?|encabezados?)"
_HEADER = re.compile(
    rf"(?:{_HEADERS} ([A-Za-z][\w-]{{0,60}})"
    r"|\b([A-Za-z]\w{0,30}-[\w-]{1,40}|Authorization|Accept|Cookie))"
    rf"\s?(?:[:=]|con valor|with value|set to|\bto\b)\s?({_VALUE})",
    re.I,
)
_BODY = re.compile(r"\b(?:cuerpo|body|payload|texto|text|mensaje|message):?\s+(.+)", re.I | re.S)


@dataclass(frozen=True, slots=True)
class Intent:
    """A tool call that a text asks for.

    Attributes:
        missing: The required argument that the text does not give; empty where nothing is missing.
    """

    tool: str
    arguments: dict[str, Any] = field(default_factory=dict[str, Any])
    missing: str = ""

    def __str__(self) -> str:
        """What was understood, in short: `calculate: 2+2`."""
        values = [str(value) for value in self.arguments.values()]
        said = ", ".join(
            " ".join(value[:_MOST_SHOWN].split()) + "…" * (len(value) > _MOST_SHOWN) for value in values
        )
        return f"{self.tool}: {said}" if said else self.tool


def _calculate(piece: Sentence, _: Match) -> list[Intent]:
    sums = list(dict.fromkeys(str(token.value) for token in piece.tokens if token.key in ("{sum}", "{date}")))
    numbers = [str(token.value) for token in piece.of_kind("{number}")]
    if not sums and (len(numbers) == 1 or any(token.key in ("y", "and") for token in piece.tokens)):
        sums = [" + ".join(numbers)] if numbers else []
    sums = sums or [str(token.value) for token in piece.of_kind("{quote}")[:1] if not numbers]
    return [Intent("calculate", {"expression": each}) for each in sums] or [
        Intent("calculate", missing="expression")
    ]


def at_places(piece: Sentence, tool: str) -> list[Intent]:
    """Return a call for each place that a piece names, if the tool is one that takes a place."""
    places = places_in(piece) if tool in PLACE_ARGUMENT else []
    return [Intent(tool, {PLACE_ARGUMENT[tool]: place}) for place in places]


def _time(piece: Sentence, _: Match) -> list[Intent]:
    return at_places(piece, "get_current_time") or [Intent("get_current_time")]


def _weather(piece: Sentence, _: Match) -> list[Intent]:
    return at_places(piece, "get_weather_info") or [Intent("get_weather_info", missing="location")]


def _text(piece: Sentence, match: Match) -> list[Intent]:
    quotes = piece.of_kind("{quote}")
    if quotes and (not match.rest or len(piece.text) - quotes[-1].end < _FEW_CHARS):
        return [Intent("text_analysis", {"text": max((str(each.value) for each in quotes), key=len)})]
    if not match.rest:
        return [Intent("text_analysis", missing="text")]
    start = match.rest.tokens[0].start
    text = piece.text[start:].strip()
    return [Intent("text_analysis", {"text": text if ":" in piece.text[:start] else text.rstrip("? ")})]


def _slow_call(piece: Sentence, _: Match) -> list[Intent]:
    delays = [min(float(token.value), MAX_DELAY_S) for token in piece.of_kind("{duration}")]
    counts = [str(token.value) for token in piece.of_kind("{number}") if str(token.value).isdecimal()]
    times = min(max(int(counts[0][:3]), 1), MAX_CALLS) if counts and len(delays) < 2 else 1
    said = [{"delay_s": int(delay) if delay == int(delay) else delay} for delay in delays]
    return [Intent("placeholder_api_call", each) for each in said or [{}]] * times


def _remember(piece: Sentence, match: Match) -> list[Intent]:
    said = match.rest.written.strip(_SIGNS)[:MAX_NOTE_CHARS] if match.rest else ""
    keys = bare(piece.written).split()
    match match.opening:
        case "{name}":
            name = _NAME.match(said)
            is_name = name is not None and bare(name[0]) not in words("no_names")
            return (
                [Intent("remember", {"name": name[0][:1].upper() + name[0][1:]})] if name and is_name else []
            )
        case "{what}":
            return [Intent("remember", {"forget": _ARTICLES.sub("", said)})]
        case "{note}":
            return [Intent("remember", {"note": said})] if said else [Intent("remember", missing="note")]
        case _ if language := next((_LANGUAGES[key] for key in keys if key in _LANGUAGES), ""):
            return [Intent("remember", {"language": language})]
        case _ if any(key.startswith(_FORGETTING) for key in keys):
            member = next((_MEMBERS[key] for key in keys if key in _MEMBERS), "everything")
            return [Intent("remember", {"forget": member})]
        case _:
            return [Intent("remember", missing="note")]


def _search(piece: Sentence, match: Match) -> list[Intent]:
    rest = match.rest or piece
    quotes = rest.of_kind("{quote}")
    query = str(quotes[0].value) if quotes else _WHEN.sub("", _ARTICLES.sub("", rest.written.strip(_SIGNS)))
    query = query.strip(_SIGNS)[:MAX_NOTE_CHARS]
    return [Intent("search_talk", {"query": query}) if query else Intent("search_talk", missing="query")]


def _request(piece: Sentence, _: Match) -> list[Intent]:
    """The request that a sentence asks for; its address may be missing."""
    urls = piece.of_kind("{url}")
    if not urls:
        return [Intent("make_http_request", missing="url")]
    url = str(urls[0].value)
    is_local = re.match(r"localhost|[0-9.]+(?:[:/]|$)", url)
    arguments: dict[str, Any] = {"url": url if "://" in url else f"{'http' if is_local else 'https'}://{url}"}
    around = piece.written
    for token in (urls[0], *piece.of_kind("{json}")):
        written = piece.text[token.start : token.end]
        if token.key == "{json}":
            is_headers = re.search(
                rf"{_HEADERS}:?\s?$", piece.text[max(token.start - 30, 0) : token.start], re.I
            )
            arguments["headers" if is_headers else "json"] = token.value
        around = around.replace(written, " ", 1)
    if isinstance(headers := arguments.get("headers"), dict):
        arguments["headers"] = {name: str(value) for name, value in cast(dict[str, object], headers).items()}
    elif headers := {a or b: _unquoted(value).rstrip(".") for a, b, value in _HEADER.findall(around)}:
        arguments["headers"] = headers
    around = _HEADER.sub(" ", around)
    if "json" not in arguments and (body := _BODY.search(around)):
        arguments["body"] = _unquoted(body[1].strip(" ."))
    if method := _method(piece, around) or ("POST" if arguments.keys() & {"json", "body"} else ""):
        arguments["method"] = method
    return [Intent("make_http_request", arguments)]


def _method(piece: Sentence, around: str) -> str:
    if match := _METHOD.search(around):
        return match[0].upper()
    keys = [token.key for token in piece.tokens]
    for beginning, _, method in (each.partition("=") for each in data("examples")["methods"].split()):
        if any(key == beginning or (len(beginning) > _SURE and key.startswith(beginning)) for key in keys):
            return method
    return ""


def _unquoted(text: str) -> str:
    return text[1:-1] if re.fullmatch(r"\"[^\"]*\"|'[^']*'|“[^”]*”|«[^»]*»", text) else text


EXTRACTORS: dict[str, Callable[[Sentence, Match], list[Intent]]] = {
    "calculate": _calculate,
    "get_current_time": _time,
    "get_weather_info": _weather,
    "text_analysis": _text,
    "make_http_request": _request,
    "get_public_ip": lambda _, __: [Intent("get_public_ip")],
    "placeholder_api_call": _slow_call,
    "remember": _remember,
    "search_talk": _search,
}
"""By tool: the calls that a sentence near one of its examples asks for."""
