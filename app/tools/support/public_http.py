"""HTTP requests to servers that a model has chosen.

Each hop is checked by the `DestinationGuard` and then connected to by the very address that was checked; the
name lives on in Host and in TLS. httpcore is used below httpx, because it lets the connection be made by us.
Every request has a connection of its own: nothing is shared between users, nothing is kept open.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import httpcore
import httpx

from app.outbound.bounded_network import BoundedNetwork, asyncio_backend
from app.stall_timeout import patiently_until
from app.tools.support.bounded_body import BoundedBody
from app.tools.support.destination_guard import DestinationGuard, Forbidden
from app.tools.support.name_lookup import LookupFailed, Resolver, SystemResolver
from app.tools.support.own_addresses import OwnAddresses, SystemOwnAddresses
from app.tools.support.public_request import PublicRequest
from app.tools.support.redirect_cookies import RedirectCookies
from app.tools.support.web_address import BadWebAddress, WebAddress

MAX_REDIRECTS = 5
CONNECT_TIMEOUT_S = 5.0
_MAX_ADDRESSES = 4


class FetchFailed(Exception):
    """There is no answer. The classes below say why; the argument is for the log.

    Attributes:
        may_have_acted: The server may have got the request, so a write may have happened.
    """

    may_have_acted = False


class RequestRefused(FetchFailed):
    """The URL, or one that it redirects to, may not be requested."""


class TooManyRedirects(FetchFailed):
    """More than `MAX_REDIRECTS`."""

    may_have_acted = True


class HostUnreachable(FetchFailed):
    """No connection could be made, or the name not be looked up."""


class Untrusted(FetchFailed):
    """No secure connection could be made: the certificate is wrong, or the port speaks no TLS."""


class NoAnswer(FetchFailed):
    """The connection broke, or what came over it is no HTTP."""


class TooSlow(FetchFailed):
    """The time was over before the answer's head had come."""


@dataclass(frozen=True, slots=True)
class FetchedResponse:
    """What a server answered; its body as far as it was read."""

    status: int
    url: WebAddress
    headers: httpx.Headers
    body: BoundedBody
    redirects: int = 0

    @property
    def location(self) -> str | None:
        """Where the answer redirects to, if it does and says where."""
        if self.status not in (301, 302, 303, 307, 308):
            return None
        # The same one twice is one; two that differ are joined to what is no URL, and lead nowhere.
        return "\n".join(dict.fromkeys(self.headers.get_list("location"))).strip() or None


@cache
def _system_trust() -> ssl.SSLContext:
    # Loading the certificates takes tens of milliseconds; once for the process.
    return httpx.create_ssl_context(trust_env=False)


def _system_own_addresses() -> OwnAddresses:
    return SystemOwnAddresses(SystemResolver(max_threads=1, timeout_s=1))


@dataclass(frozen=True)
class Network:
    """The outside world, as far as requests need it.

    Attributes:
        resolve: Finds the addresses of names.
        backend: Opens connections; is only ever given addresses.
        trust: Gives the certificates that are trusted.
        is_own: Knows this machine's own addresses.
    """

    resolve: Resolver = field(default_factory=SystemResolver)
    backend: httpcore.AsyncNetworkBackend = field(default_factory=asyncio_backend)
    trust: Callable[[], ssl.SSLContext] = _system_trust
    is_own: OwnAddresses = field(default_factory=_system_own_addresses)


@cache
def real_network() -> Network:
    """Return the one real network of the process; sharing it is what bounds the look-up threads."""
    return Network()


@dataclass(slots=True)
class _Sent:
    """Whether anything of a request has left; a TLS handshake is nothing of it."""

    has_begun: bool = False


class _WatchedStream(httpcore.AsyncNetworkStream):
    """Notes when the first byte of a request is about to leave."""

    def __init__(self, stream: httpcore.AsyncNetworkStream, sent: _Sent) -> None:
        self._stream = stream
        self._sent = sent

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """See httpcore."""
        return await self._stream.read(max_bytes, timeout)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """See httpcore."""
        self._sent.has_begun = True
        await self._stream.write(buffer, timeout)

    async def aclose(self) -> None:
        """See httpcore."""
        await self._stream.aclose()

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.AsyncNetworkStream:
        """See httpcore."""
        return _WatchedStream(await self._stream.start_tls(ssl_context, server_hostname, timeout), self._sent)

    def get_extra_info(self, info: str) -> Any:
        """See httpcore."""
        return self._stream.get_extra_info(info)


