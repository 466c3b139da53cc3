"""Requests for `make_http_request` and `get_public_ip`."""

import json
import re
from typing import Any, cast
from urllib.parse import urlencode

from app.llm.demo.asks import Ask
from app.llm.demo.form_fields import announces_data, fields_in, wants_form
from app.llm.demo.text import BARE_HOST, URL, Utterance, fold, json_spans, quotations
from app.llm.demo.vocabulary import FILLERS

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
_WITH_BODY = ("POST", "PUT", "PATCH")

_OPENING = {")": "(", "]": "[", "}": "{"}
_METHOD = re.compile(rf"\b(?:{'|'.join(METHODS)})\b")
_METHOD_WORDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("DELETE", re.compile(r"\b(?:borr[aeo]\w*|elimin\w+|delete|deleting|remove|removing)\b")),
    ("PATCH", re.compile(r"\b(?:parchea|patch|actualiza(?:r)? parcialmente)\b")),
    ("PUT", re.compile(r"\b(?:actuali[zc]\w+|update|replace|reempla[zc]\w+|put)\b")),
    (
        "HEAD",
        re.compile(
            r"\b(?:head|solo (?:las )?cabeceras de|only the headers|just the headers|cabeceras de respuesta"
            r"|response headers)\b"
        ),
    ),
    (
        "POST",
        re.compile(
            r"\b(?:post|publi(?:ca|que)\w*|postea\w*|envi[aeo]\w*|mand[aeo]\w*|send|submit|sub[ae]\w*|upload|cre[ae]\w*|create)\b"
        ),
    ),
    ("OPTIONS", re.compile(r"\boptions\b")),
    # “Get me the page” is no mention of a method.
    (
        "GET",
        re.compile(r"\b(?:un|una|a|hazme|metodo|method|peticion|request) get\b|\bget (?:request|a|to)\b"),
    ),
)
# Whoever sends a request has not said that it is a POST.
_SENT_REQUEST = re.compile(
    r"\b(?:envi|mand|cre|send|submit|create)\w* (?:una?|an?|la|the|otra|another)? ?(?:\w+ )?"
    r"(?:peticion|solicitud|request|llamada|call|consulta|query|ping)\b"
)
_VERBS = re.compile(
    r"\b(?:haz\w*|hac\w+|has|haga|pide\w*|pedir|solicita\w*|consulta\w*|descarga\w*|baja\w*"
    r"|trae\w*|obten\w*|lee\w*|leer|abre|abrir|visita\w*|carga\w*|llama\w*"
    r"|conecta\w*|accede\w*|busca\w*|mira\w*|comprueba\w*|revisa\w*|chequea\w*|prueba\w*"
    r"|muestra\w*|ensena\w*|dime|dame|saca\w*|recupera\w*|entra\w*|ve|verifica\w*"
    r"|contenido|respuesta|responde\w*|devuelve|hay en|dice|peticion\w*|solicitud\w*|request"
    r"|requests|fetch\w*|download\w*|get|grab|retrieve|pull|load|open|visit|read"
    r"|call|hit|query|check|ping|curl|wget|access|show|tell|look|see|what|content|contents"
    r"|response|respond\w*|returns?|make|do|perform|issue|try|test|http"
    r"|envia\w*|manda\w*|send|submit|post|put|patch|delete|head|options|borra\w*|elimina\w*"
    r"|actualiza\w*|update|remove|publica\w*|crea|create|postea|go|lanza\w*|ejecuta\w*"
    r"|funciona|works?|esta (?:caido|activo|vivo|arriba)|up|down|alive|invoca\w*|extrae"
    r"|extract|scrape|examina|inspect)\b"
)
_MENTIONED = re.compile(
    r"\b(?:mi|my|nuestr[oa]|our|su|his|her|their) (?:\w+ ){0,3}?(?:es|is|esta en|se llama|:)"
    r"|\b(?:trabajo|vivo|estudio|i work|i live|i study|i made"
    r"|me gust\w+|i (?:really )?(?:like|liked|love|loved|saw|read|found|use|bought)"
    r"|he (?:visto|leido|encontrado|hecho)|lei|vi|encontre|uso|compre|soy de)\b"
)
_NOUNS = re.compile(
    r"\b(?:(?:peticion|solicitud|llamada|consulta|request|call|get|post|put|delete|patch"
    r"|head)(?:es|s)? (?:http|https|web|rest|get|post|put|delete|patch|head)"
    r"|(?:http|https|rest|get|post|put|patch|delete|head) (?:request|call|peticion|solicitud|llamada)s?"
    r"|(?:haz|hacer|hagas|make|send|do|lanza|perform) (?:me )?(?:un|una|a|an|la"
    r"|the) (?:peticion|request|solicitud|get|post|put|patch|delete)"
    r"|(?:descarga|abre|consulta|fetch|download|open|lee|read|visita|visit) (?:(?:una|esta|la"
    r"|esa|this|the|a|that) )?(?:url|pagina|page|web|website|sitio))\b"
)
_HEADER = re.compile(
    r"(?P<name>(?:X-[A-Za-z0-9-]+|Authorization|Accept(?:-[A-Za-z]+)?|Content-[A-Za-z]+"
    r"|User-Agent|If-[A-Za-z-]+|Cache-Control|Cookie|Origin|Referer"
    r"|[A-Z][A-Za-z0-9]*-[A-Za-z0-9-]+))(?:\s*[:=]\s*|\s+(?:con valor|with value|set to"
    r"|igual a|es|is|as|a|to)\s+)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|(?:Bearer|Basic|Token)\s+\S+|\S+)",
    re.I,
)
_HEADER_NAMED = re.compile(
    r"(?:cabeceras?|headers?|encabezados?)\s+(?:de\s+|called\s+"
    r"|named\s+)?(?P<name>[A-Za-z][\w-]*)(?:\s*[:=]\s*|\s+(?:con valor|with value|set to"
    r"|igual a|con|with|es|is|as|a|to)\s+|\s+)"
    r"(?P<value>\"[^\"]*\"|'[^']*'|(?:Bearer|Basic|Token)\s+\S+|\S+)",
    re.I,
)
_HEADERS_WORD = re.compile(r"\b(?:cabeceras?|headers?|encabezados?)\s*:?\s*$")
_HEADER_WORDS = re.compile(
    r"(?:\b(?:y|and)\s+)?\b(?:con|with)\s+(?:(?:la|las|el|los|the|a)\s+)?(?:cabeceras?|headers?|encabezados?)\b"
    r"|\b(?:y|and)\s+(?:(?:la|las|the)\s+)?(?:cabeceras?|headers?|encabezados?)\b",
    re.I,
)
_BODY_WORD = re.compile(
    r"\b(?:cuerpo|body|texto|text|payload|contenido|content|datos|data|mensaje"
    r"|message)\s*(?:de texto )?(?:es|is|plano|that says|que diga|=)?\s*:?\s*"
)
_WITH = re.compile(r"\b(?:con|with)\s+(?:el |the |un |a |este |this )?$")
_IP = re.compile(
    r"\b(?:mi|my|tu|your|nuestra|our|la|the|esta|this|su|que|what|which|cual es la|public"
    r"|publica|external|externa|outbound|outgoing|server'?s?|wan|internet|una|dime|dame|show"
    r"|get|ver|muestra\w*"
    r"|external|current|actual|exterior) (?:\w+ )?(?:\w+ )?ips?\b|\bips? (?:\w+ )?(?:publica"
    r"|public|externa|externally|externo|external|del? servidor|of (?:this|the"
    r"|your) (?:server|machine)|tengo|tienes|tenemos|sales|salgo|salimos|tiene|do i|do you"
    r"|am i|are you|is this|usas|uso|actual|real)"
    r"|^\W*(?:ip|direccion ip|ip address)\W*$|\b(?:direccion|address)\b.{0,80}\b(?:internet"
    r"|publica|public|externa|external|red|network|outside world|exterior)\b"
    r"|\b(?:internet|publica|public|externa|external|network|public-facing)\b.{0,80}\b(?:direccion"
    r"|address|ip)\b|\bwhat'?s? ip\b|\bwhatismyip\b"
)
_NOT_IP = re.compile(
    r"\b(?:que es una?|what is an?|what's an?|que significa|define|explain|explica\w*"
    r"|como funciona\w*) (?:la |the |una |an )?(?:direccion |public )?ips?\b(?! (?:tengo|do))"
    r"|\b(?:email|correo|postal|street|home|casa|calle)\b|\b(?:what does"
    r"|que significa) (?:an? |una? )?ip\b|\blocalhost\b|\bprivad[ao]\b|\bprivate\b"
)


