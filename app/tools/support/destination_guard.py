"""Which servers a model may send requests to: public ones, and those that the operator named.

The guard turns a URL into the addresses that may be connected to. It looks the name up once; connecting to
what it returned, instead of looking up again, is what makes a second, different DNS answer harmless.
"""

import re
from ipaddress import ip_address

from app.tools.support.name_lookup import LookupFailed, Resolver
from app.tools.support.own_addresses import OwnAddresses
from app.tools.support.public_address import is_public
from app.tools.support.web_address import BadWebAddress, WebAddress, canonical_host

# Names that never belong to a public server: RFC 6761 (localhost), RFC 6762 (local), RFC 8375 (home.arpa),
# RFC 7686 (onion), ICANN's reservation for private use (internal), and the usual alias in hosts files.
_PRIVATE_SUFFIXES = ("localhost", "local", "localdomain", "internal", "home.arpa", "onion")

_EXCEPTION = re.compile(r"(?P<host>\[[^\]]+\]|[^:\[\]]+)(?::(?P<port>[0-9]{1,5}))?")


class Forbidden(Exception):
    """The URL leads to a server that may not be asked, or to none; its argument says why, for the log."""


class DestinationGuard:
    """Decides for each URL, and for each redirect again.

    Args:
        resolve: Finds a name's addresses; asked at most once for each call of `addresses_of`.
        is_own: Knows this machine's own addresses, which may be public.
        allowed_private: `HTTP_TOOL_ALLOWED_PRIVATE`: hosts or host:port pairs, IPv6 addresses in brackets, as
            they stand in URLs. They may be reached wherever they are.
    """

    def __init__(
        self, resolve: Resolver, is_own: OwnAddresses, allowed_private: tuple[str, ...] = ()
    ) -> None:
        self._resolve = resolve
        self._is_own = is_own
        self._exceptions = frozenset(filter(None, map(_exception, allowed_private)))

    async def addresses_of(self, url: WebAddress) -> tuple[str, ...]:
        """Return the addresses, one or more, that a request to this URL may be sent to.

        Raises:
            Forbidden: One of the host's addresses is not public, or is this machine's own, or the host does
                not exist.
            LookupFailed: The name could not be looked up now.
        """
        is_excepted = bool(self._exceptions & {(url.host, None), (url.host, url.port)})
        if url.literal is not None:
            answers = [str(url.literal)]
        else:
            if not is_excepted and _is_private_name(url.host):
                raise Forbidden("name")
            answers = await self._look_up(url.host)
        if not is_excepted:
            for answer in answers:
                await self._check(answer)
        return tuple(answers)

    async def _check(self, answer: str) -> None:
        try:
            address = ip_address(answer)
        except ValueError:
            raise Forbidden("address") from None
        if not is_public(address):
            raise Forbidden("address")
        if await self._is_own(address):
            raise Forbidden("own address")

    async def _look_up(self, host: str) -> list[str]:
        try:
            answers = await self._resolve(host)
        except LookupFailed as exc:
            if exc.is_final:
                # Told apart from a forbidden one, a name that does not exist would map the inner network.
                raise Forbidden("no such name") from exc
            raise
        if not answers:
            raise Forbidden("no address")
        return answers


def _is_private_name(host: str) -> bool:
    # A name without a dot is a neighbour: the system's resolver would put its own domain behind it.
    return "." not in host or any(
        host == suffix or host.endswith(f".{suffix}") for suffix in _PRIVATE_SUFFIXES
    )


def _exception(entry: str) -> tuple[str, int | None] | None:
    parts = _EXCEPTION.fullmatch(entry)
    if parts is None:
        return None
    try:
        return canonical_host(parts["host"]), int(parts["port"]) if parts["port"] else None
    except BadWebAddress:
        # It names no host that a URL could have, so nothing can match it.
        return None
