"""Which requests only read, as far as can be seen from here, so that nobody has to be asked.

Servers take one method for another when a header or a parameter says so, under more names than any list has:
`X-HTTP-Method-Override`, `X_HTTP_Method`, `_method`. So the list here is of headers that are known to ask for
nothing but the form of an answer, or to say who asks; a request with any other one is a write.
"""

import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import unquote_plus

READ_HEADERS: Final = frozenset(
    (
        *("accept", "accept-charset", "accept-language", "accept-datetime", "content-type", "dnt", "from"),
        *("cache-control", "pragma", "range", "if-match", "if-none-match", "if-modified-since", "if-range"),
        *("if-unmodified-since", "referer", "origin", "x-requested-with", "sec-gpc", "save-data", "prefer"),
        *("authorization", "cookie", "api-key", "apikey", "x-api-key", "x-auth-token", "x-access-token"),
        *("x-request-id", "x-correlation-id", "traceparent", "tracestate"),
        *("x-github-api-version", "notion-version", "stripe-version", "x-api-version", "api-version"),
    )
)
"""Headers, in lower case, that a read may carry."""

_READING = frozenset(("GET", "HEAD"))
_METHOD_NAMES = frozenset(
    ("method", "httpmethod", "methodoverride", "httpmethodoverride", "verb", "httpverb", "requestmethod")
)
_WRITING = frozenset(
    (
        *("POST", "PUT", "PATCH", "DELETE", "MERGE", "PURGE", "MKCOL", "MOVE", "COPY", "LOCK", "UNLOCK"),
        *("PROPPATCH", "LINK", "UNLINK", "CONNECT", "TRACE", "CREATE", "UPDATE", "REMOVE"),
    )
)
_MAX_DECODINGS = 3


def is_plain_read(method: str, url: str, headers: Iterable[str]) -> bool:
    """Return whether a request with this method, to this URL, with headers of these names, may go unasked."""
    return (
        method in _READING
        and all(name.lower() in READ_HEADERS for name in headers)
        and not _names_another_method(url)
    )


def _names_another_method(url: str) -> bool:
    for part in re.split(r"[?&;]", _decoded(url.partition("#")[0]))[1:]:
        name, _, value = part.partition("=")
        letters = "".join(filter(str.isalpha, name)).lower().removeprefix("x")
        if letters in _METHOD_NAMES and "".join(filter(str.isalpha, value)).upper() in _WRITING:
            return True
    return False


def _decoded(text: str) -> str:
    # Some servers decode twice; more often than that nobody does.
    for _ in range(_MAX_DECODINGS):
        text = unquote_plus(text)
    return text
