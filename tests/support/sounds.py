"""Sounds without words, as numbers at 16 kHz; the same ones each time."""

from collections.abc import Callable

import numpy as np

from app.speech.pcm import Samples

RATE_HZ = 16_000


def white(seconds: float) -> Samples:
    return (_random().normal(size=_size(seconds)) * 0.05).astype(np.float32)


def pink(seconds: float) -> Samples:
    walk = np.cumsum(_random().normal(size=_size(seconds)))
    walk -= np.convolve(walk, np.ones(400) / 400, "same")
    return (walk / np.abs(walk).max() * 0.2).astype(np.float32)


def hum(seconds: float) -> Samples:
    at = np.arange(_size(seconds)) / RATE_HZ
    return (0.2 * np.sin(2 * np.pi * 50 * at) + 0.1 * np.sin(2 * np.pi * 150 * at)).astype(np.float32)


def clicks(seconds: float) -> Samples:
    sound = np.zeros(_size(seconds))
    sound[_random().integers(0, sound.size, int(seconds * 4))] = 0.8
    return np.convolve(sound, np.exp(-np.arange(200) / 20), "same").astype(np.float32)


def quiet(seconds: float) -> Samples:
    return np.zeros(_size(seconds), np.float32)


NOISES: dict[str, Callable[[float], Samples]] = {
    "white": white,
    "pink": pink,
    "hum": hum,
    "clicks": clicks,
    "quiet": quiet,
}


def with_noise(samples: Samples, ratio_db: float) -> Samples:
    noise = _random().normal(size=samples.size)
    power = np.mean(np.square(samples, dtype=np.float64)) / 10 ** (ratio_db / 10)
    return (samples + noise * np.sqrt(power)).astype(np.float32)


def _size(seconds: float) -> int:
    return int(seconds * RATE_HZ)


def _random() -> np.random.Generator:
    return np.random.default_rng(1)
