"""Clients of httpx for the addresses that the operator has set, over bounded connections.

httpx has no setting for what opens its connections; so its transports get pools that are made here.
"""

import functools
import ssl

import httpcore
import httpx

from app.outbound.bounded_network import BoundedBlockingNetwork, BoundedNetwork, asyncio_backend
from app.outbound.proxies import proxy_of_environment


@functools.cache
def _public_trust() -> ssl.SSLContext:
    """Return what believes the certificates that httpx brings; to read them takes 60 ms."""
    return httpx.create_ssl_context(trust_env=False)


class BoundedTransport(httpx.AsyncHTTPTransport):
    """httpx's transport over `BoundedNetwork`; knows no proxy."""

    def __init__(self) -> None:
        trust = _public_trust()
        super().__init__(verify=trust)
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=trust, network_backend=BoundedNetwork(asyncio_backend())
        )


class BoundedBlockingTransport(httpx.HTTPTransport):
    """httpx's blocking transport over `BoundedBlockingNetwork`.

    Args:
        proxy: The proxy's URL, where the hosts are reached through one.
        trust: Which certificates are believed; by default the system's, or those of `SSL_CERT_FILE`.
    """

    def __init__(self, proxy: str | None = None, trust: ssl.SSLContext | None = None) -> None:
        trust = trust or httpx.create_ssl_context()
        super().__init__(verify=trust)
        network = BoundedBlockingNetwork(httpcore.SyncBackend())
        if proxy is None:
            self._pool = httpcore.ConnectionPool(ssl_context=trust, network_backend=network)
        else:
            own = httpx.Proxy(proxy)
            self._pool = httpcore.HTTPProxy(
                str(own.url), own.raw_auth, ssl_context=trust, network_backend=network
            )


class _ProxiedTransport(httpx.BaseTransport):
    """Reaches each host as the environment says."""

    def __init__(self, trust: ssl.SSLContext | None = None) -> None:
        self._trust = trust
        self._transports: dict[str | None, BoundedBlockingTransport] = {}

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        proxy = proxy_of_environment(request.url.scheme, request.url.host)
        if proxy not in self._transports:
            self._transports[proxy] = BoundedBlockingTransport(proxy, self._trust)
        return self._transports[proxy].handle_request(request)

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()


def operator_client(timeout_s: float) -> httpx.AsyncClient:
    """Return a client that follows no redirects and reads no environment.

    Args:
        timeout_s: Limit of each step of a request, in seconds, where the request has none of its own.
    """
    return httpx.AsyncClient(
        follow_redirects=False, trust_env=False, timeout=timeout_s, transport=BoundedTransport()
    )


def blocking_client(trust: ssl.SSLContext) -> httpx.Client:
    """Return a blocking client that follows no redirects and goes through the environment's proxy."""
    return httpx.Client(follow_redirects=False, transport=_ProxiedTransport(trust))


def release_client(timeout: httpx.Timeout) -> httpx.Client:
    """Return a blocking client that follows redirects and goes through the environment's proxy."""
    return httpx.Client(follow_redirects=True, timeout=timeout, transport=_ProxiedTransport())
