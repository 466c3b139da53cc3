"""Cuts speech that is too long for one pass, at its quietest places."""

from typing import Final

import numpy as np

from app.speech.base import EAR_RATE_HZ
from app.speech.pcm import Samples, frame_loudness

LONGEST_S: Final = 28.0
"""The most speech in one window: Whisper hears 30 s, and wants a little silence after it."""

_SILENT: Final = 1e-4
"""Of full scale: what a line holds on which nothing is."""
_SOFT_PERCENTILE: Final = 10
_LOUD_PERCENTILE: Final = 90
_NOISY: Final = 5.0
"""Loud frames to soft ones: 14 dB. Prompts in noise of 10 dB have 7.5 to 12.8, 98 % of clean ones over 15."""
_SHORTEST_S: Final = 14.0
_FRAME_S: Final = 0.02
_PAUSE_FRAMES: Final = 10


def windows_of(samples: Samples, longest_s: float = LONGEST_S) -> list[Samples]:
    """Return the sound in pieces of at most `longest_s`; joined they are the whole."""
    pieces: list[Samples] = []
    longest = int(longest_s * EAR_RATE_HZ)
    while samples.size > longest:
        cut = _quietest(samples[:longest], int(min(_SHORTEST_S, longest_s / 2) * EAR_RATE_HZ))
        pieces.append(samples[:cut])
        samples = samples[cut:]
    return [*pieces, samples]


def speech_s(samples: Samples) -> float:
    """From the first to the last moment that is loud, in seconds."""
    levels = frame_loudness(samples)
    if not levels.size:
        return 0.0
    loud = np.flatnonzero(levels > max(0.004, 0.1 * float(levels.max())))
    return (int(loud[-1]) - int(loud[0]) + 1) * _FRAME_S if loud.size else 0.0


def is_noisy(samples: Samples) -> bool:
    """Return whether something sounds between the words that is hardly softer than they are."""
    levels = frame_loudness(samples)
    heard = levels[levels > _SILENT]
    if not heard.size:
        return False
    soft, loud = np.percentile(heard, (_SOFT_PERCENTILE, _LOUD_PERCENTILE))
    return float(loud) < _NOISY * float(soft)


def _quietest(samples: Samples, start: int) -> int:
    """Return the middle of the quietest fifth of a second after `start`."""
    levels = frame_loudness(samples[start:])
    if levels.size <= _PAUSE_FRAMES:
        return samples.size
    energy = np.convolve(np.square(levels), np.ones(_PAUSE_FRAMES), mode="valid")
    # Among equally quiet places the last one: fewer pieces.
    at = energy.size - 1 - int(np.argmin(energy[::-1]))
    return start + round((at + _PAUSE_FRAMES / 2) * _FRAME_S * EAR_RATE_HZ)
