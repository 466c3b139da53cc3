"""Addresses of clients: which are whose, and how many sessions each has."""

import functools
import ipaddress
from collections import Counter
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from app.errors import ServerFull

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_LONGEST_ADDRESS: Final = 45
"""Of an IPv6 address that ends in an IPv4 one, in characters (RFC 4291, 2.2)."""


class Networks:
    """Some networks.

    Args:
        texts: As addresses, or as `10.0.0.0/8`.
    """

    def __init__(self, texts: Sequence[str]) -> None:
        self._networks = [ipaddress.ip_network(text) for text in texts]

    def hold(self, address: str) -> bool:
        """Return whether the address is in one of them."""
        found = _look_up(address)
        return found is not None and any(found.address in network for network in self._networks)


class PerAddressLimit:
    """Bounds the sessions of one address, and the connections of it that have none yet.

    An IPv6 address counts with its /64, which one customer has all of. This machine, the proxies that are
    trusted, and what has no address never count.

    Args:
        most: Sessions of one address; 0 bounds nothing.
        uncounted: Networks that never count.
        share: Sessions of one address whose users no token names; 0 bounds nothing.

    Attributes:
        is_shared: Other processes count too: what changes is kept to be told to them.
    """

    def __init__(self, most: int, uncounted: Networks, share: int = 0) -> None:
        self.is_shared = False
        self._most = most
        self._share = share
        self._uncounted = uncounted
        self._arriving: Counter[str] = Counter()
        self._sessions: Counter[str] = Counter()
        self._elsewhere: dict[str, int] = {}
        self._changed: set[str] = set()

    def key_of(self, address: str) -> str:
        """Return what an address is counted by; empty where it is not."""
        is_bounded = self._most or self._share
        if not is_bounded or is_this_machine(address) or self._uncounted.hold(address):
            return ""
        return counted_as(address)

    @contextmanager
    def arriving(self, key: str) -> Generator[None]:
        """Count a connection that has no session yet.

        Raises:
            ServerFull: There are too many of this address already.
        """
        self._check(self._arriving, key, self._most)
        self._count(self._arriving, key, 1)
        try:
            yield
        finally:
            self._count(self._arriving, key, -1)

    def check(self, key: str, *, is_anonymous: bool = False) -> None:
        """Raise `ServerFull` where this address may have no further session."""
        others = self._elsewhere.get(key, 0)
        self._check(self._sessions, key, self._most, others)
        if is_anonymous:
            self._check(self._sessions, key, self._share, others)

    def move(self, before: str, key: str) -> None:
        """A session belongs to another address now; empty: to none."""
        self._count(self._sessions, before, -1)
        self._count(self._sessions, key, 1)
        if self.is_shared:
            self._changed.update({before, key} - {""})

    def take_changed(self) -> dict[str, int]:
        """Return the addresses whose sessions have become more or fewer, and how many each has here."""
        changed = {key: self._sessions.get(key, 0) for key in self._changed}
        self._changed.clear()
        return changed

    def put_back(self, keys: Iterable[str]) -> None:
        """Keep these to be told again."""
        self._changed.update(keys)

    def learn(self, elsewhere: Mapping[str, int]) -> None:
        """Count the sessions that other processes have of these addresses, too."""
        for key, sessions in elsewhere.items():
            if sessions and key in self._sessions:
                self._elsewhere[key] = sessions
            else:
                self._elsewhere.pop(key, None)

    def _check(self, counter: Counter[str], key: str, most: int, others: int = 0) -> None:
        if key and most and counter[key] + others >= most:
            raise ServerFull(f"address {key}")

    def _count(self, counter: Counter[str], key: str, change: int) -> None:
        if not key:
            return
        counter[key] += change
        if counter[key] <= 0:
            del counter[key]


def counted_as(address: str) -> str:
    """Return what stands for an address: an IPv6 one counts with its /64; empty where it is none."""
    found = _look_up(address)
    return found.counted_as if found is not None else ""


def is_this_machine(address: str) -> bool:
    """Return whether it is a loopback address."""
    found = _look_up(address)
    return found is not None and found.address.is_loopback


@dataclass(frozen=True, slots=True)
class _Known:
    address: _Address
    counted_as: str


def _look_up(address: str) -> _Known | None:
    text = address.partition("%")[0]
    return _read(text) if len(text) <= _LONGEST_ADDRESS else None


@functools.lru_cache(1024)  # each connection asks nine times
def _read(text: str) -> _Known | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    if isinstance(found, ipaddress.IPv4Address):
        return _Known(found, str(found))
    mapped = found.ipv4_mapped
    if mapped is not None:
        return _Known(mapped, str(mapped))
    return _Known(found, str(ipaddress.ip_network((found, 64), strict=False)))
