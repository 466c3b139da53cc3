"""WAVs as programs write them: of unknown length, with chunks in any order, in every plain codec."""

import struct
from collections.abc import Callable

import numpy as np
import pytest

from app.errors import AudioOverflow
from app.speech.engines.clip_worker import decoded
from app.speech.engines.clips import ClipDecoder, sniffed
from app.speech.engines.worker_wire import JobRefused
from app.speech.pcm import to_floats
from app.speech.wav import MAX_CHUNKS, NotWav, plain_wav
from tests.support.clips import encoded, tone, wav

SOUND = tone(0.5)
UNKNOWN = 0xFFFFFFFF
GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")


def chunk(name: bytes, body: bytes, size: int | None = None, order: str = "<") -> bytes:
    said = len(body) if size is None else size
    return name + struct.pack(f"{order}I", said) + body + b"\0" * (size is None and len(body) % 2)


def fmt(
    codec: int = 1, channels: int = 1, rate: int = 16_000, bits: int = 16, frame: int | None = None
) -> bytes:
    frame = channels * bits // 8 if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", codec, channels, rate, rate * frame, frame, bits))


def extensible(
    codec: int, bits: int, valid: int | None = None, channels: int = 1, rate: int = 16_000
) -> bytes:
    frame = channels * bits // 8
    head = struct.pack("<HHIIHHHHI", 0xFFFE, channels, rate, rate * frame, frame, bits, 22, valid or bits, 4)
    return chunk(b"fmt ", head + struct.pack("<H", codec) + GUID_TAIL)


def riff(*chunks: bytes, form: bytes = b"RIFF", size: int | None = None) -> bytes:
    body = b"WAVE" + b"".join(chunks)
    return form + struct.pack("<I", len(body) if size is None else size) + body


