"""Whose calls are taken: what Twilio signs, and the pass that this server gives a call itself."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from app.clock import Clock

PASS: Final = "pass"  # noqa: S105  # the parameter's name
CALLER: Final = "caller"
"""Parameters of a stream: the pass, and who calls, which it vouches for."""

PASS_LIFETIME_S: Final = 60.0
"""A stream begins right after the answer that asks for it."""

_PORTS: Final = {"https": 443, "wss": 443, "http": 80, "ws": 80}


def signature(secret: str, url: str, parameters: Iterable[tuple[str, str]] = ()) -> str:
    """Return Twilio's signature of a request: over its address, and its form's members by name."""
    text = url + "".join(f"{name}{value}" for name, value in sorted(set(parameters)))
    # SHA-1 is Twilio's choice; as a keyed hash it is not broken.
    digest = hmac.new(secret.encode(), text.encode("utf-8", "surrogatepass"), hashlib.sha1).digest()
    return base64.b64encode(digest).decode()


def _spellings(url: str) -> tuple[str, str]:
    """Return an address with its port and without: Twilio signs either."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    host = f"[{host}]" if ":" in host else host
    with_port = parts._replace(netloc=f"{host}:{parts.port or _PORTS.get(parts.scheme, 80)}")
    return urlunsplit(parts._replace(netloc=host)), urlunsplit(with_port)


class CallGate:
    """Tells Twilio's requests from others, and this server's own passes from what others make up.

    Nothing is kept of passes, so that any process with the same secret takes what another one gave. One is
    good for one call, and for its caller's number.

    Args:
        secret: The account's, `TWILIO_AUTH_TOKEN`.
    """

    def __init__(self, secret: str, clock: Clock) -> None:
        self._secret = secret
        self._key = hmac.new(secret.encode(), b"pass of a media stream", hashlib.sha256).digest()
        self._clock = clock

    def is_signed(self, given: str, urls: Iterable[str], parameters: Iterable[tuple[str, str]] = ()) -> bool:
        """Return whether a request is Twilio's.

        Args:
            given: The header `X-Twilio-Signature`.
            urls: The addresses that Twilio may have dialled; each is tried with its port and without.
            parameters: The form's members.
        """
        members, is_good = list(parameters), False
        for url in urls:
            for spelt in _spellings(url):
                right = signature(self._secret, spelt, members)
                is_good |= hmac.compare_digest(right.encode(), given.encode("utf-8", "surrogatepass"))
        return is_good

    def issue(self, call_id: str, caller: str) -> str:
        """Return a pass for a call."""
        until = self._clock.now() + timedelta(seconds=PASS_LIFETIME_S)
        ends = str(int(until.timestamp()))
        return f"{ends}.{self._seal(call_id, caller, ends)}"

    def has_pass(self, call_id: str, parameters: Mapping[str, str]) -> bool:
        """Return whether a stream's parameters hold a pass for this call that has not ended."""
        ends, _, seal = parameters.get(PASS, "").partition(".")
        right = self._seal(call_id, parameters.get(CALLER, ""), ends)
        if not hmac.compare_digest(right.encode(), seal.encode("utf-8", "surrogatepass")):
            return False
        return self._clock.now().timestamp() < int(ends)

    def _seal(self, call_id: str, caller: str, ends: str) -> str:
        # What joins them is in none of them: a part cannot pass for another one.
        text = "\n".join((call_id.replace("\n", " "), caller.replace("\n", " "), ends))
        return hmac.new(self._key, text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()
