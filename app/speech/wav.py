"""Reads the head of a WAV as programs write it, and gives its sound under a head that is right.

A program that does not know how long its sound will be, writes 0 or the largest number for its length; one
that was cut off leaves a length that is too large. What is there is the sound. Asked where clips are decoded,
away from the event loop. Chunks as in Microsoft's RIFF ("Multimedia Programming Interface and Data
Specifications 1.0", "Multiple Channel Audio Data and WAVE Files"), 64-bit lengths as in
ITU-R BS.2088 (RF64, BW64).
"""

import struct
from dataclasses import dataclass, replace
from typing import Final, Literal

ByteOrder = Literal["little", "big"]

FORMS: Final = {b"RIFF": "little", b"RF64": "little", b"BW64": "little", b"RIFX": "big"}
"""What a WAV may begin with, and the order of bytes in it."""

MAX_CHUNKS: Final = 1000
"""More than any program writes before the sound; a clip of empty chunks could have a million."""

_CHUNK_HEAD_BYTES: Final = 8
_FIRST_CHUNK_AT: Final = 12
_UNKNOWN: Final = 0xFFFFFFFF
_LEAST_FORMAT_BYTES: Final = 14
_EXTENSIBLE_BYTES: Final = 40
_EXTENSIBLE: Final = 0xFFFE
_MEDIA_SUBTYPE: Final = (0, 0x10, bytes.fromhex("800000aa00389b71"))
"""What follows the format's number in its GUID."""

_PCM: Final = 1
_FLOAT: Final = 3
_A_LAW: Final = 6
_MU_LAW: Final = 7
_SAMPLE_BYTES: Final = {_PCM: (1, 2, 3, 4), _FLOAT: (4, 8), _A_LAW: (1,), _MU_LAW: (1,)}
_OTHER_CODECS: Final = {
    0x0002: "Microsoft ADPCM",
    0x0011: "IMA ADPCM",
    0x0031: "GSM 6.10",
    0x0050: "MPEG layer 1 or 2",
    0x0055: "MP3",
    0x00FF: "AAC",
    0x2000: "AC-3",
}
_MOST_CHANNELS: Final = 0xFF


class NotWav(ValueError):
    """The bytes are no WAV that can be read. The text is a few plain words that quote nothing of them."""


