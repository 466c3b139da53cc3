"""What a request says about who sent it, and from where."""

import ipaddress
import logging
from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection

logger = logging.getLogger(__name__)

TOKEN_PROTOCOL = "voice-agent.token."  # noqa: S105  # the mark before a token, not one
"""A browser cannot send headers with a WebSocket, so the token may stand in the list of subprotocols."""

_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-real-ip", "via")


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of the `Authorization` header; None where there is none, or more than one to choose from."""
    headers = connection.headers.getlist("authorization")
    if len(headers) != 1:
        return None
    scheme, _, token = headers[0].partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def socket_token(connection: HTTPConnection) -> str | None:
    """The token of a WebSocket handshake: its header, or an entry of its list of subprotocols."""
    offered: list[str] = connection.scope.get("subprotocols", [])
    listed = [name.removeprefix(TOKEN_PROTOCOL) for name in offered if name.startswith(TOKEN_PROTOCOL)]
    if connection.headers.getlist("authorization"):
        return bearer_token(connection)
    return listed[0] if len(listed) == 1 else None


def address_of(connection: HTTPConnection) -> str:
    """Where it comes from, behind the proxies that are trusted; empty where nobody knows."""
    client: Any = connection.scope.get("client")
    return str(client[0]) if client else ""


def is_local(connection: HTTPConnection) -> bool:
    """Whether the request comes from this machine itself, and not through a proxy on it."""
    client: Any = connection.scope.get("client")
    if client is None or any(name in connection.headers for name in _FORWARDING):
        return False
    return is_loopback(str(client[0]))


def has_foreign_origin(connection: HTTPConnection, allowed: Collection[str] = ()) -> bool:
    """Whether a page of another site sent the request: a browser says so in `Origin` (CWE-352, CWE-1385).

    With `allowed`, the origins of `ALLOWED_ORIGINS`, just those are ours, by scheme, host and port. Without,
    the origin is ours where its host and port are those of `Host`, or where both are names of this machine (a
    developer's page on another port). A request without `Origin` does not come from a page. What is refused
    for it, over HTTP and at a socket's handshake, is refused here, with one WARNING.
    """
    origins = connection.headers.getlist("origin")
    host = connection.headers.get("host", "")
    if not origins or (len(origins) == 1 and _is_own(origins[0], host, allowed)):
        return False
    facts = {"origin": ", ".join(origins), "host": host, "setting": "ALLOWED_ORIGINS"}
    logger.warning("foreign_origin", extra=facts)
    return True


def is_foreign_embed(connection: HTTPConnection) -> bool:
    """Whether a page of another site has its browser fetch this: as a picture, a frame, a script.

    Such a request names no `Origin`. Whoever follows a link to here comes of their own accord.
    """
    headers = connection.headers
    return headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-dest") != "document"


def _is_own(origin: str, host: str, allowed: Collection[str]) -> bool:
    sender = _host_and_port(origin)
    if allowed:
        scheme = origin.partition("://")[0].lower()
        return sender is not None and any(
            scheme == entry.partition("://")[0].lower() and sender == _host_and_port(entry)
            for entry in allowed
        )
    server = _host_and_port(f"{origin.partition('://')[0]}://{host}")
    if sender is None or server is None:
        return False
    return sender == server or (is_loopback(sender[0]) and is_loopback(server[0]))


def _host_and_port(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.hostname, port) if parts.hostname else None


def is_loopback(host: str) -> bool:
    """Whether a name or an address is this machine's own, and nobody else's."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
