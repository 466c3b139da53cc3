"""Which addresses anybody on the internet could connect to."""

from ipaddress import IPv4Address, ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.public_address import NOT_PUBLIC_V4, NOT_PUBLIC_V6, is_public


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "223.255.255.255"])
def test_addresses_of_public_servers_are_public(address: str):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("address", ["2606:4700:4700::1111", "2a00:1450:4003::200e", "2001:200::1"])
def test_global_unicast_of_ipv6_is_public(address: str):
    assert is_public(ip_address(address))


@pytest.mark.parametrize("network", [network for network, _ in (*NOT_PUBLIC_V4, *NOT_PUBLIC_V6)], ids=str)
def test_each_network_of_the_tables_is_closed_from_its_first_to_its_last_address(network):
    assert not is_public(network[0])
    assert not is_public(network[-1])


def test_every_line_of_the_tables_names_its_source():
    assert all(len(source) > 10 for _, source in (*NOT_PUBLIC_V4, *NOT_PUBLIC_V6))


@pytest.mark.parametrize(
    "address",
    [
        *("::", "::1", "::7f00:1", "::8.8.8.8", "::ffff:8.8.8.8", "::ffff:0:8.8.8.8", "100::1"),
        *("64:ff9b:1::1", "fc00::1", "fd00:ec2::254", "fe80::1", "fec0::1", "ff02::1", "5f00::1"),
        "2606:4700::1%eth0",
    ],
)
def test_ipv6_outside_global_unicast_or_with_a_zone_is_not_public(address: str):
    assert not is_public(ip_address(address))


def test_nat64_is_as_public_as_the_address_inside():
    assert is_public(ip_address("64:ff9b::8.8.8.8"))
    assert not is_public(ip_address("64:ff9b::10.0.0.1"))


@given(st.ip_addresses(v=4))
def test_what_python_calls_private_is_never_public(address: IPv4Address):
    assert not (is_public(address) and (address.is_private or address.is_multicast or address.is_loopback))
