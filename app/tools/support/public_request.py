"""A request to a server that a model has chosen, and what becomes of it when the server redirects."""

from dataclasses import dataclass, replace

from app.tools.support.web_address import WebAddress

Headers = tuple[tuple[str, str], ...]

_OWN_HEADERS: Headers = (
    ("User-Agent", "websocket-voice-agent"),
    ("Accept-Encoding", "gzip, deflate"),
    ("Connection", "close"),
)
# What may follow a redirect to another site. A list of what must not would never be complete: keys travel in
# fields of any name.
_NEUTRAL_HEADERS = frozenset(("accept", "accept-language", "content-type", "content-language"))


@dataclass(frozen=True, slots=True)
class PublicRequest:
    """One request.

    Attributes:
        headers: Fields that the model chose; already checked.
        idempotency_key: Sent along until a redirect leaves the site.
        cookies: What the site has set on the way here, as a Cookie field; goes with what the model chose.
    """

    method: str
    url: WebAddress
    headers: Headers = ()
    content: bytes | None = None
    idempotency_key: str | None = None
    cookies: str = ""

    def wire_headers(self) -> list[tuple[bytes, bytes]]:
        """Return all fields, in the order in which they are sent."""
        chosen = [(name, value) for name, value in self.headers if name.lower() != "cookie"]
        fields = [("Host", self.url.authority), *_OWN_HEADERS, *chosen]
        if cookies := "; ".join(filter(None, (*self._chosen_cookies(), self.cookies))):
            fields.append(("Cookie", cookies))
        if self.content is not None or self.method in ("POST", "PUT", "PATCH"):
            fields.append(("Content-Length", str(len(self.content or b""))))
        if self.idempotency_key is not None:
            fields.append(("Idempotency-Key", self.idempotency_key))
        return [(name.encode("ascii"), value.encode("ascii")) for name, value in fields]

    def _chosen_cookies(self) -> list[str]:
        return [value for name, value in self.headers if name.lower() == "cookie"]

    def redirected(self, status: int, location: str) -> "PublicRequest":
        """Return the request that a redirect asks for (RFC 9110 section 15.4).

        Raises:
            BadWebAddress: The location is none that may be requested.
        """
        request = replace(self, url=self.url.follow(location), cookies="")
        if (status == 303 and self.method != "HEAD") or (status in (301, 302) and self.method == "POST"):
            kept = tuple(item for item in self.headers if not item[0].lower().startswith("content-"))
            request = replace(request, method="GET", content=None, idempotency_key=None, headers=kept)
        if request.url.origin != self.url.origin:
            kept = tuple(item for item in request.headers if item[0].lower() in _NEUTRAL_HEADERS)
            request = replace(request, headers=kept, idempotency_key=None)
        return request
