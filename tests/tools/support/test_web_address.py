"""URLs are read strictly, or not at all."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.web_address import BadWebAddress, WebAddress, canonical_host, parse_web_address


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("http://a.example", "http://a.example/"),
        ("HTTPS://A.Example:443/x", "https://a.example/x"),
        ("https://a.example:80/", "https://a.example:80/"),
        ("http://a.example?q=1", "http://a.example/?q=1"),
        ("http://a.example/x#part", "http://a.example/x"),
        ("http://a.example./", "http://a.example/"),
        ("http://bücher.example/", "http://xn--bcher-kva.example/"),
        ("http://my_host.example/", "http://my_host.example/"),
        ("http://[2606:4700:0:0::1]:8080/", "http://[2606:4700::1]:8080/"),
        ("http://a.example/ñ?q=á%20b&c=[1]", "http://a.example/%C3%B1?q=%C3%A1%20b&c=[1]"),
        ('http://a.example/"<>^`{|}', "http://a.example/%22%3C%3E%5E%60%7B%7C%7D"),
        ("http://a.example/@b:c", "http://a.example/@b:c"),
    ],
)
def test_a_good_url_is_read_in_its_canonical_form(text: str, read: str):
    assert str(parse_web_address(text)) == read


@pytest.mark.parametrize(
    "text",
    [
        *("", "http://", "http:///x", "http:a.example", "//a.example", "a.example", "ftp://a.example/"),
        *("http://u@a.example/", "http://u:p@a.example/", "http://@a.example/", "http://a.example:/"),
        *("http://a.example:0/", "http://a.example:65536/", "http://a.example:22/", "http://a.example:6667/"),
        *("http://a.example:٨٠/", "http://a.example:+80/", "http://a.example:80:80/"),
        *("http://a..example/", "http://.example/", "http://-a.example/", "http://a.example../"),
        *("http://a%2eexample/", "http://a.example\\x/", "http://a.example/\\x", "http://a.example/a b"),
        *(
            "http://a.example/\n",
            "http://a.example/\u2028",
            "http://a.example/\x7f",
            "http://a.example/\udc00",
        ),
        *("http://1.2.3/", "http://010.0.0.1/", "http://0x1.2.3.4/", "http://4294967295/", "http://a.0x/"),
        *("http://1.2.3.4.5/", "http://[::1%25lo]/", "http://[::g]/", "http://[::1]x/", "http://[v1.a]/"),
        *(
            "http://a_\u00ad\u200d.example/",
            f"http://{'a' * 64}.example/",
            f"http://{'a.' * 127}bc/",
        ),
    ],
)
def test_what_parsers_could_read_differently_is_refused(text: str):
    with pytest.raises(BadWebAddress):
        parse_web_address(text)


@pytest.mark.parametrize(("length", "is_read"), [(8000, True), (8001, False)])
def test_a_url_has_at_most_8000_characters(length: int, is_read: bool):
    url = "http://a.example/".ljust(length, "x")

    if is_read:
        assert len(str(parse_web_address(url))) == length
    else:
        with pytest.raises(BadWebAddress, match="length"):
            parse_web_address(url)


@pytest.mark.parametrize(
    ("location", "leads_to"),
    [
        ("/b", "https://a.example/b"),
        ("b?x=1", "https://a.example/dir/b?x=1"),
        ("../c", "https://a.example/c"),
        ("?y", "https://a.example/dir/page?y"),
        ("//b.example/c", "https://b.example/c"),
        ("http://c.example:8080", "http://c.example:8080/"),
        ("/ñ", "https://a.example/%C3%B1"),
        (" /b ", "https://a.example/b"),
        ("/a b/c d?e f=g h", "https://a.example/a%20b/c%20d?e%20f=g%20h"),
        ("my file.pdf", "https://a.example/dir/my%20file.pdf"),
        ("https://b.example/a b#c d", "https://b.example/a%20b"),
        ("/a\\b?c=\\d", "https://a.example/a/b?c=%5Cd"),
        ("//b.example/a b", "https://b.example/a%20b"),
        ("HTTPS://B.example/ñ o", "https://b.example/%C3%B1%20o"),
        ('/a"b<c>{d}|e^`', "https://a.example/a%22b%3Cc%3E%7Bd%7D%7Ce%5E%60"),
        ("/a%20b%zz", "https://a.example/a%20b%zz"),
        ("#top", "https://a.example/dir/page?q"),
        ("https://b.example", "https://b.example/"),
        ("/100%", "https://a.example/100%"),
    ],
)
def test_a_location_is_read_from_where_it_was_found(location: str, leads_to: str):
    assert str(parse_web_address("https://a.example/dir/page?q").follow(location)) == leads_to


@pytest.mark.parametrize(
    "location",
    [
        "file:///x",
        "javascript:1",
        "http://u@b.example/",
        "ht\ntp://b.example",
        "http://[",
        "\\\\b",
        "/\\b.example/",
        "\\/b.example/",
        "http://b.example\\@c.example/",
        "http://b .example/",
        "http://b\u3000.example/",
        "https:// b.example/",
        "http://127.0.0.1\\.b.example/",
        "/a\x00b",
        "/a\tb",
    ],
)
def test_a_location_is_held_to_the_same_rules(location: str):
    with pytest.raises(BadWebAddress):
        parse_web_address("https://a.example/").follow(location)


def test_the_literal_is_known_and_a_name_has_none():
    assert str(WebAddress("http", "8.8.8.8", 80, "/").literal) == "8.8.8.8"
    assert str(WebAddress("http", "2606:4700::1", 80, "/").literal) == "2606:4700::1"
    assert WebAddress("http", "8.8.8.example", 80, "/").literal is None


def test_the_authority_names_the_port_only_if_it_is_unusual():
    assert WebAddress("https", "a.example", 443, "/").authority == "a.example"
    assert WebAddress("https", "::1", 80, "/").authority == "[::1]:80"


@given(st.text(max_size=30))
def test_any_text_is_a_host_in_plain_ascii_or_refused(text: str):
    try:
        host = canonical_host(text)
    except BadWebAddress:
        return
    assert host.isascii()
    assert host == host.lower()
    assert not set(host) & set("/\\@?#%[] ")


@given(st.text(alphabet="htps:/.@[]\\%#?a1x0-", max_size=25))
def test_reading_what_was_read_changes_nothing(text: str):
    try:
        address = parse_web_address(f"http://{text}")
    except BadWebAddress:
        return
    assert parse_web_address(str(address)) == address
