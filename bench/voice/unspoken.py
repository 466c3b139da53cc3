"""Sounds in which nobody says a word, made anew from a seed: what a microphone hears beside speech.

Each kind draws its pitch, rhythm, length and timbre from the generator that it is given; the same seed makes
the same sound. All are models: a cough is a burst of shaped noise, a tune a row of notes with overtones.
"""

from collections.abc import Callable
from typing import Final

import numpy as np
import numpy.typing as npt

from app.speech.base import EAR_RATE_HZ

Sound = npt.NDArray[np.float64]
Maker = Callable[[float, np.random.Generator], Sound]
"""Seconds and a generator to a sound, at any level."""

_DTMF_HZ: Final = ((697, 770, 852, 941), (1209, 1336, 1477, 1633))
_SCALE: Final = (0, 2, 4, 5, 7, 9, 11, 12)


def made(kind: str, seconds: float, seed: int, peak: float = 0.5) -> npt.NDArray[np.float32]:
    """One sound of a kind, at the recogniser's rate.

    Args:
        kind: One of `KINDS`.
        peak: Its highest sample, 0 to 1.
    """
    rng = np.random.default_rng([seed, sorted(KINDS).index(kind)])
    sound = KINDS[kind](seconds, rng)
    return (sound * (peak / max(float(np.abs(sound).max()), 1e-9))).astype(np.float32)


def _times(seconds: float) -> Sound:
    return np.arange(round(seconds * EAR_RATE_HZ)) / EAR_RATE_HZ


def _white(seconds: float, rng: np.random.Generator) -> Sound:
    return rng.standard_normal(round(seconds * EAR_RATE_HZ))


def _coloured(seconds: float, rng: np.random.Generator, power: float) -> Sound:
    """Noise whose amplitude falls with the frequency to this power."""
    noise = _white(seconds, rng)
    hertz = np.maximum(np.fft.rfftfreq(noise.size, 1 / EAR_RATE_HZ), 20)
    return np.fft.irfft(np.fft.rfft(noise) / hertz**power, noise.size)


def _shaped(noise: Sound, peaks: list[tuple[float, float]]) -> Sound:
    """Noise with resonances at (Hz, width in Hz)."""
    hertz = np.fft.rfftfreq(noise.size, 1 / EAR_RATE_HZ)
    gain = sum(np.exp(-0.5 * ((hertz - at) / width) ** 2) for at, width in peaks)
    return np.fft.irfft(np.fft.rfft(noise) * (gain + 0.02), noise.size)


def _burst(samples: int, attack_s: float, decay_s: float) -> Sound:
    at = np.arange(samples) / EAR_RATE_HZ
    return np.minimum(at / max(attack_s, 1e-4), 1.0) * np.exp(-np.maximum(at - attack_s, 0) / decay_s)


def _scattered(seconds: float, every_s: tuple[float, float], rng: np.random.Generator, one: Maker) -> Sound:
    """Short sounds, one after another, with pauses drawn between two lengths."""
    whole = np.zeros(round(seconds * EAR_RATE_HZ))
    at = rng.uniform(0.05, 0.4)
    while at < seconds - 0.1:
        piece = one(rng.uniform(0.15, 0.6), rng) * rng.uniform(0.5, 1.0)
        start = round(at * EAR_RATE_HZ)
        piece = piece[: whole.size - start]
        whole[start : start + piece.size] += piece
        at += piece.size / EAR_RATE_HZ + rng.uniform(*every_s)
    return whole


def _note(hertz: float, seconds: float, rng: np.random.Generator, overtones: int, decay_s: float) -> Sound:
    at = _times(seconds)
    bend = rng.uniform(0, 0.01) * np.sin(2 * np.pi * rng.uniform(4, 7) * at)
    phase = 2 * np.pi * hertz * np.cumsum(1 + bend) / EAR_RATE_HZ
    parts = [np.sin(n * phase) / n ** rng.uniform(1, 2) for n in range(1, overtones + 1)]
    return np.sum(parts, axis=0) * _burst(at.size, rng.uniform(0.005, 0.08), decay_s)