def read_public_ip(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """Whether a piece of text asks for the server's public address; empty if not, or about another's."""
    if forced:
        return [Ask("get_public_ip")]
    about_another = URL.search(said.raw) or BARE_HOST.search(said.raw)
    wanted = _IP.search(said.plain) and not _NOT_IP.search(said.plain) and not about_another
    return [Ask("get_public_ip")] if wanted else []


def read_request(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """The HTTP request that a piece of text wants made; empty if none."""
    found = _address(said)
    if found is None:
        noun = forced or _NOUNS.search(said.plain)
        return [Ask("make_http_request", missing="url")] if noun else []
    url, start, end = found
    around = said.raw[:start] + " " * (end - start) + said.raw[end:]
    method = _method(said, around)
    if not (forced or method or _is_request(said, has_scheme=bool(URL.search(said.raw)))):
        return []
    arguments: dict[str, Any] = {"url": url, **_payload(said, around, start, end)}
    if method in _WITH_BODY and not arguments.keys() & {"json", "body"}:
        fields = _fields(around)
        if fields is None:
            return [Ask("make_http_request", missing="body")]
        arguments["headers"] = {**arguments.get("headers", {}), **fields.pop("headers", {})}
        arguments |= fields
        if not arguments["headers"]:
            del arguments["headers"]
    if not method and ("json" in arguments or "body" in arguments):
        method = "POST"
    if method:
        arguments["method"] = method
    return [Ask("make_http_request", arguments)]


def _is_request(said: Utterance, *, has_scheme: bool) -> bool:
    """Whether an address is there to be visited. A whole URL is, unless it is only told about."""
    if _MENTIONED.search(said.plain):
        return False
    nothing_else = all(word in FILLERS for word in re.findall(r"[a-z]+", said.plain))
    return has_scheme or nothing_else or bool(_VERBS.search(said.plain))


def _address(said: Utterance) -> tuple[str, int, int] | None:
    match = URL.search(said.raw)
    if match:
        url = _without_punctuation(match[0])
        return url, match.start(), match.start() + len(url)
    match = BARE_HOST.search(said.raw)
    if match is None:
        return None
    host = _without_punctuation(match[0])
    is_local = re.match(r"localhost\b|[\d.]+(?::|/|$)", host)
    return f"{'http' if is_local else 'https'}://{host}", match.start(), match.start() + len(host)


def _without_punctuation(url: str) -> str:
    url = url.rstrip(".,;:!?¿¡")
    # A bracket that the address did not open belongs to the sentence.
    while url and (opening := _OPENING.get(url[-1])) and url.count(url[-1]) > url.count(opening):
        url = url[:-1].rstrip(".,;:!?")
    return url


def _method(said: Utterance, around: str) -> str:
    """The method: written in capitals, else the likeliest verb; empty where just a look is asked for."""
    outside = Utterance(around, fold(around))
    for start, end, _ in json_spans(around):
        outside = outside.without(start, end)
    for quotation in quotations(around):
        outside = outside.without(quotation.start, quotation.end)
    for match in _METHOD.finditer(around):
        if outside.plain[match.start()] != "\ue000":
            return match[0]
    plain = _SENT_REQUEST.sub(" ", outside.plain)
    return next((method for method, pattern in _METHOD_WORDS if pattern.search(plain)), "")


def _payload(said: Utterance, around: str, start: int, end: int) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    rest = around
    for first, last, value in json_spans(around):
        if not isinstance(value, (dict, list)):
            continue
        rest = rest[:first] + " " * (last - first) + rest[last:]
        if isinstance(value, dict) and _HEADERS_WORD.search(fold(around[:first])):
            members = cast(dict[str, object], value)
            payload["headers"] = {name: _as_text(each) for name, each in members.items()}
        else:
            payload.setdefault("json", value)
    headers = _headers(rest)
    if headers:
        payload["headers"] = {**payload.get("headers", {}), **headers}
    if "json" not in payload and (body := _body(rest)):
        payload["body"] = body
    return payload


def _fields(around: str) -> dict[str, Any] | None:
    """What is to be sent, from words; None where data were announced and cannot be read."""
    rest = (_HEADER if _HEADER.search(around) else _HEADER_NAMED).sub(" ", around)
    for first, last, _ in reversed(json_spans(rest)):
        rest = rest[:first] + " " + rest[last:]
    rest = _HEADER_WORDS.sub(" ", rest)
    fields = fields_in(rest)
    if not fields:
        return None if announces_data(rest) else {}
    if wants_form(rest):
        return {"body": urlencode(fields), "headers": {"Content-Type": "application/x-www-form-urlencoded"}}
    return {"json": fields}


def _as_text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)


def _headers(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pattern in (_HEADER, _HEADER_NAMED):
        for match in pattern.finditer(text):
            value = match["value"].strip("\"'").rstrip(",;.")
            if match["name"].lower() not in ("con", "with", "y", "and", "de", "the", "la") and value:
                found.setdefault(match["name"], value)
        if found:
            break
    return found


def _body(text: str) -> str:
    """A body in words: quoted, or all that follows «con el cuerpo»."""
    for quotation in quotations(text):
        if _BODY_WORD.search(fold(text[: quotation.start])) or _WITH.search(fold(text[: quotation.start])):
            return quotation.text
    folded = fold(text)
    match = re.search(
        r"\b(?:con|with) (?:el |the |un |a )?(?:(?:cuerpo|body|payload|texto|text)\s*"
        r"(?:de texto )?:?|(?:datos|data)\s*:(?!.*=))\s+",
        folded,
    )
    return text[match.end() :].strip(" .") if match else ""
