"""What the model is told of an HTTP answer, or of the failure to get one."""

import json
from contextlib import suppress
from typing import Any

from app.errors import Locale
from app.tools.support.body_text import clean_text, is_media, read_json, read_text
from app.tools.support.public_http import (
    MAX_REDIRECTS,
    FetchedResponse,
    FetchFailed,
    HostUnreachable,
    NoAnswer,
    RequestRefused,
    TooManyRedirects,
    TooSlow,
    Untrusted,
)

_TOLD_HEADERS = (
    "content-type",
    "content-length",
    "location",
    "retry-after",
    "etag",
    "last-modified",
    "link",
    "allow",
)

_SENTENCES: dict[type[FetchFailed], dict[Locale, str]] = {
    RequestRefused: {
        "es": "No he hecho esa petición: la URL no es válida, no existe o no está permitida. Solo puedo "
        "visitar sitios públicos por http o https, sin usuario ni contraseña en la URL.",
        "en": "I did not make that request: the URL is not valid, does not exist or is not allowed. I can "
        "only visit public sites over http or https, without user name or password in the URL.",
    },
    TooManyRedirects: {
        "es": f"El sitio redirige demasiadas veces: el límite son {MAX_REDIRECTS} redirecciones.",
        "en": f"The site redirects too many times: the limit is {MAX_REDIRECTS} redirects.",
    },
    HostUnreachable: {
        "es": "No he podido conectar con ese servidor.",
        "en": "I could not connect to that server.",
    },
    Untrusted: {
        "es": "No he podido establecer una conexión segura con ese servidor: su certificado no es de "
        "confianza, o no habla TLS.",
        "en": "I could not make a secure connection to that server: its certificate cannot be trusted, or it "
        "does not speak TLS.",
    },
    NoAnswer: {
        "es": "El servidor ha cortado la conexión o su respuesta no es HTTP válido.",
        "en": "The server broke the connection off, or its answer is not valid HTTP.",
    },
    TooSlow: {
        "es": "El servidor no ha respondido a tiempo.",
        "en": "The server did not answer in time.",
    },
}
_OUTCOME_UNKNOWN: dict[Locale, str] = {
    "es": " No se sabe si la petición ha tenido efecto.",
    "en": " Whether the request had its effect is not known.",
}
_NOTES: dict[str, dict[Locale, str]] = {
    "slow": {
        "es": "El cuerpo no ha llegado entero a tiempo.",
        "en": "The body did not arrive completely in time.",
    },
    "broken": {
        "es": "El servidor ha cortado la respuesta antes de su final.",
        "en": "The server broke the answer off before its end.",
    },
    "encoding": {
        "es": "El cuerpo viene comprimido de una forma que no se puede leer.",
        "en": "The body is compressed in a way that cannot be read.",
    },
    "binary": {
        "es": "El cuerpo no es texto y no se muestra.",
        "en": "The body is not text and is not shown.",
    },
}


def failure_sentence(failure: FetchFailed, locale: Locale, *, is_write: bool) -> str:
    """One sentence about a request that got no answer; the same for all that may not be requested."""
    sentence = _SENTENCES[type(failure)][locale]
    if failure.may_have_acted and is_write:
        sentence += _OUTCOME_UNKNOWN[locale]
    return sentence


def report(answer: FetchedResponse, locale: Locale, max_chars: int) -> dict[str, Any]:
    """Return the answer as the model gets it.

    Args:
        answer: What the server sent, as far as it was read.
        locale: The language of the note.
        max_chars: What the report may measure as JSON; the body is cut so that it fits.

    Returns:
        `status`, the final `url`, the useful `headers`, `body` (text) or `json` (parsed), `truncated`,
        `redirects`, and a `note` where something was wrong with the body.
    """
    headers = answer.headers
    content_type = headers.get("content-type", "")
    result: dict[str, Any] = {
        "status": answer.status,
        "url": str(answer.url),
        "headers": {name: clean_text(headers[name])[:300] for name in _TOLD_HEADERS if name in headers},
        "redirects": answer.redirects,
        "truncated": answer.body.is_truncated,
    }
    if answer.body.problem is not None:
        result["note"] = _NOTES[answer.body.problem][locale]
    text = read_text(answer.body.content, content_type, is_truncated=answer.body.is_truncated)
    if text is None or is_media(content_type):
        return result | {"body": "", "note": _NOTES["binary"][locale]}
    return _with_body(result, text, max_chars)


def _with_body(result: dict[str, Any], text: str, max_chars: int) -> dict[str, Any]:
    room = max_chars - _json_chars(result) - len('"body": , ')
    if not result["truncated"]:
        with suppress(ValueError):
            value = read_json(text)
            if _json_chars(value) <= room:
                return result | {"json": value}
    kept = _longest_prefix(text, room)
    return result | {"body": kept, "truncated": result["truncated"] or len(kept) < len(text)}


def _longest_prefix(text: str, room: int) -> str:
    # Quotes and line breaks are two characters in JSON, so how much fits has to be searched for.
    fits, too_long = 0, len(text) + 1
    while too_long - fits > 1:
        middle = (fits + too_long) // 2
        if _json_chars(text[:middle]) <= room:
            fits = middle
        else:
            too_long = middle
    return text[:fits]


def _json_chars(value: Any) -> int:
    return len(json.dumps(value, ensure_ascii=False))
