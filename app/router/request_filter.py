"""What is looked at before a request reaches any route: where it comes from, and whom it means."""

import ipaddress
import logging
import re
import socket
from collections.abc import Sequence
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.listening import listening_hosts
from app.router.credentials import (
    FORWARDED_HOST,
    FORWARDED_PROTO,
    HARMLESS,
    REFUSED_ORIGIN,
    address_of,
    has_foreign_origin,
    is_loopback,
)
from app.services.auth.addresses import Networks
from app.services.limits.address_conduct import Conducts
from app.services.limits.complaints import CONDUCT
from config.access_settings import AccessSettings

logger = logging.getLogger(__name__)

_HOST = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+)(:[0-9]{0,5})?")


class RequestFilter:
    """Middleware in front of everything.

    1. The client's address is what the proxies of `TRUSTED_PROXIES` say, read from the right; nobody else's
       word counts. Log and limits use it. So is the `Host` that the browser asked for, where they write
       another one and say it in `X-Forwarded-Host`.
    2. `Host` names this server: an IP address, `localhost`, the machine's name, or one of `ALLOWED_HOSTS`.
       Else 400: a page that has its name resolve to our address would be of our origin (DNS rebinding).
    3. A path is one of a route, and not nearly so.
    4. A request that may change something does not come from another site's page (403).

    An address that is refused again and again has few lines of the log.
    """

    def __init__(self, app: ASGIApp, settings: AccessSettings, conducts: Conducts) -> None:
        self.app = app
        self._conducts = conducts
        self._has_looked = False
        self._origins = settings.allowed_origins
        self._proxies = Networks(settings.trusted_proxies)
        own = socket.gethostname().lower()
        self._hosts = frozenset({"localhost", own, own.partition(".")[0], *settings.allowed_hosts})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on what may come in."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        self._note_exposure(scope)
        self._find_client(scope)
        conduct = self._conducts.of(address_of(HTTPConnection(scope)))
        CONDUCT.set(conduct)
        if scope["type"] == "websocket" and not conduct.is_exempt:
            conduct.note()  # one leaves lines in the log, and dozens can be made in a moment
        refusal = self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        else:
            conduct.note()
            await refusal(scope, receive, send)

    def _refusal(self, scope: Scope) -> PlainTextResponse | None:
        connection = HTTPConnection(scope)
        hosts = connection.headers.getlist("host")
        # A health check of HTTP 1.0 names no host; no browser speaks it.
        if (hosts or scope.get("http_version") != "1.0") and not self._is_ours(hosts):
            facts = {"host": ", ".join(hosts), "setting": "ALLOWED_HOSTS"}
            logger.warning("host_refused", extra=facts)
            return PlainTextResponse("this server has another name; see ALLOWED_HOSTS", 400)
        if scope["path"].endswith("\n"):
            # Routes would take it for the path without it, where a proxy that keeps a path shut does not.
            return PlainTextResponse("no such path", 404)
        if scope["type"] == "http" and scope["method"] not in HARMLESS:
            if has_foreign_origin(connection, self._origins):
                said = f"a page of another origin may not change anything here; {REFUSED_ORIGIN}"
                return PlainTextResponse(said, 403)
        return None

    def _is_ours(self, hosts: Sequence[str]) -> bool:
        found = _HOST.fullmatch(hosts[0]) if len(hosts) == 1 else None
        if found is None:
            return False
        name = found[1].lower()
        if "*" in self._hosts or name in self._hosts:
            return True
        try:
            ipaddress.ip_address(name.strip("[]"))
        except ValueError:
            return any(entry.startswith(".") and name.endswith(entry) for entry in self._hosts)
        return True

    def _find_client(self, scope: Scope) -> None:
        client: Any = scope.get("client")
        if not client or not self._proxies.hold(str(client[0])):
            return
        hosts = Headers(scope=scope).getlist("x-forwarded-host")
        if self._is_ours(hosts):
            scope[FORWARDED_HOST] = hosts[0]
        protos = Headers(scope=scope).getlist("x-forwarded-proto")
        if len(protos) == 1 and protos[0].lower() in ("http", "https", "ws", "wss"):
            scope[FORWARDED_PROTO] = protos[0].lower()
        said = ",".join(Headers(scope=scope).getlist("x-forwarded-for"))
        for entry in reversed(said.split(",")):
            address = _address(entry.strip())
            if address is None:
                break  # what nobody can read, and whatever stands before it, says nothing
            scope["client"] = (address, 0)
            if not self._proxies.hold(address):
                break

    def _note_exposure(self, scope: Scope) -> None:
        """Tell that more than this machine reaches us: `uvicorn main:app` tells nobody what it binds.

        Looks once, at the first request: the process listens by then, and holds few connections yet.
        """
        server: Any = scope.get("server")
        if not server or server[1] is None:
            return
        hosts = {str(server[0])}
        if not self._has_looked:
            self._has_looked = True
            hosts |= listening_hosts(int(server[1]))
        if not all(map(is_loopback, hosts)):
            scope["app"].state.service.access.note_exposure()


def _address(text: str) -> str | None:
    """Return an entry of `X-Forwarded-For`, which some proxies write with a port."""
    found = re.fullmatch(r"\[([^\]]+)\](?::[0-9]+)?|([0-9.]+)(?::[0-9]+)?|([0-9A-Fa-f:.]+)", text)
    try:
        return str(ipaddress.ip_address(next(part for part in found.groups() if part))) if found else None
    except ValueError:
        return None
