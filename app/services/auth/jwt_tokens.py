"""Tokens of an identity provider of the operator's own: signed, and good for a while (RFC 7519, RFC 8725)."""

import hashlib
import json
import logging
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import jwt
from jwt.algorithms import get_default_algorithms

from app.clock import Clock
from app.protocol.fields import ANONYMOUS, user_of
from app.services.auth.principal import Principal
from config.access_settings import SECRET_ALGORITHMS, AccessSettings
from config.api_tokens import Role
from config.settings import SettingsError

logger = logging.getLogger(__name__)

MAX_TOKEN_CHARS = 8192
_CACHED_TOKENS = 10_000
_MAX_FILE_BYTES = 1024 * 1024
LOOK_AGAIN_S = 1.0
"""How old, in seconds, the last look at the keys' file may be."""

_BROKEN = (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, jwt.PyJWTError)
"""What reading keys and tokens raises, where they are not what they should be."""

Keys = dict[tuple[str | None, str], Any]
"""Keys by their id and the one algorithm that each is for; without an id where there is only one."""


@dataclass(frozen=True, slots=True)
class _Verified:
    principal: Principal
    good_until: float
    keys_version: int


class JwtTokens:
    """Knows whose a signed token is.

    Each key goes with the algorithms of its own kind, out of `JWT_ALGORITHMS`: what a token says of its
    algorithm chooses among them and can bring in no other. What was verified once is remembered until the
    token ends or the keys change.

    Attributes:
        keys_version: Counts how often the keys have changed.

    Raises:
        SettingsError: There is no usable key.
    """

    def __init__(self, settings: AccessSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._cache: OrderedDict[bytes, _Verified] = OrderedDict()
        self._file = settings.jwt_jwks_file
        self._stamp = self._file_stamp()
        self._looked_at: float | None = None
        self.keys_version = 0
        try:
            self._keys = self._first_keys()
        except _BROKEN as exc:
            name = "JWT_KEY" if self._file is None else "JWT_JWKS_FILE"
            raise SettingsError(f"{name}: no usable key ({type(exc).__name__})") from None

    def identify(self, token: str) -> Principal | None:
        """Whose token it is; None where it is not good, or not any more."""
        if len(token) > MAX_TOKEN_CHARS:
            return None
        self.look_at_file()
        digest = _digest(token)
        known = self._cache.get(digest)
        now = self._clock.now().timestamp()
        if known is None or known.keys_version != self.keys_version:
            known = self._verify(token)
            if known is None:
                self._cache.pop(digest, None)
                return None
            self._cache[digest] = known
            if len(self._cache) > _CACHED_TOKENS:
                self._cache.popitem(last=False)
        return known.principal if now < known.good_until else None

    @property
    def has_file(self) -> bool:
        """Whether the keys may change while the server runs."""
        return self._file is not None

    def left_s(self, token: str) -> float | None:
        """For how many seconds a token that was found good stays so; None where it is not known here."""
        known = self._cache.get(_digest(token))
        return None if known is None else known.good_until - self._clock.now().timestamp()

    def _verify(self, token: str) -> _Verified | None:
        settings = self._settings
        try:
            header = jwt.get_unverified_header(token)
            algorithm = str(header.get("alg"))
            key = self._keys.get((header.get("kid"), algorithm)) or self._keys.get((None, algorithm))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=settings.jwt_audience,
                issuer=settings.jwt_issuer,
                leeway=settings.jwt_leeway_s,
                options={
                    "require": ["exp", settings.jwt_user_claim],
                    "verify_sub": False,
                    "enforce_minimum_key_length": True,
                },
            )
            # Remembered, for the token comes again with each text.
            good_until = float(claims["exp"]) + settings.jwt_leeway_s
        except _BROKEN as exc:
            logger.info("jwt_refused", extra={"facts": type(exc).__name__})
            return None
        user_id = user_of({"user_id": claims[settings.jwt_user_claim]})
        if user_id is None or user_id == ANONYMOUS:
            logger.info("jwt_refused", extra={"facts": settings.jwt_user_claim})
            return None
        return _Verified(Principal(user_id, self._role(claims)), good_until, self.keys_version)

    def _role(self, claims: dict[str, Any]) -> Role:
        """Return the role that a token's claims give: the one that may do most, where they name several."""
        settings = self._settings
        named = self._named_roles(claims)
        if settings.jwt_admin_role in named:
            return "admin"
        return "backend" if settings.jwt_backend_role in named else "user"

    def _named_roles(self, claims: dict[str, Any]) -> list[Any]:
        name = self._settings.jwt_role_claim
        if name is None:
            return []
        found: Any = claims.get(name)
        if found is None:  # Keycloak's `realm_access.roles`
            found = claims
            for part in name.split("."):
                found = cast("dict[str, Any]", found).get(part) if isinstance(found, dict) else None
        return cast("list[Any]", found) if isinstance(found, list) else [found]

    # The keys

    def _first_keys(self) -> Keys:
        if self._file is not None:
            return self._read_file(self._file)
        assert self._settings.jwt_key is not None  # noqa: S101  # or nobody would ask for this
        # An environment's one line stands for the lines of a PEM.
        text = self._settings.jwt_key.get_secret_value().replace("\\n", "\n")
        known = get_default_algorithms()
        keys: Keys = {}
        for algorithm in self._settings.jwt_algorithms:
            try:
                keys[None, algorithm] = known[algorithm].prepare_key(text)
            except (jwt.InvalidKeyError, TypeError, ValueError):
                continue  # a key of another kind: RSA has no ES256
        return _some(keys)

    def look_at_file(self) -> int:
        """Read the file again where it has changed; a broken one changes nothing but the log.

        Returns:
            The version of the keys.
        """
        now = self._clock.monotonic()
        if self._file is not None and (self._looked_at is None or now - self._looked_at >= LOOK_AGAIN_S):
            self._read_again(self._file, now)
        return self.keys_version

    def _read_again(self, path: Path, now: float) -> None:
        self._looked_at = now
        stamp = self._file_stamp()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._keys = self._read_file(path)
        except _BROKEN as exc:
            logger.warning("jwks_unreadable", extra={"facts": type(exc).__name__})
            return
        self.keys_version += 1
        logger.info("jwks_read", extra={"keys": len(self._keys)})

    def _file_stamp(self) -> tuple[int, ...] | None:
        try:
            found = self._file.stat() if self._file is not None else None
        except OSError:
            return None
        return (found.st_mtime_ns, found.st_size, found.st_ino) if found is not None else None

    def _read_file(self, path: Path) -> Keys:
        with path.open("rb") as file:
            content = file.read(_MAX_FILE_BYTES + 1)
        if len(content) > _MAX_FILE_BYTES:
            raise ValueError("too large")
        entries = json.loads(content)["keys"]
        keys: Keys = {}
        for entry in entries:
            for algorithm, key in self._keys_of(entry):
                keys[entry.get("kid"), algorithm] = key
                if len(entries) == 1:
                    keys[None, algorithm] = key
        return _some(keys)

    def _keys_of(self, entry: dict[str, Any]) -> Iterator[tuple[str, Any]]:
        if entry.get("use", "sig") != "sig":
            return
        own = entry.get("alg")
        for algorithm in self._settings.jwt_algorithms:
            # No public key may ever be taken for a secret, and no key for another algorithm than its own.
            if (entry.get("kty") == "oct") is not (algorithm in SECRET_ALGORITHMS) or own not in (
                None,
                algorithm,
            ):
                continue
            try:
                yield algorithm, jwt.PyJWK(entry, algorithm).key
            except _BROKEN:
                continue  # of another kind, or of a kind that nobody here knows


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "replace")).digest()


def _some(keys: Keys) -> Keys:
    if not keys:
        raise ValueError("no key goes with JWT_ALGORITHMS")
    return keys
