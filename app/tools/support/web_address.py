"""URLs, read so strictly that no other program can read them differently.

Whatever two parsers might disagree about is refused, not mended: user names, backslashes, white space and
control characters, percent signs in the host, zone ids, and IPv4 addresses in octal, hex or short forms. What
remains is taken apart once; the parts, not the text, are used from then on.
"""

import re
import unicodedata
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from urllib.parse import quote, urljoin

import idna

MAX_URL_CHARS = 8000
"""What RFC 9110 section 4.1 asks every recipient to support, and hardly anybody exceeds."""

_MAX_AUTHORITY_CHARS = 300
_DEFAULT_PORTS = {"http": 80, "https": 443}

BAD_PORTS = frozenset(
    (
        *(1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102),
        *(103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465),
        *(512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993),
        *(995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668),
        *(6669, 6679, 6697, 10080),
    )
)
"""The Fetch standard's list (section "Port blocking"): other protocols that an HTTP request could attack."""

_URL = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)(?P<target>[^#]*)(?:#.*)?", re.IGNORECASE)
_AUTHORITY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\[\]:@%\\]+)(?::(?P<port>[0-9]{1,5}))?")
_HEAD = re.compile(r"(?:https?:)?//[^/?#\\\s]+(?=[/?#]|$)|", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*")
# RFC 3986's unreserved and reserved characters, and the percent sign of escapes that are already there.
_SAFE_IN_TARGET = "%/?:@!$&'()*+,;=~-._[]"


class BadWebAddress(ValueError):
    """The text is no URL that may be requested; its argument says why, for the log."""


@dataclass(frozen=True, slots=True)
class WebAddress:
    """An http or https URL in its parts.

    Attributes:
        host: A name in its ASCII form, without a final dot and in lower case; or an address, IPv6 without
            brackets.
        target: Path and query, percent-encoded; begins with a slash.
    """

    scheme: str
    host: str
    port: int
    target: str

    @property
    def literal(self) -> IPv4Address | IPv6Address | None:
        """The host as an address, or None where it is a name."""
        if ":" in self.host:
            return IPv6Address(self.host)
        return IPv4Address(self.host) if self.host.rpartition(".")[2].isdigit() else None

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host and port: what decides whether a redirect leaves the site."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """What the Host field says: the port only where it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.target}"

    def follow(self, location: str) -> "WebAddress":
        """Return the address that a Location field leads to from here.

        Raises:
            BadWebAddress: It leads to no URL that may be requested.
        """
        location = _mended(location)
        # urljoin drops tabs and newlines silently; they have to be seen before.
        _refuse_odd_characters(location)
        try:
            return parse_web_address(urljoin(str(self), location))
        except BadWebAddress:
            raise
        except ValueError as exc:
            raise BadWebAddress("location") from exc


def _mended(location: str) -> str:
    """Return a Location as browsers read it: servers write blanks into paths, and backslashes for slashes.

    Only behind the host: there nobody is led elsewhere by it.
    """
    location = location.strip(" \t")
    head = _HEAD.match(location)
    start = head.end() if head else 0
    path, mark, query = location[start:].partition("?")
    if start == 0 and re.match(r"[/\\]{2}|[a-z][a-z0-9+.-]*:", path, re.IGNORECASE):
        # Two slashes of whatever kind, or a scheme, and no host behind them that could be told.
        return location
    path = path.replace("\\", "/")
    rest = re.sub("[ \xa0\u2000-\u200a\u3000]", lambda blank: quote(blank[0]), path + mark + query)
    return location[:start] + rest.replace("\\", "%5C")


def parse_web_address(text: str) -> WebAddress:
    """Take a URL apart.

    Raises:
        BadWebAddress: It is not http or https, too long, not well-formed, ambiguous, or names a port that
            speaks another protocol.
    """
    _refuse_odd_characters(text)
    parts = _URL.fullmatch(text)
    if parts is None or len(parts["authority"]) > _MAX_AUTHORITY_CHARS:
        raise BadWebAddress("form")
    authority = _AUTHORITY.fullmatch(parts["authority"])
    if authority is None:
        raise BadWebAddress("authority")
    scheme = parts["scheme"].lower()
    port = int(authority["port"]) if authority["port"] else _DEFAULT_PORTS[scheme]
    if not 0 < port <= 65_535 or port in BAD_PORTS:
        raise BadWebAddress("port")
    path = parts["target"]
    target = quote(path if path.startswith("/") else "/" + path, safe=_SAFE_IN_TARGET)
    return WebAddress(scheme, canonical_host(authority["host"]), port, target)


def canonical_host(text: str) -> str:
    """Return a host as `WebAddress.host` holds it; IPv6 addresses come in brackets.

    Raises:
        BadWebAddress: It is no host, or an address that is not written in its usual form.
    """
    if text.startswith("["):
        try:
            return IPv6Address(text.removeprefix("[").removesuffix("]")).compressed
        except ValueError as exc:
            raise BadWebAddress("ipv6") from exc
    host = _to_ascii(text).removesuffix(".")
    labels = host.split(".")
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise BadWebAddress("host")
    if _NUMERIC_LABEL.fullmatch(labels[-1]):
        return _strict_ipv4(host)
    return host


def _strict_ipv4(host: str) -> str:
    # A host whose last label is a number is an IPv4 address to browsers and system resolvers, however it is
    # written (WHATWG URL, "ends in a number checker"). Only four plain decimal parts mean the same to all.
    try:
        return str(IPv4Address(host))
    except ValueError as exc:
        raise BadWebAddress("ipv4") from exc


def _to_ascii(host: str) -> str:
    if host.isascii():
        return host.lower()
    try:
        return idna.encode(unicodedata.normalize("NFKC", host), uts46=True, std3_rules=True).decode().lower()
    except UnicodeError as exc:
        raise BadWebAddress("idna") from exc


def _refuse_odd_characters(text: str) -> None:
    if len(text) > MAX_URL_CHARS:
        raise BadWebAddress("length")
    if any(char == "\\" or char.isspace() or unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise BadWebAddress("character")
