"""Origins: the scheme, host and port of a page (RFC 6454), read exactly, and nothing like one.

A browser writes an origin in one form alone. A parser of addresses takes far more for one: it drops what
stands before an `@`, blanks and control characters, reads backslashes as slashes, and folds letters that
merely look alike.
"""

import ipaddress
import re
from typing import Final, NamedTuple

_SCHEMES: Final = {"http": 80, "https": 443}
_MAX_CHARS: Final = 300
"""A name has 253 characters at most (RFC 1035)."""

_ORIGIN: Final = re.compile(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::([1-9][0-9]{0,4}))?", re.ASCII)
_HOST: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{0,5}))?", re.ASCII)


class Origin(NamedTuple):
    """A scheme, a host in lower case (IPv6 without brackets), and a port."""

    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """As browsers write it: without the port that its scheme implies."""
        shown = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _SCHEMES[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{shown}{port}"


def parse_origin(text: str) -> Origin | None:
    """Return the origin that the text is; None where it is none, as `null` and an address with a path are."""
    found = _ORIGIN.fullmatch(text.lower()) if text.isascii() and len(text) <= _MAX_CHARS else None
    if found is None:
        return None
    scheme, host, port = found.groups()
    return _made(scheme, host, int(port) if port else _SCHEMES[scheme])


def origin_of_host(scheme: str, host: str) -> Origin | None:
    """Return the origin of the server that a `Host` header names; None where it names none."""
    found = _HOST.fullmatch(host) if scheme in _SCHEMES and len(host) <= _MAX_CHARS else None
    if found is None:
        return None
    return _made(scheme, found[1].lower(), int(found[2]) if found[2] else _SCHEMES[scheme])


def _made(scheme: str, host: str, port: int) -> Origin | None:
    if not 0 < port < 65_536 or host.startswith(".") or ".." in host:
        return None
    if host.startswith("["):
        try:
            host = str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return None
    return Origin(scheme, host, port)
