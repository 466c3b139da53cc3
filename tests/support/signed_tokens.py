"""An identity provider: it signs tokens, and writes its keys into a file."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

AUDIENCE, ISSUER = "voice-agent", "https://id.example"


class Provider:
    """Signs with one RSA key after another, and with a key of an elliptic curve."""

    def __init__(self) -> None:
        self.keys: dict[str, Any] = {"rsa-1": _rsa(), "ec-1": ec.generate_private_key(ec.SECP256R1())}

    def settings(self, path: Path, **more: Any) -> dict[str, Any]:
        """Of a server that trusts it, by a file that is written now."""
        self.publish(path)
        return {"jwt_jwks_file": path, "jwt_audience": AUDIENCE, "jwt_issuer": ISSUER, **more}

    def publish(self, path: Path) -> None:
        """Writes the keys that count now, in one step."""
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps({"keys": [self._public(kid) for kid in self.keys]}), encoding="utf-8")
        fresh.replace(path)

    def rotate(self, old: str, new: str) -> None:
        """Another RSA key takes the place of an old one."""
        del self.keys[old]
        self.keys[new] = _rsa()

    def pem(self, kid: str) -> str:
        """A public key as `JWT_KEY` has it."""
        public = self.keys[kid].public_key()
        return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def token(
        self, user: Any = "ana", *, lasts_s: float = 300, kid: str = "rsa-1", key: Any = None, **claims: Any
    ) -> str:
        """A token; a claim that is None is left out."""
        algorithm = claims.pop("algorithm", "RS256" if kid.startswith("rsa") else "ES256")
        now = datetime.now(UTC).timestamp()
        said = {"sub": user, "exp": now + lasts_s, "aud": AUDIENCE, "iss": ISSUER, **claims}
        payload = {name: value for name, value in said.items() if value is not None}
        return jwt.encode(payload, key or self.keys[kid], algorithm, {"kid": kid})

    def _public(self, kid: str) -> dict[str, Any]:
        algorithm = RSAAlgorithm if kid.startswith("rsa") else ECAlgorithm
        return {**algorithm.to_jwk(self.keys[kid].public_key(), as_dict=True), "kid": kid, "use": "sig"}


def _rsa() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, 2048)