def _tone(seconds: float, rng: np.random.Generator) -> Sound:
    wave = np.sin(2 * np.pi * rng.uniform(180, 3_000) * _times(seconds))
    return np.sign(wave) if rng.random() < 0.3 else wave


def _beeps(seconds: float, rng: np.random.Generator) -> Sound:
    tones, length_s = rng.uniform(300, 2_500, 2), rng.uniform(0.08, 0.6)
    at = _times(seconds)
    wave = np.sin(2 * np.pi * tones[0] * at) + (rng.random() < 0.5) * np.sin(2 * np.pi * tones[1] * at)
    return wave * (np.floor(at / length_s) % 2 == 0)


def _dial(seconds: float, rng: np.random.Generator) -> Sound:
    def digit(_: float, rng: np.random.Generator) -> Sound:
        at = _times(0.12)
        return np.sum([np.sin(2 * np.pi * rng.choice(row) * at) for row in _DTMF_HZ], axis=0)

    return _scattered(seconds, (0.05, 0.3), rng, digit)


def _chord(seconds: float, rng: np.random.Generator) -> Sound:
    root = rng.uniform(110, 440)
    steps = rng.choice(((0, 4, 7), (0, 3, 7), (0, 5, 9), (0, 4, 10)))
    return np.sum([_note(root * 2 ** (n / 12), seconds, rng, 6, seconds) for n in steps], axis=0)


def _tune(seconds: float, rng: np.random.Generator) -> Sound:
    whole = 0.02 * _white(seconds, rng)
    root, beat_s, overtones = rng.uniform(130, 400), rng.uniform(0.15, 0.5), int(rng.integers(2, 12))
    for count in range(int(seconds / beat_s)):
        start = round(count * beat_s * EAR_RATE_HZ)
        step = rng.choice(_SCALE) - 12 * (rng.random() < 0.3)
        note = _note(root * 2 ** (step / 12), beat_s * rng.uniform(0.8, 2), rng, overtones, beat_s)
        if count % 4 == 0:
            note = note + 0.5 * _note(root / 2, note.size / EAR_RATE_HZ, rng, 4, beat_s)[: note.size]
        note = note[: whole.size - start]
        whole[start : start + note.size] += note
    if rng.random() < 0.5:  # a drum on each second beat
        for start in range(0, whole.size - 2_000, round(2 * beat_s * EAR_RATE_HZ)):
            whole[start : start + 2_000] += rng.standard_normal(2_000) * _burst(2_000, 0.001, 0.03)
    return whole


def _mains(seconds: float, rng: np.random.Generator) -> Sound:
    at, base = _times(seconds), rng.choice((50.0, 60.0))
    parts = [np.sin(2 * np.pi * base * n * at + rng.uniform(0, 6)) / n for n in (1, 2, 3, 5, 7)]
    return np.sum(parts, axis=0) + 0.03 * _white(seconds, rng)


def _engine(seconds: float, rng: np.random.Generator) -> Sound:
    at = _times(seconds)
    base = rng.uniform(25, 90) * (1 + 0.1 * np.sin(2 * np.pi * rng.uniform(0.1, 0.6) * at))
    phase = 2 * np.pi * np.cumsum(base) / EAR_RATE_HZ
    return np.sum([np.sin(n * phase) / n for n in range(1, 20)], axis=0) + 0.3 * _coloured(seconds, rng, 1)


def _siren(seconds: float, rng: np.random.Generator) -> Sound:
    at = _times(seconds)
    hertz = rng.uniform(500, 900) * (1 + 0.4 * np.sin(2 * np.pi * rng.uniform(0.2, 3) * at))
    return np.sin(2 * np.pi * np.cumsum(hertz) / EAR_RATE_HZ)


