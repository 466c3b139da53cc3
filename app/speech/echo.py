"""The agent's own voice on a line: what takes it out, and where that comes from."""

from collections.abc import Callable
from importlib import import_module
from typing import Protocol

from app.protocol.events import Event


class EchoFilter(Protocol):
    """Takes the agent's own voice out of what a line brings."""

    def note(self, event: Event) -> None:
        """Take what is sent of the voice, as it is made."""
        ...

    def feed(self, pcm: bytes, now: float, place: Callable[[float], tuple[str, float] | None]) -> bytes:
        """Return what is to be heard of some sound; `place` says what sounds (`TtsOutput.place_at`)."""
        ...


def new_echo_gate(rate_hz: int) -> EchoFilter:
    """Return one for a line; its packages are there where something hears."""
    return import_module("app.speech.detection.echo_gate").EchoGate(rate_hz)
