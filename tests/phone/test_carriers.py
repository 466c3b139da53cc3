"""Twilio's siblings: their messages, their signatures, and a call over each; all by their descriptions."""

import base64
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

import httpx
import jwt
import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from app.clock import SystemClock
from app.errors import BadMessage
from app.protocol.commands import AppendAudio, Approve, ReportPlayback, StopPlayback
from app.protocol.events import (
    ApprovalRequested,
    AudioComplete,
    AudioFrame,
    AudioStarted,
    AudioTerms,
    Interrupted,
    PlaybackHint,
    SessionCreated,
    SessionTerms,
)
from app.protocol.telephone.carriers import PLIVO, SIBLINGS, TELNYX, VONAGE, Carrier
from app.protocol.telephone.wire import CallTerms, TelephoneWire
from app.protocol.wire import FrameLimits
from app.services.auth.carrier_gates import (
    TOLERANCE_S,
    SignedRequest,
    is_of_plivo,
    is_of_telnyx,
    is_of_vonage,
)
from tests.phone.test_access import speech
from tests.phone.twilio import url_of
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel
from tests.support.server import PATIENCE_S, Server, running_server
from tests.support.voices import MS_PER_WORD

LIMITS = FrameLimits(100_000, 100_000)
SECRET = "0123456789abcdef0123456789abcdef"
KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
PUBLIC_KEY = base64.b64encode(KEY.public_key().public_bytes_raw()).decode()

STARTS: dict[str, list[dict[str, Any]]] = {
    "telnyx": [
        {"event": "connected", "version": "1.0.0"},
        {
            "event": "start",
            "sequence_number": "1",
            "stream_id": "st-1",
            "start": {
                "call_control_id": "v2:call",
                "from": "+34600000001",
                "custom_parameters": {"caller": "34600000001"},
                "media_format": {"encoding": "PCMU", "sample_rate": 8000, "channels": 1},
            },
        },
    ],
    "plivo": [
        {
            "event": "start",
            "sequenceNumber": 1,
            "start": {
                "callId": "v2:call",
                "streamId": "st-1",
                "tracks": ["inbound"],
                "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000},
            },
            "extra_headers": "caller=34600000001;other=x",
        }
    ],
    "vonage": [
        {
            "event": "websocket:connected",
            "content-type": "audio/l16;rate=16000",
            "call": "v2:call",
            "caller": "34600000001",
        }
    ],
}


def each_carrier(test: Any) -> Any:
    return pytest.mark.parametrize("carrier", SIBLINGS, ids=lambda carrier: carrier.name)(test)


def written(message: Mapping[str, Any]) -> str:
    return orjson.dumps(message).decode()


def begun(carrier: Carrier) -> TelephoneWire:
    wire = TelephoneWire(CallTerms(lambda call_id, parameters: call_id == "v2:call", "es", "", True, carrier))
    *before, start = STARTS[carrier.name]
    assert all(wire.open(written(message), LIMITS) is None for message in before)
    opening = wire.open(written(start), LIMITS)
    assert opening is not None and opening.vouched_user == "34600000001"
    audio = AudioTerms(carrier.sound, True, output=carrier.sound)
    wire.encode(
        SessionCreated("s1", "now", SessionTerms("", 0, 0, ["audio_in", "audio_out"], audio=audio)),
        "es",
        None,
    )
    return wire


def asked(wire: TelephoneWire, message: Mapping[str, Any] | bytes) -> list[Any]:
    raw = message if isinstance(message, bytes) else written(message)
    return list(wire.read(raw, LIMITS).commands())


def sound_of(carrier: Carrier) -> Mapping[str, Any] | bytes:
    sound = b"\x01" * carrier.frame_bytes
    if carrier is VONAGE:
        return sound
    return {"event": "media", "media": {"track": "inbound", "payload": base64.b64encode(sound).decode()}}


