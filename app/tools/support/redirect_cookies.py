"""Cookies for as long as one request is being redirected.

Many sites set a cookie on a redirect to the page itself, and redirect for ever whoever does not bring it
back. What a host sets goes back to that host alone, and is forgotten with the request.
"""

import re
import time
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import mktime_tz, parsedate_tz

from app.tools.support.web_address import WebAddress

MAX_COOKIES = 50
MAX_COOKIE_CHARS = 4096
MAX_FIELD_CHARS = 8192

# Browsers take more than the grammar has: JSON, for one.
_PAIR = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)=([\x20-\x3a\x3c-\x7e]*)")


@dataclass(frozen=True, slots=True)
class _Cookie:
    host: str
    path: str
    name: str
    value: str
    is_secure: bool

    def goes_to(self, url: WebAddress) -> bool:
        path = url.target.partition("?")[0]
        is_below = path == self.path or path.startswith(self.path.rstrip("/") + "/")
        return self.host == url.host and is_below and (url.scheme == "https" or not self.is_secure)


class RedirectCookies:
    """What the hosts of one chain of redirects have set."""

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, str], _Cookie] = {}

    def take(self, url: WebAddress, fields: Iterable[str]) -> None:
        """Keep what an answer's Set-Cookie fields say; what is none, or too much, is left out."""
        for field in fields:
            parts = [part.strip() for part in field[: MAX_COOKIE_CHARS * 2].split(";")]
            pair = _PAIR.fullmatch(parts[0])
            if pair is None or len(parts[0]) > MAX_COOKIE_CHARS or not parts[0].isascii():
                continue
            attributes = {name.strip().lower(): value.strip() for name, _, value in
                          (part.partition("=") for part in parts[1:])}  # fmt: skip
            path = attributes.get("path", "")
            path = path if path.startswith("/") else _folder_of(url)
            key = (url.host, path, pair[1])
            if _is_over(attributes):
                self._cookies.pop(key, None)
            elif key in self._cookies or len(self._cookies) < MAX_COOKIES:
                self._cookies[key] = _Cookie(url.host, path, pair[1], pair[2], "secure" in attributes)

    def field_for(self, url: WebAddress) -> str:
        """Return the Cookie field of a request to this URL; empty where there is none."""
        going = sorted(
            (each for each in self._cookies.values() if each.goes_to(url)), key=lambda each: -len(each.path)
        )
        field = ""
        for cookie in going:
            longer = f"{field}; {cookie.name}={cookie.value}".removeprefix("; ")
            if len(longer) <= MAX_FIELD_CHARS:
                field = longer
        return field


def _folder_of(url: WebAddress) -> str:
    path = url.target.partition("?")[0]
    return path[: path.rindex("/")] or "/"


def _is_over(attributes: dict[str, str]) -> bool:
    """Return whether a cookie is set in order to be forgotten."""
    max_age = attributes.get("max-age", "")
    if re.fullmatch(r"-?[0-9]{1,12}", max_age):
        return int(max_age) <= 0
    expires = parsedate_tz(attributes.get("expires", "").replace("-", " "))
    try:
        return expires is not None and mktime_tz(expires) <= time.time_ns() // 1_000_000_000
    except (OverflowError, ValueError):
        return False
