"""What a request says about who sent it, and from where."""

import ipaddress
import logging
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


def is_local(connection: HTTPConnection) -> bool:
    """Whether the request comes from this machine itself, and not through a proxy on it."""
    client: Any = connection.scope.get("client")
    if client is None or any(name in connection.headers for name in _FORWARDING):
        return False
    return _is_loopback(str(client[0]))


def has_foreign_origin(connection: HTTPConnection) -> bool:
    """Whether a page of another site sent the request: a browser says so in `Origin` (CWE-352, CWE-1385).

    The origin is ours where its host and port are those of `Host`, or where both are names of this machine (a
    developer's page on another port). A request without `Origin` does not come from a page. What is refused
    for it, over HTTP and at a socket's handshake, is refused here, with one WARNING.
    """
    origins = connection.headers.getlist("origin")
    host = connection.headers.get("host", "")
    if not origins or (len(origins) == 1 and _is_own(origins[0], host)):
        return False
    logger.warning("foreign_origin", extra={"origin": ", ".join(origins), "host": host})
    return True


def _is_own(origin: str, host: str) -> bool:
    sender = _host_and_port(origin)
    server = _host_and_port(f"{origin.partition('://')[0]}://{host}")
    if sender is None or server is None:
        return False
    return sender == server or (_is_loopback(sender[0]) and _is_loopback(server[0]))


def _host_and_port(url: str) -> tuple[str, int] | None:
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return None
    return (parts.hostname, port) if parts.hostname else None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
