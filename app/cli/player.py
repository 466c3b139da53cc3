"""The agent's sound on its way to the loudspeaker: fed by the talk, pulled by the sound card's thread."""

import array
import sys
import threading
from typing import Final

_SAMPLE_BYTES: Final = 2
_LONGEST_S: Final = 60
_DUCKED_TO: Final = 4


class Player:
    """Sound of one turn at a time, with a count of what of it was played; may be used from two threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._turn_id: str | None = None
        self._rate_hz = 24_000
        self._waiting = bytearray()
        self._offset_ms = 0.0
        self._played_bytes = 0
        self._is_ducked = False

    @property
    def rate_hz(self) -> int:
        """Of what is being played."""
        return self._rate_hz

    def begin(self, turn_id: str, rate_hz: int, offset_ms: float = 0) -> None:
        """From now on sound of that turn comes, beginning at that place of it: what is held beyond goes."""
        with self._lock:
            bytes_per_ms = rate_hz * _SAMPLE_BYTES / 1000
            kept = 0
            if turn_id == self._turn_id and rate_hz == self._rate_hz:
                wanted = (
                    int((offset_ms - self._offset_ms) * rate_hz / 1000) * _SAMPLE_BYTES - self._played_bytes
                )
                kept = min(len(self._waiting), max(0, wanted))
            del self._waiting[kept:]
            self._turn_id, self._rate_hz = turn_id, rate_hz
            self._offset_ms = offset_ms - kept / bytes_per_ms
            self._played_bytes = 0
            self._is_ducked = False

    def feed(self, pcm: bytes) -> None:
        """Append sound; what is far more than the server may send ahead is dropped."""
        with self._lock:
            if self._turn_id and len(self._waiting) < _LONGEST_S * self._rate_hz * _SAMPLE_BYTES:
                self._waiting += pcm

    def pull(self, size: int) -> bytes:
        """So many bytes for the loudspeaker, filled up with silence."""
        with self._lock:
            piece = bytes(self._waiting[:size])
            del self._waiting[:size]
            self._played_bytes += len(piece)
            is_ducked = self._is_ducked
        return (_quieter(piece) if is_ducked else piece).ljust(size, b"\0")

    def duck(self, *, ducked: bool) -> None:
        """Lower the voice, or take it up again."""
        with self._lock:
            self._is_ducked = ducked

    def drop(self, turn_id: str | None = None) -> None:
        """Throw away what was not played yet; with a turn, only where it is that one's."""
        with self._lock:
            if turn_id is None or turn_id == self._turn_id:
                self._waiting.clear()
                self._is_ducked = False

    def played(self) -> tuple[str, int] | None:
        """Return the turn and how many milliseconds of it were played; None where there was no sound yet."""
        with self._lock:
            if self._turn_id is None:
                return None
            ms = self._played_bytes / _SAMPLE_BYTES / self._rate_hz * 1000
            return self._turn_id, int(self._offset_ms + ms)


def _quieter(pcm: bytes) -> bytes:
    samples = array.array("h", pcm[: len(pcm) - len(pcm) % _SAMPLE_BYTES])
    if sys.byteorder == "big":
        samples.byteswap()
    quieter = array.array("h", (sample // _DUCKED_TO for sample in samples))
    if sys.byteorder == "big":
        quieter.byteswap()
    return quieter.tobytes()
