"""The sound of one turn: what was made, of which the oldest is forgotten when it has been sent."""

from typing import Final

from app.speech.base import BYTES_PER_SAMPLE

KEPT_MS: Final = 30_000
"""Sound that was sent and is kept, for a client that comes back."""


class KeptSound:
    """Samples by their time since the turn's beginning, in milliseconds.

    Args:
        rate_hz: Samples a second.
    """

    __slots__ = ("_bytes_per_ms", "_dropped_bytes", "_sound")

    def __init__(self, rate_hz: int) -> None:
        self._bytes_per_ms = rate_hz * BYTES_PER_SAMPLE / 1000
        self._sound = bytearray()
        self._dropped_bytes = 0

    def __len__(self) -> int:
        """Return how many bytes are kept."""
        return len(self._sound)

    @property
    def made_ms(self) -> float:
        """How much has been made."""
        return (self._dropped_bytes + len(self._sound)) / self._bytes_per_ms

    def add(self, pcm: bytes) -> None:
        """Add what comes next."""
        self._sound += pcm

    def first_kept(self, ms: float) -> float:
        """Return the sample at `ms`, or the first one after it that is kept."""
        place = max(ms, self._dropped_bytes / self._bytes_per_ms)
        return int(place * self._bytes_per_ms / BYTES_PER_SAMPLE) * BYTES_PER_SAMPLE / self._bytes_per_ms

    def frame(self, from_ms: float, length_ms: float) -> tuple[bytes, float]:
        """Return a piece, of one sample at least, and where it ends."""
        start = round(from_ms * self._bytes_per_ms) - self._dropped_bytes
        size = max(round(length_ms * self._bytes_per_ms) // BYTES_PER_SAMPLE, 1) * BYTES_PER_SAMPLE
        piece = bytes(self._sound[start : start + size])
        return piece, (start + len(piece) + self._dropped_bytes) / self._bytes_per_ms

    def forget_old(self, sent_ms: float) -> None:
        """Drop what was sent long ago."""
        kept = round(KEPT_MS * self._bytes_per_ms) // BYTES_PER_SAMPLE * BYTES_PER_SAMPLE
        excess = round(sent_ms * self._bytes_per_ms) - kept - self._dropped_bytes
        if excess > kept // 10:  # not for each frame: it moves what is behind
            excess -= excess % BYTES_PER_SAMPLE
            del self._sound[:excess]
            self._dropped_bytes += excess

    def forget_all(self) -> None:
        """Drop it all: who it was may be asked for a while, its sound is megabytes."""
        self._dropped_bytes += len(self._sound)
        self._sound = bytearray()
