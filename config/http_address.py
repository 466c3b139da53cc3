"""What an address in a setting must be: one whose host there can be at all."""

import ipaddress
import re
from typing import Final
from urllib.parse import urlsplit

HTTP_ADDRESS: Final = "must be an address such as https://host/path or http://host:port"

_LABEL: Final = re.compile(r"[^\W_]([\w-]{0,61}[^\W_])?|_[\w-]{0,62}")
"""A name's part between two dots; containers' names may have `_`."""

_MAX_NAME_CHARS: Final = 253


def is_http_address(text: str) -> bool:
    """Return whether a text is an address of http or https with a host that can be."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:  # a broken bracket, a port out of range
        return False
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        return False
    # `http://http://host` has the host `http` and no port behind its colon.
    if parts.netloc.endswith(":") or any(char.isspace() or char in '\\<>{}"^`|' for char in text):
        return False
    return is_host(parts.hostname)


def is_host(host: str) -> bool:
    """Return whether this can be a machine's name or address."""
    if ":" in host:
        return _is_address(host.partition("%")[0])
    if re.fullmatch(r"[0-9.]+", host):
        return _is_address(host)
    name = host.removesuffix(".")
    return len(name) <= _MAX_NAME_CHARS and all(_LABEL.fullmatch(label) for label in name.split("."))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