KEYS: dict[str, dict[str, Any]] = {
    "telnyx": {"event": "dtmf", "stream_id": "st-1", "dtmf": {"digit": "1"}},
    "plivo": {"event": "dtmf", "streamId": "st-1", "dtmf": {"track": "inbound", "digit": "1"}},
    "vonage": {"event": "websocket:dtmf", "digit": "1", "duration": 260},
}
PLAYED: dict[str, dict[str, Any]] = {
    "telnyx": {"event": "mark", "stream_id": "st-1", "mark": {"name": "m1"}},
    "plivo": {"event": "playedStream", "streamId": "st-1", "name": "m1"},
    "vonage": {"event": "websocket:notify", "payload": {"name": "m1"}},
}
SAID: dict[str, tuple[Any, Any, Any]] = {
    "telnyx": (
        lambda payload: {"event": "media", "media": {"payload": payload}},
        {"event": "mark", "mark": {"name": "m1"}},
        {"event": "clear"},
    ),
    "plivo": (
        lambda payload: {
            "event": "playAudio",
            "streamId": "st-1",
            "media": {"contentType": "audio/x-mulaw", "sampleRate": 8000, "payload": payload},
        },
        {"event": "checkpoint", "streamId": "st-1", "name": "m1"},
        {"event": "clearAudio", "streamId": "st-1"},
    ),
    "vonage": (None, {"action": "notify", "payload": {"name": "m1"}}, {"action": "clear"}),
}


@each_carrier
def test_what_comes_is_what_twilio_would_say(carrier: Carrier):
    wire = begun(carrier)
    frame = sound_of(carrier)

    (heard,) = asked(wire, frame)
    assert isinstance(heard, AppendAudio)
    wire.encode(ApprovalRequested("c1", "pay", "{}", 60), "es", None)
    assert asked(wire, KEYS[carrier.name]) == [Approve("c1", True)]
    read = wire.read(frame if isinstance(frame, bytes) else written(frame), LIMITS)
    assert (read.is_periodic, read.sound_bytes is not None) == (True, True)
    assert asked(wire, {"event": "something:new"}) == []


@each_carrier
def test_what_leaves_is_in_the_companys_words_and_its_marks_are_the_clock(carrier: Carrier):
    wire = begun(carrier)
    play, mark, clear = SAID[carrier.name]
    half = carrier.frame_bytes // 2
    told = [
        *wire.encode(AudioStarted("t1", 8000), "es", None),
        *wire.encode(AudioFrame("t1", b"\x01" * (carrier.frame_bytes + half)), "es", None),
    ]
    rest = wire.encode(AudioComplete("t1"), "es", None)

    first, second = told
    whole, padded = (
        b"\x01" * carrier.frame_bytes,
        (b"\x01" * half).ljust(carrier.frame_bytes, carrier.silence),
    )
    if play is None:
        assert (first, rest[0]) == (whole, padded)
    else:
        sent = [orjson.loads(frame) for frame in (first, rest[0])]
        assert sent == [play(base64.b64encode(sound).decode()) for sound in (whole, padded)]
    assert orjson.loads(second) == mark
    assert asked(wire, PLAYED[carrier.name]) == [ReportPlayback("t1", 20)]
    assert [orjson.loads(frame) for frame in wire.encode(Interrupted("t1"), "es", None)] == [clear]


@each_carrier
def test_voice_that_ducks_is_cleared(carrier: Carrier):
    wire = begun(carrier)
    wire.encode(AudioStarted("t1", 8000), "es", None)
    wire.encode(AudioFrame("t1", b"\x01" * carrier.frame_bytes), "es", None)
    (cleared,) = wire.encode(PlaybackHint("t1", "duck"), "es", None)

    assert orjson.loads(cleared) == SAID[carrier.name][2]
    assert asked(wire, sound_of(carrier))[0] == StopPlayback("t1")


