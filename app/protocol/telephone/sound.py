"""The sound that is played to a caller: cut into frames, and followed by marks."""

from typing import Final

from app.protocol.telephone.carriers import TWILIO, Carrier

_MARK_EVERY_FRAMES: Final = 5
"""A mark is a message each way: one says for all of these that they were played."""

_MOST_MARKS: Final = 1000
"""Marks that may be out, more than a caller can be behind; beyond them the oldest are forgotten."""


class CallSound:
    """What was sent of the turn that sounds, and which marks behind it have come back.

    Twilio keeps what it is sent until it has been played: a mark that comes back says how far that is. What
    `clear` throws away sends its marks back too, and those say nothing.

    Attributes:
        turn_id: The turn whose sound was sent last; empty where none was.
    """

    def __init__(self, stream_id: str, carrier: Carrier = TWILIO) -> None:
        self._stream_id = stream_id
        self._carrier = carrier
        self.turn_id = ""
        self._rest = b""
        self._sent_ms = 0.0
        self._count = 0
        self._unmarked = 0
        self._is_fresh = True
        self._out: dict[str, tuple[str, float]] = {}

    @property
    def is_playing(self) -> bool:
        """Whether something was sent that is not known to have been played."""
        return bool(self._out or self._rest or self._unmarked)

    def begin(self, turn_id: str, offset_ms: int) -> None:
        """Go on with a turn's sound at a place."""
        self.turn_id, self._sent_ms, self._rest = turn_id, float(offset_ms), b""
        self._unmarked, self._is_fresh = 0, True

    def send(self, sound: bytes) -> list[str | bytes]:
        """Return the messages for more of it: whole frames, and every now and then a mark."""
        sound = self._rest + sound
        whole = len(sound) // self._carrier.frame_bytes * self._carrier.frame_bytes
        self._rest = sound[whole:]
        return self._played(sound[:whole], whole) if whole else []

    def end(self) -> list[str | bytes]:
        """Return the messages for what is left of it, which silence makes a frame of, and the last mark."""
        rest, self._rest = self._rest, b""
        if rest:
            self._unmarked = _MARK_EVERY_FRAMES
            return self._played(rest.ljust(self._carrier.frame_bytes, self._carrier.silence), len(rest))
        return [self._mark()] if self._unmarked else []

    def stop(self) -> list[str | bytes]:
        """Return the message that silences it at once; none where nothing is out."""
        was_playing = self.is_playing
        self._rest = b""
        self._unmarked = 0
        self._out.clear()
        return [self._carrier.clear(self._stream_id)] if was_playing else []

    def came_back(self, name: str) -> tuple[str, float] | None:
        """Return which turn was played, and up to where, in ms; None where the mark says nothing."""
        return self._out.pop(name, None)

    def _played(self, sound: bytes, size: int) -> list[str | bytes]:
        self._sent_ms += size / self._carrier.bytes_per_ms
        carrier, step = self._carrier, self._carrier.frame_bytes
        pieces = [sound[start : start + step] for start in range(0, len(sound), step)]
        played = [carrier.play(self._stream_id, piece) for piece in pieces]
        self._unmarked += len(pieces)
        if not self._is_fresh and self._unmarked < _MARK_EVERY_FRAMES:
            return played
        self._is_fresh = False
        return [*played, self._mark()]

    def _mark(self) -> str:
        """Have it said when all that was sent so far has been played."""
        self._count += 1
        self._unmarked = 0
        name = f"m{self._count}"
        self._out[name] = (self.turn_id, self._sent_ms)
        while len(self._out) > _MOST_MARKS:
            del self._out[next(iter(self._out))]
        return self._carrier.mark(self._stream_id, name)
