"""The HTTP request that a sentence with an address describes: method, headers and body."""

import json
import re
from typing import Any, cast
from urllib.parse import urlencode

from app.letters import bare
from app.llm.demo.intents import Intent
from app.llm.demo.slots import Sentence, of_kind
from app.llm.demo.words import TextPiece, data

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_SURE = 4
"""So many letters and fewer may begin other words too: `head` and `header`."""

_WITH_BODY = ("POST", "PUT", "PATCH")
_METHOD = re.compile(rf"\b(?:{'|'.join(METHODS)})\b")
_VALUE = r"\"[^\"]*\"|'[^']*'|“[^”]*”|«[^»]*»"
_HEADER = re.compile(
    rf"(?:(?:cabeceras?|headers?|encabezados?)\s+(?:de\s+)?([A-Za-z][\w-]{{0,60}})|\b([A-Za-z]\w{{0,30}}-[\w-]{{1,40}}|Authorization|Accept|Cookie))"
    rf"\s*(?:[:=]|con valor|with value|set to|\bto\b)\s*({_VALUE}|(?:Bearer|Basic|Token)\s+\S+|[^\s,;]+)",
    re.I,
)
_IS_FOR_HEADERS = re.compile(r"(?:cabeceras?|headers?|encabezados?)\s*:?\s*$", re.I)
_HEADER_WORDS = re.compile(
    r"(?:\b(?:y|and|con|with)\s+)?(?:(?:la|las|el|the|a)\s+)?(?:cabeceras?|headers?|encabezados?)\b", re.I
)
_BODY = re.compile(
    r"\b(?:con|with) (?:el |the |un |a )?(?:cuerpo|body|payload|texto|text)(?: de texto)?:?\s+(.+)",
    re.I | re.S,
)
_PAIR = re.compile(
    rf"(?<![\w.-])([^\W\d][\w.-]{{0,60}})\s*[=:]\s*({_VALUE}|[^\s,;&=][^,;&\n=]*?)(?=\s*(?:[,;&\n]|$)|\s+(?:y|and)\s|\s+[^\W\d]\w*\s*=)"
)
_WITH = re.compile(r"\b(?:con|with|using|usando)\b([^.!?\n]*)", re.I)
_WORD_PAIR = re.compile(
    rf"(?:(?:el|la|the|un|una|a) )?([^\W\d][\w.-]*) (?:(?:es|is|of) )?({_VALUE}|[^\s,;]+)", re.I
)
_BETWEEN = re.compile(r"\s*[,;]\s*(?:(?:y|and)\s+)?|\s+(?:y|and)\s+", re.I)
_NO_KEYS = frozenset("de del of que that lo la el the los las mis my datos data".split())


def request_of(piece: Sentence) -> list[Intent]:
    """The request that a sentence asks for; its address may be missing, or a body that cannot be read."""
    urls = of_kind(piece, "{url}")
    if not urls:
        return [Intent("make_http_request", missing="url")]
    around = _around(piece, urls[0])
    arguments: dict[str, Any] = {"url": _with_scheme(str(urls[0].value))}
    method = _method(piece, around)
    _add_json(piece, arguments)
    if headers := {(a or b): _unquoted(value.rstrip(".")) for a, b, value in _HEADER.findall(around)}:
        arguments["headers"] = {**headers, **arguments.get("headers", {})}
    if "json" not in arguments and (body := _body(piece, around)):
        arguments["body"] = body
    if method in _WITH_BODY and not arguments.keys() & {"json", "body"}:
        plain = _HEADER_WORDS.sub(" ", _HEADER.sub(" ", around))
        fields = _fields(plain)
        if not fields and any(
            word not in _NO_KEYS for match in _WITH.finditer(plain) for word in match[1].split()
        ):
            return [Intent("make_http_request", missing="body")]
        _add_fields(fields, arguments, is_form=bool(re.search(r"\bform", around, re.I)))
    if not method and arguments.keys() & {"json", "body"}:
        method = "POST"
    return [Intent("make_http_request", arguments | ({"method": method} if method else {}))]


def _around(piece: Sentence, url: TextPiece) -> str:
    """Return the sentence as written, without the address and without JSON, which may be long."""
    position, parts = piece.tokens[0].start, list[str]()
    for token in (*sorted((url, *of_kind(piece, "{json}")), key=lambda token: token.start), piece.tokens[-1]):
        parts.append(piece.text[position : token.start])
        position = token.end
    last = piece.tokens[-1]
    return " ".join(parts) + ("" if last.key in ("{url}", "{json}") else piece.text[last.start : last.end])


def _with_scheme(url: str) -> str:
    if "://" in url:
        return url
    return f"{'http' if re.match(r'localhost|[0-9.]+(?:[:/]|$)', url) else 'https'}://{url}"


def _method(piece: Sentence, around: str) -> str:
    if match := _METHOD.search(around):
        return match[0]
    keys = [token.key for token in piece.tokens]
    table = dict(each.split("=") for each in data("examples")["methods"].split())
    for i, key in enumerate(keys):
        if key == "get" and i and keys[i - 1] in ("un", "a", "metodo", "method", "using"):
            return "GET"
        for beginning, method in table.items():
            if key == beginning or (len(beginning) > _SURE and key.startswith(beginning)):
                return method
    return ""


def _add_json(piece: Sentence, arguments: dict[str, Any]) -> None:
    for token in of_kind(piece, "{json}"):
        value: object = token.value
        if _IS_FOR_HEADERS.search(piece.text[: token.start][-40:]) and isinstance(value, dict):
            arguments["headers"] = {k: str(each) for k, each in cast(dict[str, object], value).items()}
        else:
            arguments.setdefault("json", value)


def _body(piece: Sentence, around: str) -> str:
    for token in of_kind(piece, "{quote}"):
        if re.search(
            r"(?:cuerpo|body|payload|texto|text|mensaje|message|con|with|que diga)\s*:?\s*$",
            piece.text[: token.start][-30:],
            re.I,
        ):
            return str(token.value)
    match = _BODY.search(around)
    return match[1].strip(" .") if match else ""


def _fields(text: str) -> dict[str, object]:
    """Return the fields that a text gives, in their order; empty where none can be read for certain."""
    if pairs := _PAIR.findall(text):
        return {key: _value(value) for key, value in pairs}
    for match in _WITH.finditer(text):
        found = [_WORD_PAIR.fullmatch(part) for part in _BETWEEN.split(match[1].strip())]
        fields = {each[1]: _value(each[2]) for each in found if each and bare(each[1]) not in _NO_KEYS}
        if len(fields) == len(found):
            return fields
    return {}


def _add_fields(fields: dict[str, object], arguments: dict[str, Any], *, is_form: bool) -> None:
    if fields and is_form:
        arguments["body"] = urlencode(fields)
        arguments["headers"] = {
            **arguments.get("headers", {}),
            "Content-Type": "application/x-www-form-urlencoded",
        }
    elif fields:
        arguments["json"] = fields


def _value(text: str) -> object:
    text = text.strip()
    if text != _unquoted(text):
        return _unquoted(text)
    text = text.rstrip(".!?")
    is_json = re.fullmatch(r"-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?|true|false|null", text)
    return json.loads(text) if is_json else text


def _unquoted(text: str) -> str:
    return text[1:-1] if re.fullmatch(_VALUE, text) else text
