"""Carries the `openai` package's requests over aiohttp.

The package's own transport costs more than twice the CPU per token, and neither that nor its aiohttp variant
says why a connection failed, whether it was a kept-alive one that the service had closed meanwhile, or bounds
what an error's body may weigh. What aiohttp itself leaves unbounded, `app/outbound` bounds. Redirects are
never followed here, and TLS is verified as the package does it: always, against the system's certificates or
`SSL_CERT_FILE`.
"""

import functools
import ssl
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Literal, cast

import aiohttp
import httpx2
import yarl

from app.outbound.aiohttp_connections import PIECE_BYTES, BoundedConnector
from app.outbound.proxies import proxy_of_environment

MAX_REFUSAL_BYTES = 64 * 1024
"""As much as is read of an answer whose status is not 200."""

KEEP_ALIVE_S = 60
"""How long an idle connection is kept for the next request, in seconds: people pause between sentences."""

BODY_EXTENSION = "voice_agent.body"
"""Where a response of this transport keeps its `UpstreamBody`."""

UnreachableReason = Literal["dns", "refused", "timeout", "tls", "disconnected", "not_http", "network"]


class ServiceUnreachable(Exception):
    """No answer, or no more of it, could be had from the service.

    Args:
        reason: What failed.
        detail: The library's words for it; no secrets.
        was_kept_alive: The connection was an old one, closed by the service before it answered.
    """

    def __init__(self, reason: UnreachableReason, detail: str, *, was_kept_alive: bool = False) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason: UnreachableReason = reason
        self.detail = detail
        self.was_kept_alive = was_kept_alive


class UpstreamBody(httpx2.AsyncByteStream):
    """The body of a streamed answer, as it came over the wire."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response
        self._content = response.content

    async def read(self) -> bytes:
        """Return the bytes that have come, at least one; empty at the body's end.

        Raises:
            ServiceUnreachable: The connection broke before the end.
        """
        try:
            return await self._content.readany()
        except (aiohttp.ClientError, OSError) as exc:
            # aiohttp has one exception for all bodies that are closed while they are read. Its traceback
            # would grow with each, and hold the connection and its answer for ever.
            raise _unreachable(exc.with_traceback(None), is_reused=False) from exc

    def abort(self) -> None:
        """Drop the connection; a `read` that waits raises `ServiceUnreachable`."""
        self._response.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The body in the pieces in which it comes."""
        while chunk := await self.read():
            yield chunk

    async def aclose(self) -> None:
        """Give the connection back if the body has ended, else drops it."""
        _let_go(self._response)


@dataclass(frozen=True, slots=True)
class UpstreamAnswer:
    """The head of an answer.

    Attributes:
        status: The HTTP status.
        headers: Their names in any case.
        body: Still to be read; has been closed where the status is not 200.
        refusal: Where the status is not 200, what was read of the body.
    """

    status: int
    headers: Mapping[str, str]
    body: UpstreamBody
    refusal: bytes = b""


