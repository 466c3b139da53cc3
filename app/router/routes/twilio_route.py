"""A telephone number's calls: `/twilio/voice` tells Twilio where the stream is, `/twilio` is the stream.

Both are 404 until `TWILIO_AUTH_TOKEN` is set. There is no call without Twilio's signature, or a pass that the
answer to a signed request gave: an open stream would be spent by whoever finds it.
"""

import logging
from collections.abc import Iterable, Mapping
from typing import Annotated, Final
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape, quoteattr

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from app.errors import Locale
from app.locales import say
from app.protocol.wires import CallTerms, telephone
from app.router.auth_dependencies import Service
from app.router.credentials import FORWARDED_HOST, FORWARDED_PROTO
from app.router.routes.websocket_route import Offering, SocketOffer
from app.services.auth.call_gate import CALLER, PASS, CallGate
from app.services.websocket_agent_service import WebSocketAgentService

logger = logging.getLogger(__name__)

router = APIRouter()

STREAM_PATH: Final = "/twilio"
VOICE_PATH: Final = "/twilio/voice"
_SIGNATURE: Final = "x-twilio-signature"

LANGUAGES: Final[dict[Locale, str]] = {"es": "es-ES", "en": "en-US"}

MAX_MEMBERS: Final = 200
"""Of a form; Twilio sends some thirty."""


async def gate_of(service: Service) -> CallGate:
    """Return whose calls are taken; 404 where none are."""
    if service.calls is None:
        raise HTTPException(404)
    return service.calls


Gate = Annotated[CallGate, Depends(gate_of)]


@router.get(VOICE_PATH)
async def answer_get(request: Request, service: Service, gate: Gate) -> Response:
    """Answer a call, as Twilio asks by GET: all that it says is in the address."""
    _check(request, service, gate, ())
    return _answer(request, service, gate, dict(request.query_params))


@router.post(VOICE_PATH)
async def answer_post(request: Request, service: Service, gate: Gate) -> Response:
    """Answer a call, as Twilio asks by POST: what it says is a form, which is signed too."""
    members = await _form(request)
    _check(request, service, gate, members)
    return _answer(request, service, gate, dict(members))


async def _form(request: Request) -> list[tuple[str, str]]:
    try:
        text = (await request.body()).decode()
        return parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_MEMBERS)
    except ValueError:
        raise HTTPException(400, "this is not a form of Twilio's") from None


def _check(
    request: Request, service: WebSocketAgentService, gate: CallGate, members: Iterable[tuple[str, str]]
) -> None:
    urls = _dialled(request, service)
    if not gate.is_signed(request.headers.get(_SIGNATURE, ""), urls, members):
        # Without its query, which may name the caller.
        facts = {"url": urls[0].partition("?")[0], "setting": "PUBLIC_URL, TWILIO_AUTH_TOKEN"}
        logger.warning("call_not_signed", extra=facts)
        raise HTTPException(
            403, "not signed by Twilio for this address; see TWILIO_AUTH_TOKEN and PUBLIC_URL"
        )


def _answer(
    request: Request, service: WebSocketAgentService, gate: CallGate, said: dict[str, str]
) -> Response:
    """Return TwiML: the call is connected with the stream, and ends with it.

    Where the server does not hear or speak (yet), Twilio's own voice says so.
    """
    if not service.has_speech:
        locale = locale_of(service)
        sentence = escape(say(locale, "phone_no_speech"))
        return xml_of(f'<Say language="{LANGUAGES[locale]}">{sentence}</Say><Hangup/>')
    address = f"{base_of(request, service)}{STREAM_PATH}".replace("http", "ws", 1)
    call_id, caller = said.get("CallSid", ""), said.get("From", "")
    parameters = {CALLER: caller, PASS: gate.issue(call_id, caller)}
    inner = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in parameters.items()
    )
    return xml_of(f"<Connect><Stream url={quoteattr(address)}>{inner}</Stream></Connect>")


def xml_of(verbs: str) -> Response:
    """Return an answer that has a company do something with a call."""
    text = f'<?xml version="1.0" encoding="UTF-8"?><Response>{verbs}</Response>'
    return Response(text, media_type="text/xml")


def locale_of(service: WebSocketAgentService) -> Locale:
    """Return the language of calls."""
    return service.settings.phone_locale or service.settings.agent_locale


def base_of(connection: HTTPConnection, service: WebSocketAgentService) -> str:
    """Return the address that others reach this server by, as `http...`, without a path of ours."""
    public_url, root_path = service.settings.public_url, service.settings.root_path
    if public_url is not None:
        return public_url
    scope = connection.scope
    scheme: str = scope.get(FORWARDED_PROTO) or scope["scheme"]
    host: str = scope.get(FORWARDED_HOST) or connection.headers.get("host", "")
    return f"{scheme.replace('ws', 'http', 1)}://{host}{root_path or ''}"


def _dialled(connection: HTTPConnection, service: WebSocketAgentService) -> list[str]:
    """Return the addresses that Twilio may have dialled, and signed, for a request to reach this."""
    base = base_of(connection, service)
    query = connection.scope.get("query_string", b"").decode("latin-1")
    if connection.scope["type"] == "http":
        return [f"{base}{VOICE_PATH}?{query}" if query else f"{base}{VOICE_PATH}"]
    streams = (f"{base}{STREAM_PATH}", f"{base}{STREAM_PATH}/")
    return [*streams, *(address.replace("http", "ws", 1) for address in streams)]


def greeting_words(wish: str, name: str, locale: Locale) -> str:
    """Return what a caller hears first, by `PHONE_GREETING`; empty for nothing."""
    if wish == "off":
        return ""
    return say(locale, "phone_greeting", name=name) if wish == "on" else wish


def _stream(connection: HTTPConnection) -> SocketOffer | None:
    """Return how a call is led."""
    service: WebSocketAgentService = connection.app.state.service
    gate, settings = service.calls, service.settings
    if gate is None:
        return None
    is_signed = gate.is_signed(connection.headers.get(_SIGNATURE, ""), _dialled(connection, service))
    locale = locale_of(service)
    terms = CallTerms(
        lambda call_id, parameters: is_signed or gate.has_pass(call_id, parameters),
        locale,
        greeting_words(settings.phone_greeting, settings.name_in(locale), locale),
        settings.phone_caller_is_user,
    )
    return SocketOffer(lambda: (telephone(terms), None), settings.phone_max_call_s)


OFFERINGS: Mapping[str, Offering] = {STREAM_PATH: _stream}