def _clicks(seconds: float, rng: np.random.Generator) -> Sound:
    def click(_: float, rng: np.random.Generator) -> Sound:
        return rng.standard_normal(800) * _burst(800, 0.0005, rng.uniform(0.001, 0.01))

    return _scattered(seconds, (0.05, 0.7), rng, click)


def _keyboard(seconds: float, rng: np.random.Generator) -> Sound:
    def key(_: float, rng: np.random.Generator) -> Sound:
        press = rng.standard_normal(1_600) * _burst(1_600, 0.001, 0.008)
        thud = np.sin(2 * np.pi * rng.uniform(120, 300) * _times(0.1)) * _burst(1_600, 0.002, 0.02)
        release = np.roll(rng.standard_normal(1_600) * _burst(1_600, 0.001, 0.004), 1_100) * 0.4
        return press + thud + release

    return _scattered(seconds, (0.02, 0.25), rng, key)


def _knocks(seconds: float, rng: np.random.Generator) -> Sound:
    def knock(_: float, rng: np.random.Generator) -> Sound:
        at = _times(0.15)
        return np.sin(2 * np.pi * rng.uniform(80, 400) * at) * _burst(at.size, 0.001, 0.03)

    return _scattered(seconds, (0.1, 0.8), rng, knock)


def _one_cough(seconds: float, rng: np.random.Generator) -> Sound:
    """An explosive burst, a noisy middle, and often a voiced end."""
    seconds = max(seconds, 0.25)
    at = _times(seconds)
    burst = _shaped(_white(seconds, rng), [(rng.uniform(350, 900), 250), (rng.uniform(1_100, 2_200), 500)])
    sound = burst / np.abs(burst).max() * _burst(at.size, 0.008, rng.uniform(0.05, 0.16))
    if rng.random() < 0.7:
        start = round(rng.uniform(0.08, 0.18) * EAR_RATE_HZ)
        length = (at.size - start) / EAR_RATE_HZ
        voice = _throat(length, rng, rng.uniform(90, 260), falls=0.25)
        sound[start : start + voice.size] += voice * 0.5 * _burst(voice.size, 0.02, 0.08)
    return sound


def _throat(seconds: float, rng: np.random.Generator, pitch_hz: float, falls: float = 0.0) -> Sound:
    """A voice without articulation: a buzz through fixed resonances."""
    at = _times(seconds)
    hertz = pitch_hz * (1 - falls * at / max(seconds, 0.1)) * (1 + 0.02 * rng.standard_normal())
    jitter = 1 + 0.01 * np.cumsum(rng.standard_normal(at.size)) / np.sqrt(np.arange(1, at.size + 1))
    phase = np.cumsum(hertz * jitter) / EAR_RATE_HZ
    buzz = 2 * (phase % 1) - 1 + 0.1 * rng.standard_normal(at.size)
    sound = _shaped(buzz, [(rng.uniform(250, 750), 120), (rng.uniform(900, 1_900), 200), (2_600, 300)])
    return sound / max(float(np.abs(sound).max()), 1e-9)


def _coughs(seconds: float, rng: np.random.Generator) -> Sound:
    return _scattered(seconds, (0.05, 0.7), rng, _one_cough)


def _throat_clearing(seconds: float, rng: np.random.Generator) -> Sound:
    def once(_: float, rng: np.random.Generator) -> Sound:
        length = rng.uniform(0.25, 0.7)
        voice = _throat(length, rng, rng.uniform(80, 160))
        rough = 1 + 0.8 * np.sign(np.sin(2 * np.pi * rng.uniform(25, 50) * _times(length)))
        return voice * rough * np.hanning(voice.size)

    return _scattered(seconds, (0.1, 0.6), rng, once)


