"""The recordings of `tests/cases/speech`, as PCM16 at 16 kHz."""

from functools import cache
from pathlib import Path

import av
import numpy as np

FOLDER = Path(__file__).parents[1] / "cases" / "speech"


@cache
def recording(name: str) -> bytes:
    """The sound of one, whole."""
    with av.open(str(FOLDER / f"{name}.flac")) as file:
        resampler = av.AudioResampler("s16", "mono", 16_000)
        frames = [piece for frame in file.decode(audio=0) for piece in resampler.resample(frame)]
        frames += resampler.resample(None)
    return b"".join(frame.to_ndarray().astype("<i2").tobytes() for frame in frames)


def silence(seconds: float) -> bytes:
    """Digital silence."""
    return bytes(2 * int(seconds * 16_000))


def noise(kind: str, seconds: float) -> bytes:
    """White or pink noise, mains hum, or clicks; the same each time."""
    random, size = np.random.default_rng(1), int(seconds * 16_000)
    at = np.arange(size) / 16_000
    if kind == "white":
        sound = random.normal(0, 2000, size)
    elif kind == "pink":
        sound = np.cumsum(random.normal(0, 1, size))
        sound -= np.convolve(sound, np.ones(800) / 800, "same")
        sound *= 3000 / sound.std()
    elif kind == "hum":
        sound = 5000 * np.sin(2 * np.pi * 50 * at) + 3000 * np.sin(2 * np.pi * 100 * at)
    else:
        sound = np.zeros(size)
        sound[random.integers(0, size, int(seconds * 4))] = 25_000
    return np.clip(sound, -32768, 32767).astype("<i2").tobytes()
