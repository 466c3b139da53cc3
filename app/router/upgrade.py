"""The handshake of a WebSocket as nearly all clients write it, read once (RFC 6455, section 4.2.1).

uvicorn's HTTP parser has a handshake in pieces, and writes them down as text again for the `websockets`
package to parse, with the grammar of each header: a fifth of what a connection costs. What is out of the
ordinary still goes that way: there it is known what is wrong with it, and how to say so.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

_GUID: Final = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
"""What a server puts behind a client's key."""

_KEY: Final = re.compile(rb"[A-Za-z0-9+/]{22}==")
"""Sixteen bytes in base64."""

_SUBPROTOCOLS: Final = re.compile(
    rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+(?:[ \t]*,[ \t]*[-!#$%&'*+.^_`|~0-9A-Za-z]+)*"
)

_CONNECTIONS: Final = frozenset({b"upgrade", b"keep-alive, upgrade"})
"""What browsers, libraries and proxies write."""

_ONCE: Final = frozenset(
    {
        b"connection",
        b"upgrade",
        b"origin",
        b"sec-websocket-key",
        b"sec-websocket-version",
        b"sec-websocket-protocol",
    }
)
_NEVER: Final = frozenset({b"content-length", b"transfer-encoding"})

Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Upgrade:
    """A request for a WebSocket that nothing is wrong with.

    Attributes:
        path: As it was written.
        query: What stands behind it.
        headers: Their names in small letters.
        subprotocols: What the client speaks.
        proof: That this server has read the client's key.
    """

    path: bytes
    query: bytes
    headers: list[Header]
    subprotocols: list[str]
    proof: bytes


def read_upgrade(method: str, target: bytes, headers: Sequence[Header]) -> Upgrade | None:
    """Return what a request asks for; None where it is not written as nearly all are.

    Args:
        method: The request's.
        target: Its path and query.
        headers: As the HTTP parser has them, whose names are in small letters.
    """
    stripped = [(name, value.strip(b" \t")) for name, value in headers]
    found: dict[bytes, bytes] = {}
    for name, value in stripped:
        if name in _ONCE:
            if name in found:
                return None
            found[name] = value
        elif name in _NEVER:
            return None
    key, offered = found.get(b"sec-websocket-key", b""), found.get(b"sec-websocket-protocol")
    is_plain = (
        method == "GET"
        and target.isascii()
        and found.get(b"upgrade", b"").lower() == b"websocket"
        and found.get(b"connection", b"").lower() in _CONNECTIONS
        and found.get(b"sec-websocket-version") == b"13"
        and _KEY.fullmatch(key)
        and (offered is None or _SUBPROTOCOLS.fullmatch(offered))
    )
    if not is_plain:
        return None
    path, _, query = target.partition(b"?")
    subprotocols = [] if offered is None else [each.strip() for each in offered.decode().split(",")]
    # The protocol asks for SHA-1: it proves that the key was read, and keeps no secret.
    proof = base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())
    return Upgrade(path, query, stripped, subprotocols, proof)
