"""Which addresses belong to the public internet.

`ipaddress.is_global` is not enough: it depends on the Python version, and says yes to multicast, site-local,
IPv4-compatible, NAT64 and 6to4 addresses and to platform addresses of clouds. So the tables are here, each
line with its source. Network-specific NAT64 prefixes (RFC 6052) cannot be known from an address; the
machine's own public addresses are for `own_addresses`.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

NOT_PUBLIC_V4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), source)
    for network, source in (
        ("0.0.0.0/8", "this network, RFC 791; Linux connects 0.0.0.0 to loopback"),
        ("10.0.0.0/8", "private use, RFC 1918"),
        ("100.64.0.0/10", "carrier-grade NAT, RFC 6598; Alibaba's metadata"),
        ("127.0.0.0/8", "loopback, RFC 1122"),
        ("168.63.129.16/32", "Azure's host agent, reachable from every virtual machine"),
        ("169.254.0.0/16", "link-local, RFC 3927; metadata of most clouds"),
        ("172.16.0.0/12", "private use, RFC 1918"),
        ("192.0.0.0/24", "IETF protocol assignments, RFC 6890; Oracle's metadata"),
        ("192.0.2.0/24", "TEST-NET-1, RFC 5737"),
        ("192.88.99.0/24", "6to4 relays, withdrawn by RFC 7526"),
        ("192.168.0.0/16", "private use, RFC 1918"),
        ("198.18.0.0/15", "benchmarking, RFC 2544"),
        ("198.51.100.0/24", "TEST-NET-2, RFC 5737"),
        ("203.0.113.0/24", "TEST-NET-3, RFC 5737"),
        ("224.0.0.0/4", "multicast, RFC 5771"),
        ("240.0.0.0/4", "reserved, RFC 1112; and limited broadcast, RFC 8190"),
    )
)
"""Everything in IPv4 that is not public, with the source of the line."""

GLOBAL_UNICAST_V6 = IPv6Network("2000::/3")
"""The only part of IPv6 from which public addresses are given out (RFC 4291, IANA). All outside is refused:
loopback, unspecified, mapped, compatible, translated, unique local, link-local, site-local and multicast."""

NOT_PUBLIC_V6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), source)
    for network, source in (
        ("2001::/23", "IETF protocol assignments, RFC 2928; Teredo (RFC 4380) embeds IPv4 addresses"),
        ("2001:db8::/32", "documentation, RFC 3849"),
        ("2002::/16", "6to4, RFC 3056, embeds IPv4 addresses; withdrawn by RFC 7526"),
        ("3fff::/20", "documentation, RFC 9637"),
    )
)
"""The exceptions inside `GLOBAL_UNICAST_V6`."""

NAT64 = IPv6Network("64:ff9b::/96")
"""RFC 6052: how a host without IPv4 reaches IPv4; judged by the IPv4 address in the last 32 bits."""


def embedded_v4(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Return the IPv4 address that an IPv6 address stands for: mapped (`::ffff:a.b.c.d`) or NAT64."""
    if isinstance(address, IPv4Address):
        return None
    return IPv4Address(int(address) & 0xFFFF_FFFF) if address in NAT64 else address.ipv4_mapped


def is_public(address: IPv4Address | IPv6Address) -> bool:
    """Return whether the address is one that anybody on the internet could connect to."""
    if isinstance(address, IPv4Address):
        return not any(address in network for network, _ in NOT_PUBLIC_V4)
    if address.scope_id is not None:
        return False
    if address in NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFF_FFFF))
    return address in GLOBAL_UNICAST_V6 and not any(address in network for network, _ in NOT_PUBLIC_V6)