@dataclass(frozen=True, slots=True)
class WavFormat:
    """What a `fmt ` chunk says.

    Attributes:
        codec: Its number: 1 is whole numbers, 3 floating point, 6 A-law, 7 mu-law.
        channels: How many.
        rate_hz: Frames a second.
        sample_bytes: Bytes of one sample of one channel.
    """

    codec: int
    channels: int
    rate_hz: int
    sample_bytes: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one moment in all channels."""
        return self.channels * self.sample_bytes


def plain_wav(clip: bytes) -> bytes:
    """The same sound as a WAV of two chunks, little endian, whose lengths are right; whole frames alone.

    Raises:
        NotWav: It is none, its head cannot be understood, or it holds no sound.
    """
    order = FORMS.get(clip[:4])
    if order is None or clip[8:_FIRST_CHUNK_AT] != b"WAVE":
        raise NotWav("it does not begin as a WAV")
    wav_format, sound = _format_and_sound(clip, "big" if order == "big" else "little")
    sound = sound[: len(sound) - len(sound) % wav_format.frame_bytes]
    if not sound:
        raise NotWav("no sound in it")
    width = wav_format.sample_bytes
    if order == "big" and width > 1:
        sound = _swapped(sound, width)
    return _head(wav_format, len(sound)) + sound


def _format_and_sound(clip: bytes, order: ByteOrder) -> tuple[WavFormat, bytes]:
    """Return the first format and the first sound, in whichever order they come."""
    wav_format: WavFormat | None = None
    sound: bytes | None = None
    long_size: int | None = None
    at = _FIRST_CHUNK_AT
    for _ in range(MAX_CHUNKS):
        if at + _CHUNK_HEAD_BYTES > len(clip):
            break
        name, size = clip[at : at + 4], int.from_bytes(clip[at + 4 : at + 8], order)
        start = at + _CHUNK_HEAD_BYTES
        if name == b"ds64":
            long_size = int.from_bytes(clip[start + 8 : start + 16], order)
        elif name == b"fmt " and wav_format is None:
            wav_format = _format_of(clip[start : start + min(size, _EXTENSIBLE_BYTES)], order)
        elif name == b"data":
            size = _sound_bytes(clip, start, size, long_size, order)
            # An empty chunk may stand before the one that holds the sound.
            sound = sound or clip[start : start + size]
        if wav_format is not None and sound:
            return wav_format, sound
        at = _next_chunk(clip, start + size, order)
    else:
        raise NotWav("too many chunks")
    if wav_format is None:
        raise NotWav("it does not say how its sound is written")
    raise NotWav("no sound in it")


def _sound_bytes(clip: bytes, start: int, size: int, long_size: int | None, order: ByteOrder) -> int:
    """Return how many bytes of sound follow, whatever their number is said to be."""
    there = len(clip) - start
    if size == _UNKNOWN and long_size:
        return min(long_size, there)
    if size == 0 and not _is_end_of_chunks(clip, start, order):
        return there
    return min(size, there)


def _is_end_of_chunks(clip: bytes, at: int, order: ByteOrder) -> bool:
    """Return whether nothing but whole chunks with names stands from here to the end."""
    for _ in range(MAX_CHUNKS):
        if at >= len(clip):
            return True
        if not _is_name(clip[at : at + 4]) or at + _CHUNK_HEAD_BYTES > len(clip):
            return False
        size = int.from_bytes(clip[at + 4 : at + 8], order)
        at += _CHUNK_HEAD_BYTES + size
        if at > len(clip):
            return False
        at += size % 2
    return False


def _next_chunk(clip: bytes, end: int, order: ByteOrder) -> int:
    """Return where the chunk after this one begins: at an even place, where the program kept the rule."""
    even = end + end % 2
    if even != end and _is_name(clip[end : end + 4]) and not _is_name(clip[even : even + 4]):
        return end
    return even


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(0x20 <= byte < 0x7F for byte in name) and name[:1].isalnum()


def _format_of(body: bytes, order: ByteOrder) -> WavFormat:
    if len(body) < _LEAST_FORMAT_BYTES:
        raise NotWav("it is cut off within its head")
    sign = "<" if order == "little" else ">"
    codec, channels, rate_hz, _, frame_bytes = struct.unpack_from(f"{sign}HHIIH", body)
    bits = int.from_bytes(body[14:16], order)
    if not 1 <= channels <= _MOST_CHANNELS:
        raise NotWav(f"{channels} channels")
    if codec == _EXTENSIBLE:
        codec = _extended(body, order)
    if codec not in _SAMPLE_BYTES:
        name = _OTHER_CODECS.get(codec, f"number {codec}")
        raise NotWav(f"its codec ({name}) is not on the list; PCM, float, A-law and mu-law are")
    # The container decides: 20 bits are written in 3 bytes, and some in 4.
    sample_bytes = frame_bytes // channels if frame_bytes % channels == 0 else 0
    if sample_bytes * 8 < bits or not sample_bytes:
        sample_bytes = (bits + 7) // 8
    found = WavFormat(codec, channels, rate_hz, sample_bytes)
    if codec in (_A_LAW, _MU_LAW):
        found = replace(found, sample_bytes=1)
    if found.sample_bytes not in _SAMPLE_BYTES[codec]:
        raise NotWav(f"samples of {bits} bits")
    return found


def _extended(body: bytes, order: ByteOrder) -> int:
    """Return the codec's number out of its GUID."""
    if len(body) < _EXTENSIBLE_BYTES:
        raise NotWav("it is cut off within its head")
    sign = "<" if order == "little" else ">"
    codec, *rest = struct.unpack_from(f"{sign}IHH8s", body, 24)
    if tuple(rest) != _MEDIA_SUBTYPE:
        raise NotWav("its codec is not on the list; PCM, float, A-law and mu-law are")
    return codec


def _swapped(sound: bytes, width: int) -> bytes:
    swapped = bytearray(len(sound))
    for byte in range(width):
        swapped[byte::width] = sound[width - 1 - byte :: width]
    return bytes(swapped)


def _head(wav_format: WavFormat, size: int) -> bytes:
    frame = wav_format.frame_bytes
    fields = struct.pack(
        "<HHIIHH",
        wav_format.codec,
        wav_format.channels,
        wav_format.rate_hz,
        min(_UNKNOWN, wav_format.rate_hz * frame),
        frame,
        8 * wav_format.sample_bytes,
    )
    head = b"WAVEfmt " + len(fields).to_bytes(4, "little") + fields + b"data" + size.to_bytes(4, "little")
    return b"RIFF" + (len(head) + size).to_bytes(4, "little") + head
