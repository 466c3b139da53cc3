"""A recording is read as mono PCM16, or refused with a reason."""

import array
import wave
from pathlib import Path

import pytest

from app.cli.cli_error import CliError, Exit
from app.cli.wave_file import LONGEST_S, read_wave, write_wave


def wav(path: Path, pcm: bytes, rate: int = 16_000, channels: int = 1, width: int = 2) -> Path:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(channels)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(pcm)
    return path


def test_what_is_written_is_read_again(tmp_path: Path):
    write_wave(tmp_path / "a.wav", b"\1\2\3\4", 24_000)

    assert read_wave(tmp_path / "a.wav") == (b"\1\2\3\4", 24_000)


def test_channels_are_mixed(tmp_path: Path):
    pcm = array.array("h", [100, 300, -32768, -32768, 32767, 32767]).tobytes()

    mixed, _ = read_wave(wav(tmp_path / "a.wav", pcm, channels=2))

    assert list(array.array("h", mixed)) == [200, -32768, 32767]


@pytest.mark.parametrize("length", [0xFFFFFFFF, 0x7FFFFF00, 5000])
def test_sound_of_a_length_that_was_not_known_is_read_as_far_as_it_goes(tmp_path: Path, length: int):
    path = wav(tmp_path / "a.wav", b"\1\2\3\4", 24_000)
    content = path.read_bytes()
    path.write_bytes(content[:40] + length.to_bytes(4, "little") + content[44:])

    assert read_wave(path) == (b"\1\2\3\4", 24_000)


@pytest.mark.parametrize(
    ("pcm", "rate", "width", "reason"),
    [
        (b"\0\0", 44_100, 2, "44100"),
        (b"\0", 16_000, 1, "16 bits"),
        (b"", 16_000, 2, "no contiene sonido"),
        (bytes(int(LONGEST_S + 1) * 16_000), 8_000, 2, "más de 600 s"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_the_reason(
    tmp_path: Path, pcm: bytes, rate: int, width: int, reason: str
):
    with pytest.raises(CliError) as refused:
        read_wave(wav(tmp_path / "a.wav", pcm, rate, width=width))

    assert refused.value.code is Exit.WRONG_USE
    assert reason in refused.value.sentence("es")


@pytest.mark.parametrize("content", [None, b"", b"RIFF", b"no sound at all", b"\0" * 100])
def test_what_is_no_wav_is_refused(tmp_path: Path, content: bytes | None):
    path = tmp_path / "a.wav"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(CliError):
        read_wave(path)


def test_a_place_that_cannot_be_written_is_told_of(tmp_path: Path):
    with pytest.raises(CliError) as refused:
        write_wave(tmp_path / "none" / "a.wav", b"", 16_000)

    assert refused.value.code is Exit.WRONG_USE
