"""A session of `requests`, as OpenTelemetry's exporter takes one, whose answers are bounded.

`requests` reads interim answers and a body for as long as they come. Here they are read as everywhere else:
ten interim answers and 64 KiB of a head, then so much of the body as an error's words need, in a time.
"""

import io
import time
from typing import Any, Final

import httpx
import requests
from requests.adapters import BaseAdapter
from requests.structures import CaseInsensitiveDict

from app.outbound.httpx_transports import blocking_client

MAX_BODY_BYTES: Final = 64 * 1024
"""Of an answer; a collector says in a few words what it did not take."""


def bounded_session(limit_s: float) -> requests.Session:
    """Make a session.

    Args:
        limit_s: The longest that an answer's body may take, in seconds, and each step before it where the
            request has no limit of its own.
    """
    session = requests.Session()
    # Its own look into ~/.netrc would put a login in the place of the header that the settings name.
    session.trust_env = False
    for scheme in ("http://", "https://"):
        session.mount(scheme, _BoundedAdapter(limit_s))
    return session


class _BoundedAdapter(BaseAdapter):
    """Sends the requests of a session over connections of our own."""

    def __init__(self, limit_s: float) -> None:
        super().__init__()
        self._limit_s = limit_s
        self._clients: dict[object, httpx.Client] = {}

    def send(
        self,
        request: requests.PreparedRequest,
        stream: bool = False,
        timeout: Any = None,
        verify: Any = True,
        cert: Any = None,
        proxies: Any = None,
    ) -> requests.Response:
        """Send a request and read what may be read of its answer.

        Raises:
            requests.RequestException: There is no answer, or none that could be waited for.
        """
        step_s = timeout if isinstance(timeout, int | float) else self._limit_s
        body = request.body
        sent = httpx.Request(
            request.method or "POST",
            request.url or "",
            headers=[(str(name), str(value)) for name, value in request.headers.items()],
            content=body if isinstance(body, str | bytes) else None,
            extensions={"timeout": httpx.Timeout(step_s).as_dict()},
        )
        try:
            answer = self._client(verify, cert).send(sent, stream=True)
            try:
                return _read(answer, request, time.monotonic() + self._limit_s)
            finally:
                answer.close()
        except httpx.TimeoutException as exc:
            raise requests.Timeout(str(exc)) from exc
        except httpx.ProtocolError as exc:
            raise requests.RequestException(str(exc)) from exc
        except httpx.TransportError as exc:
            raise requests.ConnectionError(str(exc)) from exc

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()

    def _client(self, verify: bool | str, cert: Any) -> httpx.Client:
        if (verify, cert) not in self._clients:
            trust = httpx.create_ssl_context()
            if isinstance(verify, str):
                trust = httpx.create_ssl_context()
                trust.load_verify_locations(verify)
            if cert is not None:
                trust.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
            self._clients[verify, cert] = blocking_client(trust)
        return self._clients[verify, cert]


def _read(answer: httpx.Response, request: requests.PreparedRequest, until: float) -> requests.Response:
    body = bytearray()
    for piece in answer.iter_raw():
        body += piece
        if len(body) > MAX_BODY_BYTES or time.monotonic() > until:
            break
    read = requests.Response()
    read.status_code = answer.status_code
    read.reason = answer.reason_phrase
    read.headers = CaseInsensitiveDict(answer.headers)
    read.url = request.url or ""
    read.request = request
    read.raw = io.BytesIO(body[:MAX_BODY_BYTES])
    return read
