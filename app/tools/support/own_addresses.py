"""Which addresses are this machine's own, whatever they look like from outside.

A server's public address is public, and whoever connects to it from here comes to ports that no firewall
shows to others. The system knows its own addresses, also those that were added a moment ago: it is asked
about each destination, instead of for a list.
"""

import socket
import time
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final, Protocol

from app.tools.support.name_lookup import LookupFailed, Resolver
from app.tools.support.public_address import embedded_v4

NAME_KEPT_S: Final = 30.0
"""How long the addresses that this machine's name has are remembered, in seconds."""

_ANY_PORT = 9
# Reserved, and documentation: no interface has them.
_STRANGER_V4 = IPv4Address("240.0.0.1")
_STRANGER_V6 = IPv6Address("2001:db8:ffff::1")


class OwnAddresses(Protocol):
    """Knows this machine's own addresses."""

    async def __call__(self, address: IPv4Address | IPv6Address) -> bool:
        """Whether a connection to this address ends at this machine."""
        ...


class SystemOwnAddresses:
    """What the interfaces have, and what this machine's name stands for.

    Args:
        resolve: Finds the addresses of the machine's name.
        host_name: Gives that name.
        now: Counts seconds.
    """

    def __init__(
        self,
        resolve: Resolver,
        host_name: Callable[[], str] = socket.gethostname,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._resolve = resolve
        self._host_name = host_name
        self._now = now
        self._named: frozenset[str] = frozenset()
        self._named_until = float("-inf")

    async def __call__(self, address: IPv4Address | IPv6Address) -> bool:
        """See `OwnAddresses`."""
        plain = embedded_v4(address) or address
        return is_on_an_interface(plain) or str(plain) in await self._addresses_of_name()

    async def _addresses_of_name(self) -> frozenset[str]:
        if self._now() >= self._named_until:
            # Set before the look-up: others do not wait for a name server that is silent.
            self._named_until = self._now() + NAME_KEPT_S
            try:
                self._named = frozenset(map(_canonical, await self._resolve(self._host_name())))
            except LookupFailed:
                self._named = frozenset()
        return self._named


def is_on_an_interface(address: IPv4Address | IPv6Address) -> bool:
    """Return whether the system would reach the address without leaving this machine. Sends nothing.

    To itself a machine speaks from the very address that it speaks to; and nobody can be bound to the address
    of another machine, unless the system was told to allow that (`ip_nonlocal_bind`).
    """
    if _source_towards(address) == str(address):
        return True
    stranger = _STRANGER_V4 if isinstance(address, IPv4Address) else _STRANGER_V6
    return _can_be_bound(address) and not _can_be_bound(stranger)


def _source_towards(address: IPv4Address | IPv6Address) -> str:
    try:
        with _datagrams(address) as probe:
            probe.connect((str(address), _ANY_PORT))
            return _canonical(str(probe.getsockname()[0]))
    except OSError:
        return ""  # There is no way to it at all.


def _can_be_bound(address: IPv4Address | IPv6Address) -> bool:
    try:
        with _datagrams(address) as probe:
            probe.bind((str(address), 0))
    except OSError:
        return False
    return True


def _datagrams(address: IPv4Address | IPv6Address) -> socket.socket:
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    return socket.socket(family, socket.SOCK_DGRAM)


def _canonical(text: str) -> str:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    return str(embedded_v4(address) or address)
