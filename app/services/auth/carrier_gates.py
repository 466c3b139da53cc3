"""Whose calls are taken beside Twilio's: what each company signs, by its own setting."""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit, urlunsplit

import jwt
from jwt.algorithms import OKPAlgorithm

from app.clock import Clock
from app.services.auth.call_gate import CallGate
from config.fleet_settings import FleetSettings
from config.phone_settings import PhoneSettings

TOLERANCE_S: Final = 300.0
"""How old a signature may be that says when it was made, in seconds."""


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A request that asks what to do with a call.

    Attributes:
        headers: Their names in lower case.
        url: As the company dialled it, with its query.
        members: Of its form; empty where its body is none.
        now: Seconds since the epoch.
    """

    headers: Mapping[str, str]
    url: str
    body: bytes
    members: Sequence[tuple[str, str]]
    now: float


IsSigned = Callable[[SignedRequest], bool]


@dataclass(frozen=True, slots=True)
class CarrierGate:
    """One company's requests told from others, and the passes that its streams bring.

    Attributes:
        is_signed: Whether a request is the company's.
        passes: Gives passes for calls, and knows them again.
    """

    is_signed: IsSigned
    passes: CallGate


def is_of_telnyx(public_key: str, request: SignedRequest) -> bool:
    """Return whether Telnyx has signed the time and the body, by Ed25519.

    Args:
        public_key: The account's, in base64.
        request: What is said to be Telnyx's.
    """
    stamp = request.headers.get("telnyx-timestamp", "")
    if not stamp.isascii() or not stamp.isdigit() or abs(request.now - int(stamp[:12])) > TOLERANCE_S:
        return False
    try:
        given = base64.b64decode(request.headers.get("telnyx-signature-ed25519", ""), validate=True)
        number = base64.urlsafe_b64encode(base64.b64decode(public_key)).decode().rstrip("=")
        key = OKPAlgorithm.from_jwk({"kty": "OKP", "crv": "Ed25519", "x": number})
        return OKPAlgorithm().verify(f"{stamp}|".encode() + request.body, key, given)
    except (jwt.PyJWTError, binascii.Error, ValueError):
        return False


def plivo_signature(auth_token: str, request: SignedRequest, nonce: str) -> str:
    """Return Plivo's signature (V3) of a POST: over its address, its form's members by name, and a nonce."""
    parts = urlsplit(request.url)
    query = "&".join(
        sorted(f"{name}={value}" for name, value in parse_qsl(parts.query, keep_blank_values=True))
    )
    text = urlunsplit((parts.scheme, parts.netloc, parts.path, "", ""))
    if query or request.members:
        text += f"?{query}"
    if query and request.members:
        text += "."
    text += "".join(f"{name}{value}" for name, value in sorted(request.members))
    digest = hmac.new(auth_token.encode(), f"{text}.{nonce}".encode("utf-8", "surrogatepass"), hashlib.sha256)
    return base64.b64encode(digest.digest()).decode()


def is_of_plivo(auth_token: str, request: SignedRequest) -> bool:
    """Return whether Plivo has signed a request; of several signatures one is enough."""
    right = plivo_signature(auth_token, request, request.headers.get("x-plivo-signature-v3-nonce", ""))
    given = request.headers.get("x-plivo-signature-v3", "").split(",")
    same = [
        hmac.compare_digest(right.encode(), each.strip().encode("utf-8", "surrogatepass")) for each in given
    ]
    return any(same)


def is_of_vonage(secret: str, request: SignedRequest) -> bool:
    """Return whether Vonage has signed the body: a token of now, which holds its hash."""
    token = request.headers.get("authorization", "").removeprefix("Bearer ")
    try:
        # The time is judged below, by the server's own clock.
        claims: dict[str, Any] = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            options={"require": ["iat", "payload_hash"], "verify_iat": False, "verify_aud": False},
        )
        age_s = abs(request.now - float(claims["iat"]))
    except (jwt.PyJWTError, TypeError, ValueError):
        return False
    right, given = hashlib.sha256(request.body).hexdigest(), str(claims["payload_hash"])
    is_same = hmac.compare_digest(right.encode(), given.encode("utf-8", "surrogatepass"))
    return is_same and age_s <= TOLERANCE_S


def carrier_gates(settings: PhoneSettings, fleet: FleetSettings, clock: Clock) -> dict[str, CarrierGate]:
    """Return whose calls are taken, by the company's name; none without its setting."""
    gates: dict[str, CarrierGate] = {}
    if settings.telnyx_public_key is not None:
        # A public key seals nothing. What several processes share does.
        shared = fleet.fleet_secret
        secret = shared[0].get_secret_value() if shared else secrets.token_hex(32)
        is_signed = partial(is_of_telnyx, settings.telnyx_public_key)
        gates["telnyx"] = CarrierGate(is_signed, CallGate(f"telnyx {secret}", clock))
    if settings.plivo_auth_token is not None:
        token = settings.plivo_auth_token.get_secret_value()
        gates["plivo"] = CarrierGate(partial(is_of_plivo, token), CallGate(f"plivo {token}", clock))
    if settings.vonage_signature_secret is not None:
        secret = settings.vonage_signature_secret.get_secret_value()
        gates["vonage"] = CarrierGate(partial(is_of_vonage, secret), CallGate(f"vonage {secret}", clock))
    return gates