@pytest.mark.parametrize(
    ("carrier", "wrong"),
    [
        (
            TELNYX,
            {
                "start": {
                    "call_control_id": "v2:call",
                    "media_format": {"encoding": "PCMA", "sample_rate": 8000},
                }
            },
        ),
        (
            PLIVO,
            {"start": {"callId": "v2:call", "mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 8000}}},
        ),
        (VONAGE, {"content-type": "audio/l16;rate=8000"}),
        (VONAGE, {"content-type": "audio/l16"}),
        (VONAGE, {"content-type": None}),
        (PLIVO, {"start": None}),
        (TELNYX, {"event": "media"}),
    ],
    ids=range(7),
)
def test_stream_of_other_sound_is_refused(carrier: Carrier, wrong: dict[str, Any]):
    wire = TelephoneWire(CallTerms(lambda call_id, parameters: True, "es", carrier=carrier))

    with pytest.raises(BadMessage):
        wire.open(written({**STARTS[carrier.name][-1], **wrong}), LIMITS)


# Signatures

FORM = {"CallSid": "v2call", "CallUUID": "v2call", "From": "+34600000001"}
NOW = 1_800_000_000.0


def request_of(carrier: str, url: str, now: float, body: bytes | None = None) -> SignedRequest:
    """As the company would sign it."""
    is_json = carrier == "vonage"
    members = [] if is_json else [*FORM.items()]
    if body is None:
        body = (
            orjson.dumps({"uuid": "v2call", "from": "34600000001"}) if is_json else urlencode(FORM).encode()
        )
    return SignedRequest(headers_of(carrier, url, body, now), url, body, members, now)


def headers_of(carrier: str, url: str, body: bytes, now: float) -> dict[str, str]:
    if carrier == "telnyx":
        stamp = str(int(now))
        given = base64.b64encode(KEY.sign(f"{stamp}|".encode() + body)).decode()
        return {"telnyx-timestamp": stamp, "telnyx-signature-ed25519": given}
    if carrier == "plivo":
        text = f"{url}?" + "".join(f"{name}{FORM[name]}" for name in sorted(FORM)) + ".n0nce"
        digest = hmac.new(SECRET.encode(), text.encode(), hashlib.sha256).digest()
        given = base64.b64encode(digest).decode()
        return {"x-plivo-signature-v3": f"b3RoZXI=,{given}", "x-plivo-signature-v3-nonce": "n0nce"}
    claims = {"iat": int(now), "jti": "j1", "iss": "Vonage", "payload_hash": hashlib.sha256(body).hexdigest()}
    return {"authorization": f"Bearer {jwt.encode(claims, SECRET, 'HS256')}"}


CHECKS: dict[str, Any] = {
    "telnyx": lambda request: is_of_telnyx(PUBLIC_KEY, request),
    "plivo": lambda request: is_of_plivo(SECRET, request),
    "vonage": lambda request: is_of_vonage(SECRET, request),
}
URL = "https://voice.example.com/x/voice"


def changed(request: SignedRequest, **values: Any) -> SignedRequest:
    fields = {name: getattr(request, name) for name in ("headers", "url", "body", "members", "now")}
    return SignedRequest(**{**fields, **values})


@pytest.mark.parametrize("carrier", CHECKS)
def test_what_the_company_has_signed_is_its_own_and_nothing_else_is(carrier: str):
    check, right = CHECKS[carrier], request_of(carrier, URL, NOW)
    assert check(right)

    body = right.body + b"x"
    for wrong in (
        changed(right, headers={}),
        changed(right, headers=dict.fromkeys(right.headers, "")),
        changed(right, headers=dict.fromkeys(right.headers, "�")),
        changed(right, headers={name: value[:-3] + "AAA" for name, value in right.headers.items()}),
        changed(right, body=body, members=[*right.members, ("x", "")]),
    ):
        assert not check(wrong), wrong


@pytest.mark.parametrize("carrier", ["telnyx", "vonage"])
@pytest.mark.parametrize("age_s", [TOLERANCE_S + 2, -TOLERANCE_S - 2])
def test_signature_of_another_time_is_none(carrier: str, age_s: float):
    assert not CHECKS[carrier](changed(request_of(carrier, URL, NOW), now=NOW + age_s))


def test_plivo_signs_the_address_with_its_query():
    request = request_of("plivo", URL, NOW)

    assert not is_of_plivo(SECRET, changed(request, url=f"{URL}?a=b"))
    assert not is_of_plivo(SECRET, changed(request, url=URL.replace("voice.", "other.")))


@pytest.mark.parametrize("algorithm", ["none", "HS512"])
def test_token_of_another_algorithm_is_none(algorithm: str):
    body = b"{}"
    claims = {"iat": int(NOW), "payload_hash": hashlib.sha256(body).hexdigest()}
    token = jwt.encode(claims, SECRET * 2 if algorithm == "HS512" else None, algorithm)  # type: ignore[arg-type]

    assert not is_of_vonage(SECRET, SignedRequest({"authorization": f"Bearer {token}"}, URL, body, [], NOW))


# Over a real server

SETTINGS: dict[str, dict[str, Any]] = {
    "telnyx": {"telnyx_public_key": PUBLIC_KEY},
    "plivo": {"plivo_auth_token": SECRET},
    "vonage": {"vonage_signature_secret": SECRET},
}


def serving(carrier: str, **settings: Any) -> Any:
    chosen = settings_with(llm_provider="demo", **SETTINGS.get(carrier, {}), **settings)
    return running_server(chosen, provider=ScriptedModel([]), engines=speech())


async def rings(server: Server, carrier: str, **headers: str) -> httpx.Response:
    url = url_of(server, f"/{carrier}/voice")
    request = request_of(carrier, url, SystemClock().now().timestamp())
    kind = "application/json" if carrier == "vonage" else "application/x-www-form-urlencoded"
    async with httpx.AsyncClient(verify=False, trust_env=False) as client:
        return await client.post(
            url, content=request.body, headers={"content-type": kind, **request.headers, **headers}
        )


def stream_in(carrier: str, answer: httpx.Response) -> tuple[str, dict[str, str]]:
    """The stream's address and parameters, as the company reads them."""
    if carrier == "vonage":
        [action] = answer.json()
        [endpoint] = action["endpoint"]
        assert (action["action"], endpoint["type"]) == ("connect", "websocket")
        assert endpoint["content-type"] == "audio/l16;rate=16000"
        return endpoint["uri"], endpoint["headers"]
    tree = ET.fromstring(answer.text)  # our own server's
    if carrier == "plivo":
        stream = tree.find("Stream")
        assert stream is not None and stream.text is not None
        assert stream.attrib["bidirectional"] == stream.attrib["keepCallAlive"] == "true"
        given = stream.attrib["extraHeaders"]
        assert len(given) <= 512 and given.replace("=", "").replace(",", "").isalnum()
        return stream.text, dict(pair.split("=") for pair in given.split(","))
    stream = tree.find("Connect/Stream")
    assert stream is not None and stream.attrib["bidirectionalMode"] == "rtp"
    return stream.attrib["url"], {p.attrib["name"]: p.attrib["value"] for p in stream.findall("Parameter")}


def starts_with(carrier: str, parameters: Mapping[str, str]) -> list[str]:
    *before, start = STARTS[carrier]
    match carrier:
        case "telnyx":
            start = {**start, "start": {**start["start"], "custom_parameters": parameters}}
        case "plivo":
            start = {**start, "extra_headers": ";".join(f"{k}={v}" for k, v in parameters.items())}
        case _:
            start = {"event": start["event"], "content-type": start["content-type"], **parameters}
    return [written(message) for message in (*before, start)]


@pytest.mark.parametrize("carrier", SETTINGS)
async def test_call_that_the_company_signs_is_answered_and_greeted(carrier: str):
    greeting = "Hola, dime."
    async with serving(carrier, phone_greeting=greeting) as server:
        address, parameters = stream_in(carrier, await rings(server, carrier))
        sound = 0
        frame_bytes = next(each.frame_bytes for each in SIBLINGS if each.name == carrier)
        async with connect(address, compression=None, proxy=None, open_timeout=PATIENCE_S) as socket:
            for message in starts_with(carrier, parameters):
                await socket.send(message)
            while sound < 2 * MS_PER_WORD // 20 * frame_bytes:
                raw = await socket.recv()
                if isinstance(raw, bytes):
                    sound += len(raw)
                elif "payload" in (media := orjson.loads(raw).get("media", {})):
                    sound += len(base64.b64decode(media["payload"]))
            (live,) = server.service.sessions
            assert live.session.user_id == "anonymous"


@pytest.mark.parametrize("carrier", SETTINGS)
async def test_unsigned_request_and_stream_without_a_pass_are_refused(carrier: str):
    async with serving(carrier) as server:
        unsigned = await rings(server, carrier, **dict.fromkeys(headers_of(carrier, URL, b"", NOW), "x"))
        assert unsigned.status_code == 403
        address, parameters = stream_in(carrier, await rings(server, carrier))
        stolen = {**parameters, "caller": "34999999999"}
        for given in ({}, stolen, {**parameters, "call": "other"}, {**parameters, "pass": ""}):
            async with connect(address, compression=None, proxy=None) as socket:
                for message in starts_with(carrier, given):
                    await socket.send(message)
                await socket.wait_closed()
            assert socket.close_code == 4401, given
        assert len(server.service.sessions) == 0


@pytest.mark.parametrize("carrier", SETTINGS)
async def test_without_its_setting_there_is_nothing(carrier: str):
    other = next(name for name in SETTINGS if name != carrier)
    async with serving(other) as server:
        assert (await rings(server, carrier)).status_code == 404
        with pytest.raises(InvalidStatus) as refused:
            await connect(url_of(server, f"/{carrier}", "ws"), proxy=None)

    assert refused.value.response.status_code == 404
