"""Calls over Twilio's siblings: `/NAME/voice` tells the company where the stream is, `/NAME` is the stream.

Each is 404 until its company's setting is there. There is no call without the company's signature: the stream
brings the pass that the answer to a signed request gave it.
"""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, cast
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape, quoteattr

import orjson
from fastapi import APIRouter, HTTPException, Request, Response
from starlette.requests import HTTPConnection

from app.locales import say
from app.protocol.wires import PLIVO, TELNYX, VONAGE, CallTerms, Carrier, telephone
from app.router.auth_dependencies import Service
from app.router.routes.twilio_route import LANGUAGES, MAX_MEMBERS, base_of, greeting_words, locale_of, xml_of
from app.router.routes.websocket_route import Offering, SocketOffer
from app.services.auth.call_gate import CALLER, PASS
from app.services.auth.carrier_gates import CarrierGate, SignedRequest
from app.services.websocket_agent_service import WebSocketAgentService

logger = logging.getLogger(__name__)

router = APIRouter()

CALL: Final = "call"
"""The parameter of a stream that names the call which its pass is for."""


@dataclass(frozen=True, slots=True)
class Sibling:
    """How one company is answered.

    Attributes:
        call_id: Its name of a call's id, in what it sends.
        caller: The same of who calls.
        setting: Without which there are no calls.
        is_json: It sends JSON, else a form.
        connect: Returns the answer that connects a call with a stream, by address and parameters.
        refuse: Returns the answer that says a sentence in a language, and hangs up.
    """

    carrier: Carrier
    call_id: str
    caller: str
    setting: str
    is_json: bool
    connect: Callable[[str, Mapping[str, str]], Response]
    refuse: Callable[[str, str], Response]


def _telnyx(address: str, parameters: Mapping[str, str]) -> Response:
    inner = "".join(
        f"<Parameter name={quoteattr(name)} value={quoteattr(value)}/>" for name, value in parameters.items()
    )
    sound = 'codec="PCMU" bidirectionalMode="rtp" bidirectionalCodec="PCMU"'
    return xml_of(f"<Connect><Stream url={quoteattr(address)} {sound}>{inner}</Stream></Connect>")


def _telnyx_refusal(sentence: str, language: str) -> Response:
    return xml_of(f'<Say language="{language}">{escape(sentence)}</Say><Hangup/>')


def _plivo(address: str, parameters: Mapping[str, str]) -> Response:
    given = ",".join(f"{name}={value}" for name, value in parameters.items())
    kind = 'bidirectional="true" keepCallAlive="true" contentType="audio/x-mulaw;rate=8000"'
    return xml_of(f"<Stream {kind} extraHeaders={quoteattr(given)}>{escape(address)}</Stream>")


def _plivo_refusal(sentence: str, language: str) -> Response:
    return xml_of(f'<Speak language="{language}">{escape(sentence)}</Speak><Hangup/>')


def _vonage(address: str, parameters: Mapping[str, str]) -> Response:
    encoding, rate = VONAGE.format
    endpoint = {
        "type": "websocket",
        "uri": address,
        "content-type": f"{encoding};rate={rate}",
        "headers": parameters,
    }
    return _ncco({"action": "connect", "endpoint": [endpoint]})


def _vonage_refusal(sentence: str, language: str) -> Response:
    return _ncco({"action": "talk", "language": language, "text": sentence})


def _ncco(action: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps([action]), media_type="application/json")


TABLE: Final = (
    Sibling(TELNYX, "CallSid", "From", "TELNYX_PUBLIC_KEY", False, _telnyx, _telnyx_refusal),
    Sibling(PLIVO, "CallUUID", "From", "PLIVO_AUTH_TOKEN", False, _plivo, _plivo_refusal),
    Sibling(VONAGE, "uuid", "from", "VONAGE_SIGNATURE_SECRET", True, _vonage, _vonage_refusal),
)


@router.post("/telnyx/voice")
async def answer_telnyx(request: Request, service: Service) -> Response:
    """Answer a call, as Telnyx asks."""
    return await _answer(TABLE[0], request, service)


@router.post("/plivo/voice")
async def answer_plivo(request: Request, service: Service) -> Response:
    """Answer a call, as Plivo asks."""
    return await _answer(TABLE[1], request, service)


@router.post("/vonage/voice")
async def answer_vonage(request: Request, service: Service) -> Response:
    """Answer a call, as Vonage asks."""
    return await _answer(TABLE[2], request, service)


async def _answer(sibling: Sibling, request: Request, service: WebSocketAgentService) -> Response:
    gate = service.carriers.get(sibling.carrier.name)
    if gate is None:
        raise HTTPException(404)
    said = await _checked(sibling, gate, request, service)
    locale = locale_of(service)
    if not service.has_speech:
        return sibling.refuse(say(locale, "phone_no_speech"), LANGUAGES[locale])
    address = f"{base_of(request, service)}/{sibling.carrier.name}".replace("http", "ws", 1)
    # Plivo hands on letters and digits alone.
    call_id = "".join(filter(str.isalnum, said.get(sibling.call_id, "")))
    caller = "".join(filter(str.isalnum, said.get(sibling.caller, "")))
    given = gate.passes.issue(call_id, caller).replace(".", "x")
    return sibling.connect(address, {CALL: call_id, CALLER: caller, PASS: given})


async def _checked(
    sibling: Sibling, gate: CarrierGate, request: Request, service: WebSocketAgentService
) -> dict[str, str]:
    """Return what a signed request says of a call."""
    body = await request.body()
    try:
        members = [] if sibling.is_json else parse_qsl(body.decode(), True, max_num_fields=MAX_MEMBERS)
    except ValueError:
        raise HTTPException(400, "this is not a form") from None
    query = request.scope.get("query_string", b"").decode("latin-1")
    path = f"{base_of(request, service)}/{sibling.carrier.name}/voice"
    url = f"{path}?{query}" if query else path
    headers = {name.lower(): value for name, value in request.headers.items()}
    signed = SignedRequest(headers, url, body, members, service.now_s)
    if not gate.is_signed(signed):
        logger.warning("call_not_signed", extra={"url": path, "setting": f"PUBLIC_URL, {sibling.setting}"})
        raise HTTPException(403, f"not signed for this address; see {sibling.setting} and PUBLIC_URL")
    return _json_members(body) if sibling.is_json else dict(members)


def _json_members(body: bytes) -> dict[str, str]:
    try:
        value: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise HTTPException(400, "this is not JSON") from None
    members = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
    return {name: member for name, member in members.items() if isinstance(member, str)}


def _stream(carrier: Carrier, connection: HTTPConnection) -> SocketOffer | None:
    """Return how a call is led."""
    service: WebSocketAgentService = connection.app.state.service
    gate, settings = service.carriers.get(carrier.name), service.settings
    if gate is None:
        return None
    passes, locale = gate.passes, locale_of(service)

    def is_let_in(call_id: str, parameters: Mapping[str, str]) -> bool:
        given = {**parameters, PASS: parameters.get(PASS, "").replace("x", ".", 1)}
        return passes.has_pass(parameters.get(CALL, ""), given)

    terms = CallTerms(
        is_let_in,
        locale,
        greeting_words(settings.phone_greeting, settings.name_in(locale), locale),
        settings.phone_caller_is_user,
        carrier,
    )
    return SocketOffer(lambda: (telephone(terms), None), settings.phone_max_call_s)


OFFERINGS: Mapping[str, Offering] = {
    f"/{sibling.carrier.name}": partial(_stream, sibling.carrier) for sibling in TABLE
}