DATA = chunk(b"data", SOUND)
STREAM = chunk(b"data", SOUND, UNKNOWN)
SOX = chunk(b"data", SOUND, 0x7FFFF000)
LIST = chunk(b"LIST", b"INFOISFT\x0e\0\0\0Lavf61.7.100\0\0")
BEXT = chunk(b"bext", bytes(602))
DS64 = chunk(b"ds64", struct.pack("<QQQI", 72 + len(SOUND), len(SOUND), len(SOUND) // 2, 0))
BIG = struct.pack(">HHIIHH", 1, 1, 16_000, 32_000, 2, 16)
SWAPPED = np.frombuffer(SOUND, "<i2").astype(">i2").tobytes()

SAME_SOUND: dict[str, bytes] = {
    "as it should be": riff(fmt(), DATA),
    "length of all 0": riff(fmt(), DATA, size=0),
    "lengths -1, as ffmpeg writes into a pipe": riff(fmt(), LIST, STREAM, size=UNKNOWN),
    "lengths 0, as a program killed early leaves": riff(fmt(), chunk(b"data", SOUND, 0), size=0),
    "length of the sound 0 alone": riff(fmt(), chunk(b"data", SOUND, 0)),
    "lengths 0x7fffffff": riff(fmt(), chunk(b"data", SOUND, 0x7FFFFFFF), size=0x7FFFFFFF),
    "lengths 0x7ffff000, as sox writes into a pipe": riff(fmt(), SOX, size=0x7FFFF024),
    "lengths 0xffffffff - 36": riff(fmt(), chunk(b"data", SOUND, UNKNOWN - 36), size=UNKNOWN),
    "one byte longer than the file": riff(fmt(), chunk(b"data", SOUND, len(SOUND) + 1)),
    "cut inside a sample": riff(fmt(), chunk(b"data", SOUND + b"\x07", UNKNOWN)),
    "cut, the length that of the whole": riff(fmt(), chunk(b"data", SOUND, 10 * len(SOUND))),
    "LIST before": riff(LIST, fmt(), LIST, DATA),
    "LIST behind": riff(fmt(), DATA, LIST),
    "bext, JUNK, fact": riff(BEXT, chunk(b"JUNK", bytes(28)), fmt(), chunk(b"fact", bytes(4)), DATA),
    "a chunk of odd length, padded": riff(chunk(b"note", b"odd"), fmt(), DATA),
    "a chunk of odd length, not padded": riff(b"note\x03\0\0\0odd", fmt(), DATA),
    "format with an empty extension": riff(chunk(b"fmt ", fmt()[8:] + b"\0\0"), DATA),
    "format of 14 bytes and a half": riff(chunk(b"fmt ", fmt()[8:24]), DATA),
    "extensible": riff(extensible(1, 16), DATA),
    "the sound before its format": riff(DATA, fmt()),
    "an empty chunk of sound before the real one": riff(fmt(), chunk(b"data", b""), LIST, DATA),
    "frame size 0": riff(fmt(frame=0), DATA),
    "frame size wrong": riff(fmt(frame=1), DATA),
    "RF64": riff(DS64, fmt(), chunk(b"data", SOUND, UNKNOWN), form=b"RF64", size=UNKNOWN),
    "BW64 with chunks behind": riff(
        DS64, fmt(), chunk(b"data", SOUND, UNKNOWN), LIST, form=b"BW64", size=UNKNOWN
    ),
    "RF64 without its lengths": riff(fmt(), chunk(b"data", SOUND, UNKNOWN), form=b"RF64", size=UNKNOWN),
    "RF64 whose lengths are 0": riff(
        chunk(b"ds64", bytes(28)), fmt(), chunk(b"data", SOUND, UNKNOWN), form=b"RF64", size=UNKNOWN
    ),
    "big endian": b"RIFX\0\0\0\0WAVE" + chunk(b"fmt ", BIG, order=">") + chunk(b"data", SWAPPED, order=">"),
}  # fmt: skip


@pytest.mark.parametrize("name", SAME_SOUND)
def test_sound_is_read_whatever_the_head_says_of_its_length(name: str):
    clip = SAME_SOUND[name]

    assert sniffed(clip) == "wav"
    assert decoded(clip, "wav", 60) == SOUND


def samples() -> np.ndarray:
    return np.frombuffer(SOUND, "<i2").astype(np.float64) / 32768


def ints(bits: int) -> bytes:
    scaled = np.rint(samples() * (2 ** (bits - 1) - 1)).astype("<i4")
    return scaled.astype("<i4").view(np.uint8).reshape(-1, 4)[:, : bits // 8].tobytes()


CODECS: dict[str, tuple[bytes, bytes]] = {
    "8 bits": (fmt(bits=8), np.rint(samples() * 127 + 128).astype(np.uint8).tobytes()),
    "16 bits": (fmt(), SOUND),
    "24 bits": (fmt(bits=24), ints(24)),
    "20 bits in three bytes": (fmt(bits=20, frame=3), ints(24)),
    "32 bits": (fmt(bits=32), ints(32)),
    "24 bits in four bytes": (fmt(bits=24, frame=4), ints(32)),
    "float": (fmt(codec=3, bits=32), samples().astype("<f4").tobytes()),
    "double": (fmt(codec=3, bits=64), samples().astype("<f8").tobytes()),
    "extensible, 24 of 32 bits": (extensible(1, 32, valid=24), ints(32)),
    "extensible, 24 bits": (extensible(1, 24), ints(24)),
    "extensible float": (extensible(3, 32), samples().astype("<f4").tobytes()),
}


@pytest.mark.parametrize("size", [None, 0, UNKNOWN])
@pytest.mark.parametrize("name", CODECS)
def test_sound_in_each_width_is_the_same(name: str, size: int | None):
    head, sound = CODECS[name]

    heard = to_floats(decoded(riff(head, chunk(b"data", sound, size), LIST * (size is None)), "wav", 60))

    assert heard.size == samples().size
    assert np.max(np.abs(heard - samples())) < (0.02 if "8 bits" in name else 1e-4)


@pytest.mark.parametrize("codec", ["pcm_alaw", "pcm_mulaw"])
@pytest.mark.parametrize("length", ["known", "unknown"])
def test_telephone_sound_is_read(codec: str, length: str):
    clip = encoded(tone(1, 8_000), "wav", codec, rate_hz=8_000)
    if length == "unknown":
        at = clip.index(b"data") + 4
        clip = clip[:4] + b"\xff" * 4 + clip[8:at] + b"\xff" * 4 + clip[at + 4 :]

    heard = to_floats(decoded(clip, "wav", 60))

    assert heard.size / 16_000 == pytest.approx(1, abs=0.01)
    assert np.max(np.abs(heard)) == pytest.approx(0.3, rel=0.1)


@pytest.mark.parametrize(
    "rate", [4_000, 7_999, 8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000, 384_000]
)
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_any_rate_and_number_of_channels_is_brought_to_the_ears(rate: int, channels: int):
    at = np.arange(rate) / rate
    mono = np.rint(np.sin(2 * np.pi * 500 * at) * 8000).astype("<i2")
    sound = np.repeat(mono, channels).tobytes()

    heard = to_floats(
        decoded(riff(fmt(channels=channels, rate=rate), chunk(b"data", sound, UNKNOWN)), "wav", 60)
    )

    assert heard.size / 16_000 == pytest.approx(1, abs=0.01)
    middle = heard[2000:14_000]
    assert np.argmax(np.abs(np.fft.rfft(middle))) * 16_000 / middle.size == pytest.approx(500, abs=3)


NOT_WAV: dict[str, tuple[Callable[[], bytes], str]] = {
    "another form": (lambda: b"RIFF\0\0\0\0AVI " + bytes(40), "does not begin as a WAV"),
    "nothing behind": (lambda: b"RIFF\x04\0\0\0WAVE", "does not say how"),
    "no format": (lambda: riff(DATA), "does not say how"),
    "no sound": (lambda: riff(fmt()), "no sound"),
    "empty sound": (lambda: riff(fmt(), chunk(b"data", b"")), "no sound"),
    "empty sound and chunks behind": (lambda: riff(fmt(), chunk(b"data", b""), LIST, BEXT), "no sound"),
    "half a sample": (lambda: riff(fmt(), chunk(b"data", b"\1", UNKNOWN)), "no sound"),
    "format cut": (lambda: riff(fmt())[:24], "cut off within its head"),
    "extensible cut": (
        lambda: riff(chunk(b"fmt ", extensible(1, 16)[8:32]), DATA),
        "cut off within its head",
    ),
    "extensible of another family": (
        lambda: riff(chunk(b"fmt ", extensible(1, 16)[8:34] + bytes(14)), DATA),
        "not on the list",
    ),
    "ADPCM": (lambda: encoded(tone(0.5), "wav", "adpcm_ms"), "Microsoft ADPCM"),
    "MP3 in it": (lambda: riff(fmt(codec=0x55), DATA), "MP3"),
    "a codec nobody knows": (lambda: riff(fmt(codec=0x1234), DATA), "number 4660"),
    "64 bits": (lambda: riff(fmt(bits=64), DATA), "64 bits"),
    "no channels": (lambda: riff(fmt(channels=0), DATA), "0 channels"),
    "rate 0": (lambda: riff(fmt(rate=0), DATA), "0 Hz|Error"),
    "too many chunks": (lambda: riff(LIST * MAX_CHUNKS, fmt(), DATA), "too many chunks"),
}


@pytest.mark.parametrize("name", NOT_WAV)
def test_what_is_no_wav_is_refused_with_the_reason(name: str):
    make, reason = NOT_WAV[name]

    with pytest.raises(JobRefused, match=reason) as refusal:
        decoded(make(), "wav", 60)

    assert refusal.value.reason == "broken"


def test_as_many_chunks_as_may_be_are_gone_through():
    assert plain_wav(riff(LIST * (MAX_CHUNKS - 2), fmt(), DATA))[44:] == SOUND


def test_sound_cut_anywhere_is_read_as_far_as_it_goes_or_refused():
    whole = riff(LIST, fmt(), chunk(b"fact", bytes(4)), chunk(b"data", SOUND[:64], UNKNOWN))
    start = whole.index(b"data") + 8

    for end in range(len(whole)):
        if end < start + 2:
            with pytest.raises(NotWav):
                plain_wav(whole[:end])
        else:
            assert plain_wav(whole[:end])[44:] == SOUND[: (end - start) // 2 * 2]


async def test_sound_of_unknown_length_has_the_usual_limits():
    decoder = ClipDecoder(max_seconds=1, max_bytes=1_000_000)
    await decoder.start()
    try:
        assert await decoder.decode(wav(tone(1), size=UNKNOWN)) == tone(1)
        with pytest.raises(AudioOverflow):
            await decoder.decode(wav(tone(1.01), size=UNKNOWN))
    finally:
        await decoder.aclose()
