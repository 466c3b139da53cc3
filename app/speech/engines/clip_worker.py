"""Decodes clips, in a process of its own: what strangers send is read here and nowhere else.

It has no key, no file and no address to give away: bytes come over its pipe, the parser is chosen before it
sees them, and only the codecs on the list are opened.
"""

import contextlib
import io
import resource
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import av
import av.logging
from av.error import FFmpegError

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.speech.engines.worker_wire import Frame, Handler, Header, JobRefused
from app.speech.wav import NotWav, plain_wav

_PCM_CODECS: Final = "pcm_u8,pcm_s16le,pcm_s24le,pcm_s32le,pcm_f32le,pcm_f64le,pcm_alaw,pcm_mulaw"
_PARSERS: Final = {
    "wav": ("wav", _PCM_CODECS),
    "webm": ("matroska", "opus,vorbis"),
    "opus": ("ogg", "opus"),
    "vorbis": ("ogg", "vorbis"),
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "mp3float,mp3"),
}
"""For each format: FFmpeg's parser, and the codecs that may be inside."""

_RATES_HZ: Final = range(1_000, 768_001)
_MAX_CHANNELS: Final = 8
_MEMORY_BYTES: Final = 256 << 20
"""What decoding may take on top of what the process has when it starts."""
_TIME_LIMIT_S: Final = 1.5
"""Before the pool's own limit, so that a clip is to blame and not the worker."""


def load(options: Header) -> Handler:
    """Make the decoder.

    Args:
        options: `max_seconds`.
    """
    av.logging.set_level(av.logging.PANIC)
    max_seconds = float(options["max_seconds"])
    # The first clip finds libraries and tables ready.
    _limit_memory()

    def handle(header: Header, body: bytes) -> Iterator[Frame]:
        try:
            pcm = decoded(body, str(header["format"]), max_seconds)
        except MemoryError:
            raise JobRefused("broken", "takes too much memory") from None
        yield {}, pcm

    return handle


def decoded(clip: bytes, kind: str, max_seconds: float) -> bytes:
    """Return the clip as mono PCM16 at the recogniser's rate.

    Raises:
        Refused: `too_long` or `broken`.
    """
    if kind == "wav":
        try:
            clip = plain_wav(clip)
        except NotWav as exc:
            raise JobRefused("broken", str(exc)) from None
    parser, codecs = _PARSERS[kind]
    limits = {
        "format_whitelist": parser,
        "codec_whitelist": codecs,
        "protocol_whitelist": "none",
        "probesize": "65536",
        "max_streams": "8",
    }
    try:
        with av.open(io.BytesIO(clip), "r", format=parser, options=limits) as container:
            return _sound_of(container, codecs.split(","), max_seconds)
    except (FFmpegError, ValueError, OSError, OverflowError) as exc:
        # The library's words may quote the clip.
        raise JobRefused("broken", type(exc).__name__) from None


def _sound_of(container: Any, codecs: list[str], max_seconds: float) -> bytes:
    streams = container.streams.audio
    if len(streams) != 1:
        raise JobRefused("broken", f"{len(streams)} streams of audio")
    context = streams[0].codec_context
    if context is None or context.name not in codecs:
        raise JobRefused("broken", "a codec that is not on the list")
    _check(context.sample_rate, context.channels)
    context.thread_count = 1
    resampler = av.AudioResampler(format="s16", layout="mono", rate=EAR_RATE_HZ)
    sound = bytearray()
    limit = int(max_seconds * EAR_RATE_HZ) * BYTES_PER_SAMPLE
    end_s = time.monotonic() + _TIME_LIMIT_S
    for frame in container.decode(streams[0]):
        _check(frame.sample_rate, frame.layout.nb_channels)
        _add(sound, resampler.resample(frame))
        if len(sound) > limit:
            raise JobRefused("too_long", f"over {max_seconds:g} s")
        if time.monotonic() > end_s:
            raise JobRefused("broken", "takes too long to decode")
    _add(sound, resampler.resample(None))
    if not sound:
        raise JobRefused("broken", "no sound in it")
    return bytes(sound)


def _check(rate_hz: int, channels: int) -> None:
    if rate_hz not in _RATES_HZ or not 1 <= channels <= _MAX_CHANNELS:
        raise JobRefused("broken", f"{rate_hz} Hz, {channels} channels")


def _add(sound: bytearray, frames: list[Any]) -> None:
    for frame in frames:
        # The plane may be longer than its samples.
        sound += bytes(frame.planes[0])[: frame.samples * BYTES_PER_SAMPLE]


def _limit_memory() -> None:
    """Hold the process to what it has and a little more, where the system can do that."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        limit = pages * resource.getpagesize() + _MEMORY_BYTES
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
