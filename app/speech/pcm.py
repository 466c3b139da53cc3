"""Sound as numbers: whole samples out of frames of any length, floats, other rates, loudness, trimming.

All of it is PCM16, little endian, mono, as bytes; arrays are float32 between -1 and 1.
"""

from math import gcd
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt
import soxr  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ

Samples = npt.NDArray[np.float32]

_FULL_SCALE: Final = 32_768.0
_MOST_PHASES: Final = 12
_HALF_TAPS: Final = 24
"""Inputs that are looked at on each side of an output, at the lower of both rates: 3 ms at 8 kHz."""

_PASSED: Final = 0.94
"""Of the band that both rates have."""

_STEEP: Final = 7.0
"""Of the window: what is out of that band is some 70 dB down."""

_BLOCK: Final = 4096
_FRAME_S: Final = 0.02
_QUIETEST_SPEECH: Final = 0.004
"""Loudness under which nothing is taken for speech: -48 dB of full scale."""


class EvenBytes:
    """Cuts a stream of bytes at samples: an odd one waits for the next frame."""

    def __init__(self) -> None:
        self._odd = b""

    def feed(self, frame: bytes) -> bytes:
        """Return the whole samples that have come."""
        if self._odd:
            frame = self._odd + frame
        whole = len(frame) - len(frame) % BYTES_PER_SAMPLE
        self._odd = frame[whole:]
        return frame[:whole]

    def clear(self) -> None:
        """Forget the byte that waits."""
        self._odd = b""


class Resampler:
    """Brings a stream of frames to another rate; what it gives does not depend on where frames end.

    Args:
        rate_hz: What comes in.
        to_rate_hz: What goes out.
    """

    def __init__(self, rate_hz: int, to_rate_hz: int = EAR_RATE_HZ) -> None:
        self._even = EvenBytes()
        self._stream: _Stream | None = None
        if rate_hz != to_rate_hz:
            up, down = to_rate_hz // gcd(rate_hz, to_rate_hz), rate_hz // gcd(rate_hz, to_rate_hz)
            self._stream = (
                _Polyphase(up, down) if max(up, down) <= _MOST_PHASES else _Soxr(rate_hz, to_rate_hz)
            )

    def feed(self, frame: bytes) -> bytes:
        """Return the sound that can be told by now: 3 ms behind what has come, where the rates are simple."""
        samples = self._even.feed(frame)
        return self._resampled(samples, last=False)

    def flush(self) -> bytes:
        """Return the rest: nothing comes any more."""
        self._even.clear()
        return self._resampled(b"", last=True)

    def _resampled(self, pcm: bytes, *, last: bool) -> bytes:
        if self._stream is None:
            return pcm
        return self._stream.resample_chunk(np.frombuffer(pcm, dtype="<i2"), last=last).tobytes()


Pcm16 = npt.NDArray[np.int16]


class _Stream(Protocol):
    """A stream that changes its rate."""

    def resample_chunk(self, samples: Pcm16, *, last: bool) -> Pcm16:
        """Return what can be told by now; with the last samples all of it."""
        ...


class _Soxr:
    """Any rates, in blocks: it may be a tenth of a second behind."""

    def __init__(self, rate_hz: int, to_rate_hz: int) -> None:
        # The finer filter looks 66 ms ahead at 8 kHz, and a telephone's band leaves it nothing to do.
        quality = "MQ" if rate_hz < to_rate_hz else "HQ"
        self._stream = soxr.ResampleStream(rate_hz, to_rate_hz, 1, dtype="int16", quality=quality)

    def resample_chunk(self, samples: Pcm16, *, last: bool) -> Pcm16:
        """Return what can be told by now."""
        return self._stream.resample_chunk(samples, last=last)