class _PinnedBackend(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked before, whatever host it is asked for."""

    def __init__(self, backend: httpcore.AsyncNetworkBackend, addresses: tuple[str, ...]) -> None:
        self._backend = backend
        self._addresses = addresses[:_MAX_ADDRESSES]
        self.is_connected = False
        self.sent = _Sent()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Try the addresses in turn; a silent one may use up its share of the time, no more."""
        share_s = (timeout or CONNECT_TIMEOUT_S) / len(self._addresses)
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._addresses:
            try:
                stream = await self._backend.connect_tcp(
                    address, port, share_s, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as exc:
                failure = exc
            else:
                self.is_connected = True
                return _WatchedStream(stream, self.sent)
        raise failure


class PublicClient:
    """Makes requests to servers that the guard lets through.

    Args:
        limit: How many bytes of a body are kept, decoded.
    """

    def __init__(self, network: Network, guard: DestinationGuard, limit: int) -> None:
        self._network = network
        self._guard = guard
        self._limit = limit

    async def fetch(self, request: PublicRequest, time_limit_s: float) -> FetchedResponse:
        """Send the request and follow redirects.

        A body that is cut, too slow or broken is no failure: the answer says so (`FetchedResponse.body`).

        Args:
            request: The first request; a redirect may change its method (RFC 9110 section 15.4).
            time_limit_s: For everything together, in seconds.

        Raises:
            FetchFailed: There is no answer.
        """
        deadline = asyncio.get_running_loop().time() + time_limit_s
        cookies = RedirectCookies()
        for redirects in range(MAX_REDIRECTS + 1):
            try:
                answer = await self._exchange(request, deadline)
            except FetchFailed as exc:
                # A server that redirects has done what it was asked, as a rule: POST, then "see other".
                exc.may_have_acted |= redirects > 0
                raise
            if answer.location is None:
                return replace(answer, redirects=redirects)
            cookies.take(request.url, answer.headers.get_list("set-cookie"))
            request = _next_request(request, answer.status, answer.location)
            request = replace(request, cookies=cookies.field_for(request.url))
        raise TooManyRedirects

    async def _exchange(self, request: PublicRequest, deadline: float) -> FetchedResponse:
        addresses = await self._checked_addresses(request.url, deadline)
        pinned = _PinnedBackend(self._network.backend, addresses)
        url = request.url
        # httpcore speaks of names as bytes and of IPv6 addresses without brackets, as `WebAddress` does.
        connection = httpcore.AsyncHTTPConnection(
            httpcore.Origin(url.scheme.encode(), url.host.encode(), url.port),
            ssl_context=self._network.trust() if url.scheme == "https" else None,
            network_backend=BoundedNetwork(pinned),
        )
        async with connection:
            try:
                async with patiently_until(deadline):
                    response = await connection.handle_async_request(_wire_request(request))
            except (
                TimeoutError,
                httpcore.TimeoutException,
                httpcore.NetworkError,
                httpcore.ProtocolError,
            ) as exc:
                failure = _failure(exc, is_connected=pinned.is_connected)
                failure.may_have_acted = pinned.sent.has_begun
                raise failure from exc
            async with _closing(response):
                return await self._read(request, response, deadline)

    async def _checked_addresses(self, url: WebAddress, deadline: float) -> tuple[str, ...]:
        try:
            async with patiently_until(deadline):
                return await self._guard.addresses_of(url)
        except Forbidden as exc:
            raise RequestRefused(str(exc)) from exc
        except LookupFailed as exc:
            raise HostUnreachable("name look-up") from exc
        except TimeoutError as exc:
            raise TooSlow("name look-up") from exc

    async def _read(
        self, request: PublicRequest, response: httpcore.Response, deadline: float
    ) -> FetchedResponse:
        headers = httpx.Headers(response.headers)
        body = BoundedBody(headers.get("content-encoding", ""), self._limit, headers.get("content-type", ""))
        answer = FetchedResponse(response.status, request.url, headers, body)
        if answer.location is None:
            await _fill(body, response, deadline)
        return answer


def _next_request(request: PublicRequest, status: int, location: str) -> PublicRequest:
    try:
        return request.redirected(status, location)
    except BadWebAddress as exc:
        refused = RequestRefused(f"redirect: {exc}")
        refused.may_have_acted = True
        raise refused from exc


def _wire_request(request: PublicRequest) -> httpcore.Request:
    url = request.url
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=url.scheme, host=url.host, port=url.port, target=url.target),
        headers=request.wire_headers(),
        content=request.content,
        extensions={"timeout": {"connect": CONNECT_TIMEOUT_S}},
    )


async def _fill(body: BoundedBody, response: httpcore.Response, deadline: float) -> None:
    try:
        async with patiently_until(deadline):
            async for chunk in response.aiter_stream():
                body.feed(chunk)
                if body.is_full:
                    # Reading on from a closed connection ends the generators below at once. Left as they
                    # are, each would be ended later, by the garbage collector, in a task of its own.
                    await response.aclose()
        body.end()
    except TimeoutError:
        body.fail("slow")
    except (httpcore.NetworkError, httpcore.ProtocolError):
        body.fail("broken")


@asynccontextmanager
async def _closing(response: httpcore.Response) -> AsyncGenerator[None]:
    try:
        yield
    finally:
        await response.aclose()


def _failure(exc: Exception, *, is_connected: bool) -> FetchFailed:
    if isinstance(exc, httpcore.ConnectTimeout):
        return HostUnreachable("connect timeout")
    if isinstance(exc, httpcore.ConnectError):
        return (Untrusted if is_connected else HostUnreachable)(str(exc))
    return (TooSlow if isinstance(exc, TimeoutError) else NoAnswer)(type(exc).__name__)
