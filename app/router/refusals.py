"""How a request that is not answered is refused: as JSON, or as a page where a person follows a link."""

from html import escape
from http import HTTPStatus
from typing import Final, NamedTuple

from fastapi import Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.responses import Response

from app.errors import Locale
from app.router.html_pages import HtmlFrame, Script, document, language_of, wants_html


class _Refusal(NamedTuple):
    title: str
    sentence: str


_REFUSALS: Final[dict[int, dict[Locale, _Refusal]]] = {
    401: {
        "es": _Refusal("Hace falta un token", "Este servidor pide un token, y un enlace no lo lleva."),
        "en": _Refusal("A token is needed", "This server asks for a token, and a link carries none."),
    },
    403: {
        "es": _Refusal("No permitido", "Esta página no se da a quien la pide así."),
        "en": _Refusal("Not allowed", "This page is not given to who asks for it like this."),
    },
    404: {
        "es": _Refusal("Aquí no hay nada", "La dirección no existe, o lo que había ya no está."),
        "en": _Refusal("There is nothing here", "The address does not exist, or what was here is gone."),
    },
    503: {
        "es": _Refusal("Ahora no", "El servidor no puede responder a esto ahora. Inténtalo más tarde."),
        "en": _Refusal("Not now", "The server cannot answer this now. Try again later."),
    },
}

_OTHERS: Final[dict[Locale, str]] = {
    "es": "El servidor no responde a esto.",
    "en": "The server does not answer this.",
}

_DIAGNOSIS: Final = "/agent/diagnose"

_ASKING: Final[dict[Locale, dict[str, str]]] = {
    "es": {
        "title": "Diagnóstico",
        "why": "Este servidor pide un token, y el diagnóstico es para quien lo administra. "
        "El token se guarda solo en esta pestaña.",
        "label": "Token",
        "enter": "Ver el diagnóstico",
        "trying": "Un momento: se prueba cada parte.",
        "wrong": "El servidor no acepta ese token.",
        "other": "Ese token es bueno, pero no de quien administra el servidor.",
        "unreachable": "El servidor no responde. Inténtalo de nuevo.",
        "command": "O en una terminal:",
    },
    "en": {
        "title": "Diagnosis",
        "why": "This server asks for a token, and the diagnosis is for its administrator. "
        "The token is kept in this tab alone.",
        "label": "Token",
        "enter": "Show the diagnosis",
        "trying": "One moment: each part is being tried.",
        "wrong": "The server does not accept that token.",
        "other": "That token is good, but not an administrator's.",
        "unreachable": "The server does not answer. Please try again.",
        "command": "Or in a terminal:",
    },
}


async def bad_request(request: Request, exc: Exception) -> JSONResponse:
    """Say where and what is wrong, and never repeats what was sent: it may be a secret."""
    assert isinstance(exc, RequestValidationError)  # noqa: S101  # what it is registered for
    faults = [{name: fault[name] for name in ("type", "loc", "msg")} for fault in exc.errors()]
    return JSONResponse({"detail": faults}, 422)


async def refused(request: Request, exc: Exception) -> Response:
    """Say in the reader's language what is the matter to a browser that shows pages, else as JSON does."""
    assert isinstance(exc, HTTPException)  # noqa: S101  # what it is registered for
    is_page = request.method == "GET" and wants_html(request.headers.get("accept", ""))
    if not is_page or exc.status_code < HTTPStatus.BAD_REQUEST:
        return await http_exception_handler(request, exc)
    locale = language_of(request.query_params.get("lang"), request.headers.get("accept-language", ""))
    path: str = request.scope["path"]
    frame: HtmlFrame = request.app.state.frame
    up = "../" * (path.count("/") - 1)
    if exc.status_code == HTTPStatus.UNAUTHORIZED and path == _DIAGNOSIS:
        return _token_page(frame, locale, up, exc)
    words = _REFUSALS.get(exc.status_code, {}).get(locale)
    title, sentence = words or (f"Error {exc.status_code}", _OTHERS[locale])
    body = [f'<p class="verdict" data-status="warning">{escape(sentence)}</p>']
    # What a route says of it; the standard's words, and those for a missing token, add nothing to ours.
    if exc.status_code != HTTPStatus.UNAUTHORIZED and exc.detail != HTTPStatus(exc.status_code).phrase:
        body.append(f'<p class="detail" lang="en">{escape(str(exc.detail))}</p>')
    return document(frame, locale, title, up, body, status=exc.status_code, headers=exc.headers)


def _token_page(frame: HtmlFrame, locale: Locale, up: str, exc: HTTPException) -> Response:
    """Return the page that asks for a token; `static/diagnosis.js` asks for the diagnosis with it.

    Without scripts the form stays hidden: it would only put the token into an address.
    """
    words = _ASKING[locale]
    sentences = " ".join(
        f'data-{name}="{escape(words[name])}"' for name in ("trying", "wrong", "other", "unreachable")
    )
    # What a request calls us has no place in a line that is run: the script writes the page's own address.
    address = f'<span data-part="address">http://localhost:8000{_DIAGNOSIS}</span>'
    command = f"curl -H 'Authorization: Bearer TOKEN' {address}"
    body = [
        f'<p class="verdict" data-status="warning">{words["why"]}</p>',
        f'<form data-part="token-form" {sentences} hidden>',
        f'<label for="token">{words["label"]}</label>',
        '<input id="token" name="token" type="password" maxlength="8192" autocomplete="off"',
        ' spellcheck="false" required aria-describedby="token-status">',
        f'<button type="submit">{words["enter"]}</button>',
        '<p id="token-status" role="status" data-part="token-status"></p>',
        "</form>",
        f'<p class="more">{words["command"]}<br><code>{command}</code></p>',
    ]
    script = Script("diagnosis.js", _DIAGNOSIS.removeprefix("/"))
    return document(
        frame, locale, words["title"], up, body, script=script, status=exc.status_code, headers=exc.headers
    )
