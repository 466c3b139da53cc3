"""Clips in the formats that clients send, made by FFmpeg's encoders, and recordings to speak with."""

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import numpy as np

SPEECH = Path(__file__).parents[1] / "cases" / "speech"

Pcm = np.ndarray[Any, np.dtype[np.int16]]


@dataclass(frozen=True)
class Recording:
    """One recording of `tests/cases/speech`; its sound at 16 kHz."""

    id: str
    text: str
    language: str
    keywords: Sequence[str]
    clip: bytes

    @property
    def pcm(self) -> bytes:
        with av.open(io.BytesIO(self.clip), format="flac") as container:
            frames = [frame.to_ndarray().reshape(-1) for frame in container.decode(audio=0)]
        return np.concatenate(frames).astype("<i2").tobytes()


def recordings() -> list[Recording]:
    listed = json.loads((SPEECH / "speech.json").read_text(encoding="utf-8"))
    return [
        Recording(
            one["id"],
            one["text"],
            one["language"],
            tuple(one["keywords"]),
            (SPEECH / f"{one['id']}.flac").read_bytes(),
        )
        for one in listed
    ]


def recording(name: str) -> Recording:
    return next(one for one in recordings() if one.id == name)


def tone(seconds: float, rate_hz: int = 16_000, hz: float = 440, level: float = 0.3) -> bytes:
    at = np.arange(int(seconds * rate_hz)) / rate_hz
    return np.rint(np.sin(2 * np.pi * hz * at) * level * 32767).astype("<i2").tobytes()


def silence(seconds: float, rate_hz: int = 16_000) -> bytes:
    return bytes(2 * int(seconds * rate_hz))


def encoded(pcm: bytes, container: str, codec: str, rate_hz: int = 16_000, channels: int = 1) -> bytes:
    """A clip; `pcm` is mono at `rate_hz`, each channel gets it."""
    sink = io.BytesIO()
    if codec == "vorbis":
        channels = 2  # FFmpeg's own encoder knows no mono
    layout = {1: "mono", 2: "stereo"}[channels]
    with av.open(sink, "w", format=container) as out:
        stream = out.add_stream(codec, rate=rate_hz, layout=layout, options={"strict": "experimental"})
        samples = np.repeat(np.frombuffer(pcm, "<i2")[None, :], channels, axis=0)
        resampler = av.AudioResampler(format=stream.format, layout=layout, rate=rate_hz)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(samples), format="s16p", layout=layout)
        frame.sample_rate = rate_hz
        for ready in [*resampler.resample(frame), *resampler.resample(None)]:
            out.mux(stream.encode(ready))
        out.mux(stream.encode(None))
    return sink.getvalue()


def wav(pcm: bytes, rate_hz: int = 16_000, channels: int = 1, size: int | None = None) -> bytes:
    """A WAV, written by hand so that its header may lie."""
    length = len(pcm) if size is None else size
    rate_bytes = (rate_hz * channels * 2) & 0xFFFFFFFF
    return b"".join([
        b"RIFF", ((36 + length) & 0xFFFFFFFF).to_bytes(4, "little"), b"WAVEfmt ", (16).to_bytes(4, "little"),
        (1).to_bytes(2, "little"), channels.to_bytes(2, "little"), rate_hz.to_bytes(4, "little"),
        rate_bytes.to_bytes(4, "little"), ((channels * 2) & 0xFFFF).to_bytes(2, "little"),
        (16).to_bytes(2, "little"), b"data", (length & 0xFFFFFFFF).to_bytes(4, "little"), pcm,
    ])  # fmt: skip


def flac_of_silence(hours: int) -> bytes:
    """FLAC at 16 kHz, mono, whose frames of 65,535 samples say "zero" and nothing else."""
    block = 65_535
    count = hours * 3600 * 16_000 // block
    # Sizes of blocks and frames, then rate (20 bits), channels - 1 (3), bits - 1 (5), samples (36).
    stream = (16_000 << 44 | 15 << 36 | count * block).to_bytes(8, "big")
    info = block.to_bytes(2, "big") * 2 + bytes(6) + stream + bytes(16)
    head = b"fLaC\x80" + len(info).to_bytes(3, "big") + info
    return head + b"".join(_frame_of_silence(number, block) for number in range(count))


def _frame_of_silence(number: int, block: int) -> bytes:
    # Length in 16 bits, 16 kHz, mono, 16 bits; the number is written as UTF-8 would.
    head = b"\xff\xf8\x75\x08" + chr(number).encode("utf-8", "surrogatepass") + (block - 1).to_bytes(2, "big")
    frame = head + _crc(head, 0x07, 8) + b"\x00\x00\x00"
    return frame + _crc(frame, 0x8005, 16)


def _crc(content: bytes, polynomial: int, bits: int) -> bytes:
    value, top = 0, 1 << (bits - 1)
    for byte in content:
        value ^= byte << (bits - 8)
        for _ in range(8):
            value = (value << 1) ^ (polynomial if value & top else 0)
            value &= (1 << bits) - 1
    return value.to_bytes(bits // 8, "big")
