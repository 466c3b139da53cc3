"""The agent's own voice where a telephone brings it back: what is heard of it is taken for silence.

A line's echo is what was played, later and quieter. How much later and how much quieter is learned from the
loudness of both, frame by frame; a frame that is no louder than that explains is echo. Whoever speaks over
the agent is louder than its echo, and is heard.

Imported when speech begins, not before: it needs the packages of speech.
"""

from collections.abc import Callable
from typing import Final

import numpy as np

from app.protocol.events import AudioFrame, AudioStarted, Event
from app.speech.base import BYTES_PER_SAMPLE

FRAME_MS: Final = 20

_LAGS: Final = 50
"""An echo comes within a second of what was played, in frames."""

_FORGET: Final = 0.99
"""How much a frame before counts of what a frame now does: about two seconds are looked at."""

_LEARNED_AT_ONCE: Final = 5
_KEPT: Final = _FORGET**_LEARNED_AT_ONCE
_AGES: Final = _FORGET ** np.arange(_LEARNED_AT_ONCE - 1, -1, -1)
"""So many frames are learned from together; what counts of those before, and each of them."""

_LEARNING_FRAMES: Final = 100
"""So much of the agent's voice until it is known whether the line has an echo."""

_UNKNOWN_GAINS: Final = ((75, 1.0), (_LEARNING_FRAMES, 0.6))
"""What is no louder, beside the voice, is taken for echo in so many of the first frames."""

_ALIKE: Final = 0.85
"""From here on what comes back follows what was played; echoes have 0.95, two people talking 0.5."""

_MARGIN: Final = 2.0
"""An echo's frame may be so much louder than is expected of it."""

_NEAR_FRAMES: Final = 5
"""It may come so much sooner or later than it has: networks, and this process, are late now and then."""

_FADE: Final = 0.85
"""An echo dies away so much each frame: rooms ring."""

_SPOKEN_FRAMES: Final = 3
_HELD_FRAMES: Final = 10
"""Once so many frames in a row were louder than the echo, quieter ones are theirs too, for so many more."""

_SETTLING: Final = 0.05
"""How fast it is believed that frames come later than they did."""

Place = Callable[[float], tuple[str, float] | None]
"""Tells for a moment on the loop's clock which turn sounds, and where in it the user is, in ms."""


