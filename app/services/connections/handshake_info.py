"""Whoever connects, before anything is known of them."""

from collections.abc import Callable
from dataclasses import dataclass


def _as_it_is(max_bytes: int) -> None:
    """Where the socket has no limit of its own."""


def _nobody_asks(session_id: str) -> None:
    """Where it makes no difference."""


@dataclass(frozen=True, slots=True)
class HandshakeInfo:
    """What a handshake says.

    Attributes:
        address: Where it comes from; empty where nobody knows.
        token: What it brought; its first message may bring one as well.
        is_local: It comes from this machine: without tokens, who they say they are is believed.
        is_linked: Another process of the fleet has let it in, and sends it here: it goes no further.
        widen: Lets its socket take messages of so many bytes.
        on_session: Told which session it has got.
    """

    address: str = ""
    token: str | None = None
    is_local: bool = False
    is_linked: bool = False
    widen: Callable[[int], None] = _as_it_is
    on_session: Callable[[str], None] = _nobody_asks