class _Polyphase:
    """Rates in a ratio of small numbers, sample by sample: each output is a sum over the inputs around it.

    An interruption is noticed by what comes out here: whole blocks would let a caller wait for their end.

    Args:
        up: Outputs for `down` inputs.
    """

    def __init__(self, up: int, down: int) -> None:
        self._up, self._down = up, down
        self._half = _HALF_TAPS * max(1, -(-down // up))
        # An output is the sum of so many slower streams' as inputs lie between two of its kind.
        self._taps = [
            [np.ascontiguousarray(taps[place::down]) for place in range(down)]
            for taps in _taps(up, down, self._half)
        ]
        self._held = np.zeros(self._half - 1, dtype=np.float32)
        self._first: int = (
            0  # the input that stands first in `_held`, counted with the zeros before the stream
        )
        self._told: int = 0
        self._taken: int = 0

    def resample_chunk(self, samples: Pcm16, *, last: bool) -> Pcm16:
        """Return what can be told by now."""
        self._taken += len(samples)
        more = [np.zeros(self._half, dtype=np.float32)] if last else []
        self._held = np.concatenate([self._held, samples.astype(np.float32), *more])
        whole = self._first + len(self._held) - 2 * self._half + 1  # inputs that all of theirs has come for
        end = max(-(-(min(whole, self._taken) * self._up) // self._down), self._told)
        pieces = [self._told_of(start, min(start + _BLOCK, end)) for start in range(self._told, end, _BLOCK)]
        self._told = end
        keep = max(end * self._down // self._up - self._first, 0)
        self._held, self._first = self._held[keep:], self._first + keep
        if len(pieces) == 1:
            return pieces[0]
        return np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int16)

    def _told_of(self, start: int, end: int) -> Pcm16:
        up, down, sums = self._up, self._down, np.empty(end - start, dtype=np.float32)
        for at in range(start, min(start + up, end)):  # outputs that stand alike between two inputs
            count = -(-(end - at) // up)
            begin = at * down // up - self._first
            around = self._held[begin : begin + (count - 1) * down + 2 * self._half]
            parts = [
                np.correlate(around[place::down][: count - 1 + len(taps)], taps)
                for place, taps in enumerate(self._taps[at * down % up])
            ]
            sums[at - start :: up] = parts[0] if down == 1 else sum(parts[1:], parts[0])
        np.rint(sums, out=sums)
        np.maximum(sums, -_FULL_SCALE, out=sums)
        np.minimum(sums, _FULL_SCALE - 1, out=sums)
        return sums.astype("<i2")


def _taps(up: int, down: int, half: int) -> Samples:
    """Return the weights of the inputs around an output, for each of its places between two of them."""
    cutoff = min(1.0, up / down) * _PASSED
    away = np.arange(-half + 1, half + 1) - np.arange(up)[:, None] / up
    window = np.i0(_STEEP * np.sqrt(np.maximum(1 - (away / half) ** 2, 0))) / np.i0(_STEEP)
    taps = cutoff * np.sinc(cutoff * away) * window
    return (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)


def resampled(pcm: bytes, rate_hz: int, to_rate_hz: int = EAR_RATE_HZ) -> bytes:
    """Return a whole recording at another rate."""
    resampler = Resampler(rate_hz, to_rate_hz)
    return resampler.feed(pcm) + resampler.flush()


def to_floats(pcm: bytes) -> Samples:
    """PCM16 as numbers between -1 and 1."""
    return np.frombuffer(pcm, dtype="<i2").astype(np.float32) / np.float32(_FULL_SCALE)


def to_pcm(samples: npt.NDArray[np.floating]) -> bytes:
    """Return numbers as PCM16; what is over full scale is cut there."""
    scaled = np.rint(np.asarray(samples, dtype=np.float64) * _FULL_SCALE)
    return np.clip(scaled, -_FULL_SCALE, _FULL_SCALE - 1).astype("<i2").tobytes()


def loudness(pcm: bytes) -> float:
    """Return the root mean square, 0 to 1; 0 for no sound at all."""
    return rms(to_floats(pcm))


def rms(samples: Samples) -> float:
    """The root mean square of numbers; 0 for none."""
    return float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) if samples.size else 0.0


def frame_loudness(samples: Samples, rate_hz: int = EAR_RATE_HZ, frame_s: float = _FRAME_S) -> Samples:
    """Return the loudness of each frame; what is left over at the end is no frame."""
    length = max(1, round(rate_hz * frame_s))
    count = samples.size // length
    frames = samples[: count * length].reshape(count, length)
    return np.sqrt(np.mean(np.square(frames, dtype=np.float64), axis=1)).astype(np.float32)


def trimmed(pcm: bytes, margin_s: float = 0.2, rate_hz: int = EAR_RATE_HZ) -> bytes:
    """A recording without the quiet before and after it, all but a margin; all of it where nothing is loud.

    For sound that no voice activity was found in before, such as whole clips.
    """
    levels = frame_loudness(to_floats(pcm), rate_hz)
    if not levels.size:
        return pcm
    threshold = max(_QUIETEST_SPEECH, 3 * float(np.percentile(levels, 10)))
    loud = np.flatnonzero(levels > threshold)
    if not loud.size:
        return pcm
    length = round(rate_hz * _FRAME_S)
    margin = round(rate_hz * margin_s)
    start = max(0, int(loud[0]) * length - margin)
    end = (int(loud[-1]) + 1) * length + margin
    return pcm[start * BYTES_PER_SAMPLE : end * BYTES_PER_SAMPLE]
