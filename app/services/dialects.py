"""The two protocols, as a connection needs them: how to read a message, and who handles it."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any

from app.errors import Locale
from app.protocol import v1, v2
from app.protocol.close_codes import CloseCode
from app.protocol.codec import decode_v1, decode_v2
from app.protocol.events import Event
from app.services.handlers import HANDLERS
from app.services.handlers_v2 import HANDLERS_V2
from app.services.live_session import LiveSession

Handler = Callable[[LiveSession, Any], CloseCode | Coroutine[Any, Any, None] | None]
"""Does what a message asks for, or a part of it; a code where the connection must end after it."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """A protocol.

    Attributes:
        decode: Reads a JSON object; raises `ProtocolError`.
        handlers: One for each type of message.
        encode: How an event looks where there is no session yet.
        is_resumable: Whether sessions outlive their connections.
    """

    name: str
    decode: Callable[[dict[str, Any]], Any]
    handlers: Mapping[type, Handler]
    encode: Callable[[Event, Locale], list[str]]
    is_resumable: bool


V1 = Dialect(v1.NAME, decode_v1, HANDLERS, v1.encode, is_resumable=False)
V2 = Dialect(
    v2.NAME, decode_v2, HANDLERS_V2, lambda event, locale: [v2.encode(event, locale, None)], is_resumable=True
)


def choose(offered: list[str]) -> tuple[Dialect, str | None]:
    """The protocol for the subprotocols that a client offers, and the one to name in the answer."""
    for dialect in (V2, V1):
        if dialect.name in offered:
            return dialect, dialect.name
    return V1, None