def _sneeze(seconds: float, rng: np.random.Generator) -> Sound:
    def once(_: float, rng: np.random.Generator) -> Sound:
        breath = _shaped(_white(0.4, rng), [(900, 400)]) * np.linspace(0, 1, 6_400) ** 2
        burst = _shaped(_white(0.35, rng), [(rng.uniform(2_000, 4_500), 1_200)]) * _burst(5_600, 0.005, 0.1)
        return np.concatenate([0.3 * breath / np.abs(breath).max(), burst / np.abs(burst).max()])

    return _scattered(seconds, (0.6, 1.5), rng, once)


def _breath(seconds: float, rng: np.random.Generator) -> Sound:
    at, rate_hz = _times(seconds), rng.uniform(0.25, 0.8)
    noise = _shaped(_white(seconds, rng), [(rng.uniform(300, 900), 400), (rng.uniform(1_500, 3_000), 900)])
    return noise * np.abs(np.sin(np.pi * rate_hz * at)) ** rng.uniform(1, 3)


def _hummed(seconds: float, rng: np.random.Generator) -> Sound:
    """Somebody hums a tune with closed lips."""
    pieces: list[Sound] = []
    root = rng.uniform(100, 280)
    while sum(piece.size for piece in pieces) < seconds * EAR_RATE_HZ:
        length = rng.uniform(0.25, 0.9)
        buzz = _throat(length, rng, root * 2 ** (rng.choice(_SCALE) / 12))
        hertz = np.fft.rfftfreq(buzz.size, 1 / EAR_RATE_HZ)
        closed = np.fft.irfft(np.fft.rfft(buzz) / (1 + (hertz / 400) ** 4), buzz.size)
        pieces.append(closed * np.minimum(1, np.hanning(buzz.size) * 4))
        if rng.random() < 0.3:
            pieces.append(np.zeros(round(rng.uniform(0.1, 0.5) * EAR_RATE_HZ)))
    return np.concatenate(pieces)[: round(seconds * EAR_RATE_HZ)]


def _rustle(seconds: float, rng: np.random.Generator) -> Sound:
    slow = np.interp(
        _times(seconds) * 12, np.arange(int(seconds * 12) + 2), rng.random(int(seconds * 12) + 2)
    )
    return _coloured(seconds, rng, 0.3) * slow**3


def _wind(seconds: float, rng: np.random.Generator) -> Sound:
    slow = np.interp(_times(seconds) * 2, np.arange(int(seconds * 2) + 2), rng.random(int(seconds * 2) + 2))
    return _coloured(seconds, rng, 1) * (0.2 + slow)


def _applause(seconds: float, rng: np.random.Generator) -> Sound:
    sound = np.zeros(round(seconds * EAR_RATE_HZ))
    for start in rng.integers(0, max(sound.size - 400, 1), int(seconds * 60)):
        size = min(400, sound.size - start)
        sound[start : start + size] += rng.standard_normal(size) * _burst(size, 0.001, 0.006) * rng.random()
    return sound


def _bark(seconds: float, rng: np.random.Generator) -> Sound:
    def once(_: float, rng: np.random.Generator) -> Sound:
        voice = _throat(rng.uniform(0.12, 0.25), rng, rng.uniform(200, 600), falls=0.4)
        return (voice + 0.3 * rng.standard_normal(voice.size)) * np.hanning(voice.size)

    return _scattered(seconds, (0.1, 0.8), rng, once)


KINDS: Final[dict[str, Maker]] = {
    "white": _white,
    "pink": lambda seconds, rng: _coloured(seconds, rng, 0.5),
    "brown": lambda seconds, rng: _coloured(seconds, rng, 1.0),
    "tone": _tone,
    "beeps": _beeps,
    "dial": _dial,
    "chord": _chord,
    "tune": _tune,
    "mains": _mains,
    "engine": _engine,
    "siren": _siren,
    "clicks": _clicks,
    "keyboard": _keyboard,
    "knocks": _knocks,
    "coughs": _coughs,
    "throat": _throat_clearing,
    "sneeze": _sneeze,
    "breath": _breath,
    "hummed": _hummed,
    "rustle": _rustle,
    "wind": _wind,
    "applause": _applause,
    "bark": _bark,
}