class AiohttpTransport(httpx2.AsyncBaseTransport):
    """One pool of connections, for the package's requests and for those that are whole already.

    Args:
        connect_timeout_s: Limit for look-up, TCP and TLS together, in seconds.
    """

    def __init__(self, connect_timeout_s: float) -> None:
        self._timeout = aiohttp.ClientTimeout(connect=connect_timeout_s, sock_connect=connect_timeout_s)
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[tuple[str, str], str | None] = {}

    async def post(self, url: yarl.URL, headers: Mapping[str, str], body: bytes) -> UpstreamAnswer:
        """Send a request; return when the headers of its answer are here.

        Raises:
            ServiceUnreachable: There is no answer.
        """
        response = await self._ask("POST", url, headers, body)
        refusal = b"" if response.status == 200 else await _refusal(response)
        return UpstreamAnswer(response.status, response.headers, UpstreamBody(response), refusal)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send a request of the package; return when the headers of its answer are here.

        Raises:
            ServiceUnreachable: There is no answer.
        """
        url = yarl.URL(str(request.url), encoded=True)
        response = await self._ask(request.method, url, request.headers, await request.aread())
        if response.status != 200:
            content, kept = await _refusal(response), _without_encoding(response.raw_headers)
            return httpx2.Response(response.status, headers=kept, content=content, request=request)
        upstream = UpstreamBody(response)
        return httpx2.Response(
            200,
            headers=list(response.raw_headers),
            stream=upstream,
            extensions={BODY_EXTENSION: upstream},
            request=request,
        )

    async def _ask(
        self, method: str, url: yarl.URL, headers: Mapping[str, str], body: bytes
    ) -> aiohttp.ClientResponse:
        route = SimpleNamespace(is_reused=False)
        try:
            return await self._open_session().request(
                method,
                url,
                headers=headers,
                data=body or None,
                allow_redirects=False,
                timeout=self._timeout,
                proxy=self._proxy_for(url),
                trace_request_ctx=route,
            )
        except (aiohttp.ClientError, OSError, ssl.CertificateError) as exc:
            raise _unreachable(exc, is_reused=route.is_reused) from exc

    async def aclose(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Made at the first request, since it belongs to the event loop that runs then.
        if self._session is None:
            trace = aiohttp.TraceConfig()
            trace.on_connection_reuseconn.append(_note_reuse)
            self._session = aiohttp.ClientSession(
                # Bounded by the caller, who can say "busy" instead of "timed out".
                connector=BoundedConnector(limit=0, keepalive_timeout=KEEP_ALIVE_S, ssl=system_trust()),
                # A body is read with all that is held of it at once: of many chunks, so little is held.
                read_bufsize=PIECE_BYTES,
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                # It would read proxies and ~/.netrc anew for each request, in two threads; and it refuses to
                # send our key to a host that a .netrc has a login for.
                trust_env=False,
                trace_configs=[trace],
            )
        return self._session

    def _proxy_for(self, url: yarl.URL) -> str | None:
        """Return the proxy that the environment names for this host, looked up once."""
        scheme, host = url.scheme, url.host or ""
        if (scheme, host) not in self._proxies:
            self._proxies[scheme, host] = proxy_of_environment(scheme, host)
        return self._proxies[scheme, host]


@functools.cache
def system_trust() -> ssl.SSLContext:
    """Return what believes the system's certificates, or those of `SSL_CERT_FILE`, read once for the process.

    That takes 60 ms, and there are transports for models, voices and the diagnosis.
    """
    return httpx2.create_ssl_context()


def body_of(response: httpx2.Response) -> UpstreamBody:
    """Return the body of a response with status 200 that came through this transport."""
    return cast(UpstreamBody, response.extensions[BODY_EXTENSION])


async def _note_reuse(
    session: aiohttp.ClientSession, context: SimpleNamespace, params: aiohttp.TraceConnectionReuseconnParams
) -> None:
    context.trace_request_ctx.is_reused = True


async def _refusal(response: aiohttp.ClientResponse) -> bytes:
    """Return what fits of an answer's body, read here so that nobody reads without a limit."""
    body = bytearray()
    try:
        while len(body) < MAX_REFUSAL_BYTES and (chunk := await response.content.readany()):
            body += chunk
    except (aiohttp.ClientError, OSError):
        # The status is what matters; a broken body only says less about it.
        body.clear()
    finally:
        _let_go(response)
    is_plain = response.headers.get("content-encoding", "identity") == "identity"
    return bytes(body[:MAX_REFUSAL_BYTES]) if is_plain else b""


def _without_encoding(headers: tuple[tuple[bytes, bytes], ...]) -> list[tuple[bytes, bytes]]:
    coded = (b"content-encoding", b"content-length", b"transfer-encoding")
    return [(name, value) for name, value in headers if name.lower() not in coded]


def _let_go(response: aiohttp.ClientResponse) -> None:
    if response.content.at_eof():
        response.release()
    else:
        response.close()


def _unreachable(exc: Exception, *, is_reused: bool) -> ServiceUnreachable:
    reason = _reason(exc)
    was_kept_alive = is_reused and reason == "disconnected"
    return ServiceUnreachable(reason, str(exc) or type(exc).__name__, was_kept_alive=was_kept_alive)


def _reason(exc: Exception) -> UnreachableReason:
    match exc:
        case aiohttp.ClientConnectorDNSError():
            return "dns"
        case aiohttp.ClientConnectorCertificateError() | aiohttp.ClientSSLError() | ssl.SSLError():
            return "tls"
        case TimeoutError():
            return "timeout"
        case aiohttp.ClientConnectorError(os_error=ConnectionRefusedError()):
            return "refused"
        case aiohttp.ClientConnectorError():
            return "network"
        case aiohttp.ClientResponseError():
            return "not_http"
        case _:
            return "disconnected"
