"""Whoever connects, before anything is known of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Visitor:
    """What a handshake says.

    Attributes:
        address: Where it comes from; empty where nobody knows.
        token: What it brought; its first message may bring one as well.
        is_local: It comes from this machine: without tokens, who they say they are is believed.
    """

    address: str = ""
    token: str | None = None
    is_local: bool = False
