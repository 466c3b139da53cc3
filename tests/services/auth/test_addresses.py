"""Which addresses are counted, by what, and how many sessions each may have."""

import pytest

from app.errors import ServerFull
from app.services.auth.addresses import Networks, PerAddressLimit

PROXIES = Networks(["10.0.0.0/8", "2001:db8:1::/48"])


@pytest.mark.parametrize(
    ("address", "key"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:2:3:4:5:6:7", "2001:db8:2:3::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("127.0.0.1", ""),
        ("127.9.9.9", ""),
        ("::1", ""),
        ("::ffff:127.0.0.1", ""),
        ("10.1.2.3", ""),
        ("2001:db8:1::5", ""),
        ("", ""),
        ("garbage", ""),
    ],
)
def test_an_address_is_counted_by_its_key(address: str, key: str) -> None:
    assert PerAddressLimit(1, PROXIES).key_of(address) == key
    assert PerAddressLimit(0, PROXIES).key_of(address) == ""


def test_one_address_has_so_many_sessions_and_others_theirs() -> None:
    crowds = PerAddressLimit(2, PROXIES)
    for _ in range(2):
        crowds.check("a")
        crowds.move("", "a")

    with pytest.raises(ServerFull):
        crowds.check("a")
    crowds.check("b")
    crowds.move("a", "b")  # a session whose client came back from elsewhere
    crowds.check("a")


def test_an_address_without_tokens_has_a_share_of_all() -> None:
    crowds = PerAddressLimit(0, PROXIES, share=2)
    assert (crowds.key_of("192.0.2.7"), crowds.key_of("127.0.0.1")) == ("192.0.2.7", "")
    for _ in range(2):
        crowds.check("a", is_anonymous=True)
        crowds.move("", "a")

    with pytest.raises(ServerFull):
        crowds.check("a", is_anonymous=True)
    crowds.check("a")
    crowds.check("", is_anonymous=True)
    with crowds.arriving("a"):
        pass


def test_connections_without_a_session_are_bounded_too_and_nothing_is_left_of_them() -> None:
    crowds = PerAddressLimit(1, PROXIES)
    with crowds.arriving("a"):
        with pytest.raises(ServerFull), crowds.arriving("a"):
            pytest.fail("let in")
        with crowds.arriving("b"), crowds.arriving(""), crowds.arriving(""):
            pass
    with crowds.arriving("a"):
        pass
    crowds.move("", "a")
    crowds.move("a", "")

    assert not crowds._arriving
    assert not crowds._sessions
