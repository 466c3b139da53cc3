"""WAV files: the question's sound in, the answer's sound out; 16-bit PCM, by the standard library."""

import array
import sys
import wave
from pathlib import Path
from typing import Final

from app.cli.cli_error import CliError, Exit, NestedMessage

RATES_HZ: Final = (8_000, 16_000, 24_000, 48_000)
"""What the protocol takes."""

LONGEST_S: Final = 600.0
_SAMPLE_BYTES: Final = 2


def read_wave(path: Path) -> tuple[bytes, int]:
    """Return the sound of a file as mono PCM16, little endian, and its rate; several channels are mixed.

    Raises:
        CliError: The file cannot be used; the sentence says why.
    """
    try:
        with path.open("rb") as raw, wave.open(raw, "rb") as file:
            rate, channels = file.getframerate(), file.getnchannels()
            if file.getsampwidth() != _SAMPLE_BYTES:
                raise _bad(path, NestedMessage("wav_format"))
            if rate not in RATES_HZ:
                raise _bad(path, NestedMessage("wav_rate", rate=rate))
            # A program that wrote into a pipe could not know the length, and gives the largest number for it.
            frames = min(file.getnframes(), path.stat().st_size // (_SAMPLE_BYTES * channels))
            if frames > LONGEST_S * rate:
                raise _bad(path, NestedMessage("wav_long", seconds=LONGEST_S))
            pcm = file.readframes(frames)
    except OSError as exc:
        raise _bad(path, NestedMessage("wav_missing")) from exc
    except (wave.Error, EOFError) as exc:
        raise _bad(path, NestedMessage("wav_format")) from exc
    pcm = _mixed(pcm, channels)
    if not pcm:
        raise _bad(path, NestedMessage("wav_empty"))
    return pcm, rate


def write_wave(path: Path, pcm: bytes, rate_hz: int) -> None:
    """Write mono PCM16.

    Raises:
        CliError: It cannot be written.
    """
    try:
        # `wave` itself, given a path that cannot be opened, leaves a half-made object whose end complains.
        with path.open("wb") as raw, wave.open(raw, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(_SAMPLE_BYTES)
            file.setframerate(rate_hz)
            file.writeframes(pcm)
    except OSError as exc:
        problem = exc.strerror or type(exc).__name__
        raise CliError(Exit.WRONG_USE, "cannot_write", path=path, problem=problem) from exc


def _bad(path: Path, problem: NestedMessage) -> CliError:
    return CliError(Exit.WRONG_USE, "bad_wav", path=path, problem=problem)


def _mixed(pcm: bytes, channels: int) -> bytes:
    """Return the mean of the channels; a last frame that is not whole is left out."""
    frame = _SAMPLE_BYTES * channels
    pcm = pcm[: len(pcm) - len(pcm) % frame]
    if channels == 1:
        return pcm
    samples = array.array("h", pcm)
    if sys.byteorder == "big":
        samples.byteswap()
    means = (sum(samples[at : at + channels]) // channels for at in range(0, len(samples), channels))
    mixed = array.array("h", means)
    if sys.byteorder == "big":
        mixed.byteswap()
    return mixed.tobytes()