class EchoGate:
    """One line.

    Args:
        rate_hz: Of what comes.
    """

    def __init__(self, rate_hz: int) -> None:
        self._frame_s = FRAME_MS / 1000
        self._frame_bytes = rate_hz * FRAME_MS // 1000 * BYTES_PER_SAMPLE
        self._silence = bytes(self._frame_bytes)
        self._rest = b""
        # What is played, by its place in its turn
        self._turn_id = ""
        self._played: dict[int, float] = {}
        self._written_ms = 0.0
        self._sound_rate_hz = rate_hz
        self._last_ms = 0.0
        # When what comes was said
        self._heard_s = 0.0
        self._offset_s: float | None = None
        # What is known of the line
        self._before = [0.0] * _LAGS
        self._sounds = 0
        self._unread: list[tuple[list[float], float]] = []
        # Of what was played, of its squares, of its products with what comes.
        self._sums = np.zeros((3, _LAGS))
        self._count = self._sum = self._squares = 0.0
        self._learned = 0
        self._gain: float | None = None
        self._lag = 0
        self._expected = 0.0
        self._loud = self._held = 0

    # What is played

    def note(self, event: Event) -> None:
        """Take what is sent of the voice, as it is made."""
        match event:
            case AudioStarted(turn_id, rate_hz, offset_ms):
                if turn_id != self._turn_id:
                    self._turn_id, self._last_ms = turn_id, offset_ms
                    self._played.clear()
                self._sound_rate_hz, self._written_ms = rate_hz, float(offset_ms)
            case AudioFrame(_, pcm):
                self._play(pcm)
            case _:
                return

    def _play(self, pcm: bytes) -> None:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32)
        per_frame = self._sound_rate_hz * FRAME_MS // 1000
        for start in range(0, len(samples), per_frame):
            piece = samples[start : start + per_frame]
            place = int(self._written_ms // FRAME_MS)
            self._played[place] = max(_loudness(piece), self._played.get(place, 0.0))
            self._written_ms += len(piece) * 1000 / self._sound_rate_hz

    # What comes

    def feed(self, pcm: bytes, now: float, place: Place) -> bytes:
        """Return what is to be heard of it: whole frames, silent ones for echo."""
        sound = self._rest + pcm
        whole = len(sound) - len(sound) % self._frame_bytes
        self._rest = sound[whole:]
        frames = [sound[at : at + self._frame_bytes] for at in range(0, whole, self._frame_bytes)]
        return b"".join(self._passed(frame, now, place) for frame in frames)

    def _passed(self, frame: bytes, now: float, place: Place) -> bytes:
        played = self._sounding(self._moment(now), place)
        self._sounds += (played > 0) - (self._before.pop() > 0)
        self._before.insert(0, played)
        if not self._sounds:
            self._expected *= _FADE
            return frame
        loudness = _loudness(np.frombuffer(frame, "<i2").astype(np.float32))
        self._learn(loudness)
        self._expected = max(self._echo(), self._expected * _FADE)
        return frame if self._is_theirs(loudness) else self._silence

    def _moment(self, now: float) -> float:
        """Return when a frame was said, on the loop's clock: they come in bursts, and are said one by one."""
        self._heard_s += self._frame_s
        offset = now - self._heard_s
        if self._offset_s is None or offset < self._offset_s:
            self._offset_s = offset
        else:
            self._offset_s += (offset - self._offset_s) * _SETTLING
        return self._heard_s + self._offset_s

    def _sounding(self, moment: float, place: Place) -> float:
        """Return how loud the agent has been since the frame before."""
        at = place(moment)
        if at is None or at[0] != self._turn_id:
            return 0.0
        before, self._last_ms = self._last_ms, at[1]
        if at[1] <= before:
            return 0.0
        middle = (before + at[1]) / 2 / FRAME_MS - 0.5
        first = int(max(middle, 0))
        part = max(middle, 0) - first
        played = self._played
        return played.get(first, 0.0) * (1 - part) + played.get(first + 1, 0.0) * part

    def _learn(self, loudness: float) -> None:
        self._unread.append((self._before.copy(), loudness))
        self._learned += 1
        if len(self._unread) == _LEARNED_AT_ONCE:
            self._read()
            if self._learned >= _LEARNING_FRAMES // 4:
                self._judge()

    def _read(self) -> None:
        """Add some frames to the sums: together they cost what one does."""
        before, loudness = (np.array(each) for each in zip(*self._unread, strict=True))
        self._unread.clear()
        self._sums *= _KEPT
        self._sums[0] += _AGES @ before
        self._sums[1] += _AGES @ (before * before)
        self._sums[2] += (_AGES * loudness) @ before
        self._count = self._count * _KEPT + float(_AGES.sum())
        self._sum = self._sum * _KEPT + float(_AGES @ loudness)
        self._squares = self._squares * _KEPT + float(_AGES @ (loudness * loudness))

    def _judge(self) -> None:
        """Look whether what comes follows what was played, and how late."""
        played, squares, products = self._sums
        spread = (self._count * squares - played * played) * (self._count * self._squares - self._sum**2)
        covariance = self._count * products - played * self._sum
        likeness = np.where(spread > 0, covariance / np.sqrt(np.maximum(spread, 1e-9)), 0.0)
        lag = int(np.argmax(likeness))
        if likeness[lag] >= _ALIKE:
            self._lag, self._gain = lag, float(products[lag] / squares[lag])
        elif self._gain is None and self._learned >= _LEARNING_FRAMES:
            self._gain = 0.0

    def _echo(self) -> float:
        """Return how loud an echo may be now."""
        if self._gain is None:
            gain = next((gain for frames, gain in _UNKNOWN_GAINS if self._learned <= frames), 0.0)
            return gain * max(self._before)
        near = self._before[max(self._lag - _NEAR_FRAMES, 0) : self._lag + _NEAR_FRAMES + 1]
        return _MARGIN * self._gain * max(near)

    def _is_theirs(self, loudness: float) -> bool:
        if loudness > self._expected:
            self._loud += 1
            if self._loud >= _SPOKEN_FRAMES:
                self._held = _HELD_FRAMES
            return True
        self._loud = 0
        self._held = max(self._held - 1, 0)
        return self._held > 0


def _loudness(samples: "np.ndarray[tuple[int], np.dtype[np.float32]]") -> float:
    return float(np.sqrt(samples.dot(samples) / max(len(samples), 1)))
