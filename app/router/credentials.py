"""What a request says about who sent it, and from where."""

import functools
import ipaddress
import logging
from collections.abc import Collection
from typing import Any

from starlette.requests import HTTPConnection

from config.origins import origin_of_host, parse_origin

logger = logging.getLogger(__name__)

TOKEN_PROTOCOL = "voice-agent.token."  # noqa: S105  # the mark before a token, not one
"""A browser cannot send headers with a WebSocket, so the token may stand in the list of subprotocols."""

_TOKEN_PROTOCOLS = (TOKEN_PROTOCOL, "openai-insecure-api-key.")
"""Ours, and the one of pages that were written for OpenAI."""

EPHEMERAL = "ek_"
"""So a key begins that a page may hold, as libraries for OpenAI look for it; the rest of it is a ticket."""

_LONGEST_ADDRESS = 64
"""In characters, with the name of a zone; a `Host` may be as long as it likes."""

_SIGNS_OF_A_PROXY = frozenset(
    {
        "forwarded",
        "x-forwarded",
        "via",
        "x-via",
        "client-ip",
        "x-real-ip",
        "x-real-port",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-remote-ip",
        "x-remote-addr",
        "x-originating-ip",
        "x-original-forwarded-for",
        "x-original-host",
        "x-original-url",
        "x-proxyuser-ip",
        "x-nf-client-connection-ip",
        "x-scheme",
        "x-varnish",
        "true-client-ip",
        "proxy-client-ip",
        "wl-proxy-client-ip",
        "front-end-https",
        "cdn-loop",
        "x-amzn-trace-id",
        "x-cloud-trace-context",
    }
)
"""Headers of which a client that sends them itself gains nothing: it is taken for a stranger."""

_BEGINNINGS_OF_A_PROXY = (
    "x-forwarded-",
    "x-envoy-",
    "x-arr-",
    "x-azure-",
    "x-appengine-",
    "x-amz-cf-",
    "x-vercel-",
    "cf-",
    "fastly-",
    "fly-",
    "akamai-",
    "ngrok-",
    "tailscale-",
)
"""So begins what families of proxies write: `X-Forwarded-For`, `-Host`, `-Proto`, `-Port` and more."""

FORWARDED_HOST = "voice_agent.forwarded_host"
"""Where a scope has the `Host` that the browser asked for, if a trusted proxy has written another."""

FORWARDED_PROTO = "voice_agent.forwarded_proto"
"""Where a scope has the scheme that was asked for, as a trusted proxy says."""

REFUSED_ORIGIN = "see ALLOWED_ORIGINS, and the proxy's Host or X-Forwarded-Host"
"""What an operator looks at where a page of their own is refused."""

HARMLESS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing."""

_FROM_HERE = frozenset({"same-origin", "none"})
"""What `Sec-Fetch-Site` says of a page of ours, and of a request that its user typed or chose."""


def bearer_token(connection: HTTPConnection) -> str | None:
    """The token of the `Authorization` header; None where there is none, or more than one to choose from."""
    headers = connection.headers.getlist("authorization")
    if len(headers) != 1:
        return None
    scheme, _, token = headers[0].partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None


def socket_token(connection: HTTPConnection) -> str | None:
    """Return the token of a WebSocket handshake: of a header, or an entry of its list of subprotocols."""
    offered: list[str] = connection.scope.get("subprotocols", [])
    listed = [
        name.removeprefix(mark) for name in offered for mark in _TOKEN_PROTOCOLS if name.startswith(mark)
    ]
    keys = connection.headers.getlist("api-key")
    if connection.headers.getlist("authorization"):
        token = bearer_token(connection)
    elif keys:
        token = keys[0].strip() if len(keys) == 1 else None
    else:
        token = listed[0] if len(listed) == 1 else None
    return token.removeprefix(EPHEMERAL) if token else None


def address_of(connection: HTTPConnection) -> str:
    """Return where it comes from, behind the proxies that are trusted; empty where nobody knows."""
    client: Any = connection.scope.get("client")
    return str(client[0]) if client else ""


def is_local(connection: HTTPConnection) -> bool:
    """Return whether the request comes from this machine itself, and not through a proxy on it."""
    client: Any = connection.scope.get("client")
    if client is None or has_sign_of_a_proxy(connection):
        return False
    return is_loopback(str(client[0]))


def has_sign_of_a_proxy(connection: HTTPConnection) -> bool:
    """Return whether a proxy has passed the request on, by its headers."""
    return any(map(_is_sign_of_a_proxy, connection.headers.keys()))


def _is_sign_of_a_proxy(header: str) -> bool:
    return header in _SIGNS_OF_A_PROXY or header.startswith(_BEGINNINGS_OF_A_PROXY)


def has_foreign_origin(connection: HTTPConnection, allowed: Collection[str] = ()) -> bool:
    """Whether a page of another site sent the request: a browser says so in `Origin` (CWE-352, CWE-1385).

    The origin is ours where its host and port are those of `Host`, or of what a trusted proxy says of it. So
    are those of `allowed`, the origins of `ALLOWED_ORIGINS`, by scheme, host and port; where there are none,
    also any of this machine if we are asked for by such a name (a developer's page on another port).

    Where there is no `Origin`, a handshake or what may change something is a page's if `Sec-Fetch-Site` says
    so. Programs send neither. What is refused for it, over HTTP and at a socket's handshake, is refused here,
    with one WARNING.
    """
    origins = connection.headers.getlist("origin")
    host = connection.headers.get("host", "")
    if len(origins) == 1 and _is_own(origins[0], connection, allowed):
        return False
    if not origins and (_is_harmless(connection) or _came_from_here(connection)):
        return False
    facts = {"origin": ", ".join(origins), "host": host, "setting": "ALLOWED_ORIGINS"}
    logger.warning("foreign_origin", extra=facts)
    return True


def _is_harmless(connection: HTTPConnection) -> bool:
    return connection.scope["type"] == "http" and connection.scope["method"] in HARMLESS


def _came_from_here(connection: HTTPConnection) -> bool:
    """Return whether no browser says that a page of another site sent it, be it of the same company's."""
    return all(site.strip().lower() in _FROM_HERE for site in connection.headers.getlist("sec-fetch-site"))


def is_foreign_embed(connection: HTTPConnection) -> bool:
    """Return whether a page of another site has its browser fetch this: as a picture, a frame, a script.

    Such a request names no `Origin`. Whoever follows a link to here comes of their own accord.
    """
    headers = connection.headers
    return headers.get("sec-fetch-site") == "cross-site" and headers.get("sec-fetch-dest") != "document"


def _is_own(text: str, connection: HTTPConnection, allowed: Collection[str]) -> bool:
    origin = parse_origin(text)
    if origin is None:
        return False
    if str(origin) in allowed:
        return True
    if connection.scope.get("scheme") in ("https", "wss") and origin.scheme != "https":
        return False  # whoever is in between writes what they like into a page without encryption
    if origin == origin_of_host(origin.scheme, connection.scope.get(FORWARDED_HOST, "")):
        return True
    server = origin_of_host(origin.scheme, connection.headers.get("host", ""))
    if server is None:
        return False
    return origin == server or (not allowed and is_loopback(origin.host) and is_loopback(server.host))


def is_loopback(host: str) -> bool:
    """Return whether a name or an address is this machine's own, and nobody else's."""
    return host == "localhost" or (len(host) <= _LONGEST_ADDRESS and _is_loopback_address(host))


@functools.lru_cache(1024)  # asked again for each connection
def _is_loopback_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
