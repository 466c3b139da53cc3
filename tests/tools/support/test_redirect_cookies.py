"""Cookies go back to the host that set them, while one request is being redirected."""

import pytest

from app.tools.support.redirect_cookies import MAX_COOKIES, MAX_FIELD_CHARS, RedirectCookies
from app.tools.support.web_address import parse_web_address

SETTER = "https://a.example/dir/page"


def going(url: str, *fields: str, setter: str = SETTER) -> str:
    cookies = RedirectCookies()
    cookies.take(parse_web_address(setter), fields)
    return cookies.field_for(parse_web_address(url))


@pytest.mark.parametrize(
    ("field", "url", "sent"),
    [
        ("a=1", "https://a.example/dir/other", "a=1"),
        ("a=1; Path=/", "https://a.example/", "a=1"),
        ("a=1; Path=/; Domain=.example; HttpOnly; SameSite=Lax", "https://a.example/x?y", "a=1"),
        ("a=1; path=/", "http://a.example:8080/", "a=1"),
        ('a="x y"; Path=/', "https://a.example/", 'a="x y"'),
        ("a=; Path=/", "https://a.example/", "a="),
        ("a=b=c; Path=/", "https://a.example/", "a=b=c"),
        ('a={"x":[1, 2]}; Path=/', "https://a.example/", 'a={"x":[1, 2]}'),
        ("a=b\\c; Path=/", "https://a.example/", "a=b\\c"),
        ("a=1; Path=/; Max-Age=60", "https://a.example/", "a=1"),
        ("a=1; Path=/; Expires=Wed, 21 Oct 2099 07:28:00 GMT", "https://a.example/", "a=1"),
        ("a=1; Path=/; Expires=nonsense", "https://a.example/", "a=1"),
        # Not to others, not elsewhere.
        ("a=1; Path=/", "https://b.example/", ""),
        ("a=1; Path=/; Domain=b.example", "https://b.example/", ""),
        ("a=1; Path=/; Domain=example", "https://example/", ""),
        ("a=1; Path=/; Domain=a.example", "https://sub.a.example/", ""),
        ("a=1", "https://a.example/", ""),
        ("a=1; Path=/dir", "https://a.example/directory", ""),
        ("a=1; Path=/; Secure", "http://a.example/", ""),
        # No cookies, or over.
        ("a=1; Path=/; Max-Age=0", "https://a.example/", ""),
        ("a=1; Path=/; Max-Age=-1", "https://a.example/", ""),
        ("a=1; Path=/; Expires=Thu, 01-Jan-1970 00:00:00 GMT", "https://a.example/", ""),
        ("nothing", "https://a.example/dir/", ""),
        ("=1; Path=/", "https://a.example/", ""),
        ("a b=1; Path=/", "https://a.example/", ""),
        ("a=ñ; Path=/", "https://a.example/", ""),
        ("a=1\x00; Path=/", "https://a.example/", ""),
        ("a=" + "x" * 5000 + "; Path=/", "https://a.example/", ""),
    ],
)
def test_cookie_goes_where_it_belongs(field: str, url: str, sent: str):
    assert going(url, field) == sent


def test_later_one_replaces_the_earlier_and_may_end_it():
    assert going("https://a.example/", "a=1; Path=/", "b=2; Path=/", "a=3; Path=/") == "a=3; b=2"
    assert going("https://a.example/", "a=1; Path=/", "a=; Path=/; Max-Age=0") == ""


def test_many_cookies_stay_bounded():
    sent = going("https://a.example/", *(f"n{number}={'x' * 1000}; Path=/" for number in range(1000)))

    assert len(sent) <= MAX_FIELD_CHARS
    sent = going("https://a.example/", *(f"n{number}=x; Path=/" for number in range(1000)))
    assert sent.count("=") == MAX_COOKIES
