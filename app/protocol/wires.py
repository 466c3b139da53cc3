"""The wire protocols of this server, and which one a client is answered in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from app.protocol.realtime.wire import RealtimeWire
from app.protocol.telephone.carriers import PLIVO, TELNYX, VONAGE, Carrier
from app.protocol.telephone.wire import CallTerms, TelephoneWire
from app.protocol.v1.wire import WIRE as V1
from app.protocol.v2.wire import WIRE as V2
from app.protocol.wire import WireProtocol

__all__ = ["PATHS", "PLIVO", "TELNYX", "V1", "V2", "VONAGE", "CallTerms", "Carrier", "choose", "telephone"]


@dataclass(frozen=True, slots=True)
class WireOffer:
    """A protocol that a path offers.

    Attributes:
        subprotocol: What clients ask for it by.
        make: Returns it for one connection.
    """

    subprotocol: str
    make: Callable[[], WireProtocol]


_OWN: Final = (WireOffer(V2.name, lambda: V2), WireOffer(V1.name, lambda: V1))
_REALTIME: Final = (WireOffer(RealtimeWire.name, RealtimeWire),)

PATHS: Final[dict[str, tuple[WireOffer, ...]]] = {
    "/ws": _OWN,
    "/v1/realtime": _REALTIME,
    "/openai/v1/realtime": _REALTIME,
}
"""What is spoken on each path, the preferred one first; who asks for nothing is answered in the last one."""


def choose(offered: Sequence[str], path: str = "/ws") -> tuple[WireProtocol, str | None]:
    """Return the protocol for the subprotocols that a client offers, and the one to name in the answer."""
    for offer in PATHS[path]:
        if offer.subprotocol in offered:
            return offer.make(), offer.subprotocol
    return PATHS[path][-1].make(), None


def telephone(terms: CallTerms) -> WireProtocol:
    """Return what one telephone call is led in, over a media stream."""
    return TelephoneWire(terms)
