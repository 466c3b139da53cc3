"""Clips: every format that is promised, and nothing else, however it is dressed up."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable

import numpy as np
import pytest
import pytest_asyncio

from app.errors import AgentError, AudioOverflow, BadAudio, TooLarge, WorkerFailed
from app.speech.engines.clips import ClipDecoder, sniffed
from app.speech.pcm import loudness, to_floats
from tests.support.clips import encoded, flac_of_silence, recording, silence, tone, wav

FORMATS = {
    "wav": ("wav", "pcm_s16le"),
    "webm": ("webm", "libopus"),
    "opus": ("ogg", "libopus"),
    "vorbis": ("ogg", "vorbis"),
    "flac": ("flac", "flac"),
    "mp3": ("mp3", "libmp3lame"),
}


@pytest_asyncio.fixture
async def decoder() -> AsyncIterator[ClipDecoder]:
    decoder = ClipDecoder(max_seconds=60, max_bytes=4_000_000)
    await decoder.start()
    try:
        yield decoder
    finally:
        await decoder.aclose()


def mp3_without_tag(pcm: bytes) -> bytes:
    clip = encoded(pcm, "mp3", "libmp3lame")
    assert clip.startswith(b"ID3")
    size = 0
    for byte in clip[6:10]:
        size = size << 7 | byte
    return clip[10 + size :]


@pytest.mark.parametrize("kind", FORMATS)
async def test_clip_of_each_format_is_heard(decoder: ClipDecoder, kind: str):
    speech = recording("es_hora").pcm
    rate_hz = 16_000 if kind != "mp3" else 24_000
    spoken = speech if rate_hz == 16_000 else tone(2, rate_hz)
    clip = encoded(spoken, *FORMATS[kind], rate_hz=rate_hz)

    assert sniffed(clip) == kind
    pcm = await decoder.decode(clip)

    assert len(pcm) / 32_000 == pytest.approx(len(spoken) / 2 / rate_hz, abs=0.15)
    assert loudness(pcm) == pytest.approx(loudness(spoken), rel=0.15)


async def test_mp3_is_known_without_its_tag(decoder: ClipDecoder):
    clip = mp3_without_tag(tone(1))

    assert sniffed(clip) == "mp3"
    assert len(await decoder.decode(clip)) / 32_000 == pytest.approx(1, abs=0.15)


async def test_lossless_clip_comes_back_as_it_was(decoder: ClipDecoder):
    speech = recording("es_hora")

    assert await decoder.decode(speech.clip) == speech.pcm
    assert await decoder.decode(wav(speech.pcm)) == speech.pcm


async def test_channels_are_mixed_and_other_rates_brought_to_the_ears(decoder: ClipDecoder):
    clip = encoded(tone(1, 44_100, hz=500), "wav", "pcm_s16le", rate_hz=44_100, channels=2)

    heard = to_floats(await decoder.decode(clip))[1000:15_000]

    assert np.argmax(np.abs(np.fft.rfft(heard))) * 16_000 / heard.size == pytest.approx(500, abs=2)
    assert np.max(np.abs(heard)) == pytest.approx(0.3, rel=0.05)


ANYTHING_ELSE: dict[str, Callable[[], bytes]] = {
    "nothing": lambda: b"",
    "one byte": lambda: b"R",
    "text": lambda: b"hola, esto no es audio",
    "raw samples": lambda: tone(0.1),
    "aiff": lambda: encoded(tone(0.1), "aiff", "pcm_s16be"),
    "matroska": lambda: encoded(tone(0.1), "matroska", "pcm_s16le"),
    "ogg flac": lambda: b"OggS" + bytes(24) + b"\x7fFLAC\x01\x00",
    "mp4": lambda: encoded(tone(0.1), "mp4", "aac"),
    "aac": lambda: encoded(tone(0.1), "adts", "aac"),
    "avi in riff": lambda: b"RIFF\x00\x00\x00\x00AVI LIST",
    "png": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "zip": lambda: b"PK\x03\x04" + bytes(100),
    "hls": lambda: b"#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n",
    "concat": lambda: b"ffconcat version 1.0\nfile /etc/passwd\n",
    "sdp": lambda: b"v=0\nm=audio 5004 RTP/AVP 0\n",
}


@pytest.mark.parametrize("name", ANYTHING_ELSE)
async def test_anything_else_is_refused_before_a_decoder_sees_it(name: str):
    decoder = ClipDecoder(max_seconds=60, max_bytes=1_000_000)  # not started: it has no process to ask

    with pytest.raises(BadAudio):
        await decoder.decode(ANYTHING_ELSE[name]())


async def test_clip_over_the_limit_of_bytes_is_refused_before_a_decoder_sees_it():
    decoder = ClipDecoder(max_seconds=60, max_bytes=1000)

    with pytest.raises(TooLarge):
        await decoder.decode(wav(silence(1)))


async def test_clip_that_is_too_long_is_an_overflow():
    decoder = ClipDecoder(max_seconds=1, max_bytes=1_000_000)
    await decoder.start()
    try:
        assert len(await decoder.decode(wav(tone(1)))) == 32_000
        with pytest.raises(AudioOverflow):
            await decoder.decode(wav(tone(1.01)))
    finally:
        await decoder.aclose()


BROKEN: dict[str, Callable[[], bytes]] = {
    "empty wav": lambda: wav(b""),
    "wav cut within its head": lambda: wav(tone(1))[:40],
    "wav of rate 0": lambda: wav(tone(1), rate_hz=0),
    "wav of rate 2^31": lambda: wav(tone(1), rate_hz=2**31),
    "wav of 65535 channels": lambda: wav(tone(1), channels=65_535),
    "wav of no channels": lambda: wav(tone(1), channels=0),
    "wav without sound": lambda: b"RIFF\x04\x00\x00\x00WAVE",
    "webm head alone": lambda: encoded(tone(1), "webm", "libopus")[:60],
    "opus head alone": lambda: encoded(tone(1), "ogg", "libopus")[:47],
    "flac head alone": lambda: b"fLaC" + bytes(100),
    "flac of garbage": lambda: b"fLaC" + os.urandom(5000),
    "webm of garbage": lambda: b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + os.urandom(5000),
    "mp3 tag alone": lambda: b"ID3\x04\x00\x00\x00\x00\x00\x0a" + bytes(10),
    "wav inside an mp3 tag": lambda: b"ID3\x04\x00\x00\x00\x00\x00\x00" + wav(tone(1)),
    "hls inside an mp3 tag": lambda: (
        b"ID3\x04\x00\x00\x00\x00\x00\x00#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n"
    ),
    "zip inside an mp3 tag": lambda: b"ID3\x04\x00\x00\x00\x00\x00\x00PK\x03\x04" + os.urandom(3000),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_broken_clip_is_bad_audio_and_the_decoder_lives(decoder: ClipDecoder, name: str):
    before = decoder.pids

    async with asyncio.timeout(2):
        with pytest.raises(BadAudio):
            await decoder.decode(BROKEN[name]())

    assert decoder.pids == before
    assert await decoder.decode(wav(tone(0.1))) == tone(0.1)


async def test_ten_hours_of_silence_in_few_bytes_are_too_long_within_two_seconds(decoder: ClipDecoder):
    bomb = flac_of_silence(hours=10)
    assert len(bomb) < 200_000

    async with asyncio.timeout(2):
        with pytest.raises(AudioOverflow):
            await decoder.decode(bomb)


@pytest.mark.parametrize("kind", ["opus", "webm"])
async def test_minutes_of_silence_are_too_long_and_not_decoded_to_their_end(decoder: ClipDecoder, kind: str):
    bomb = encoded(silence(300), *FORMATS[kind])

    async with asyncio.timeout(2):
        with pytest.raises(AudioOverflow):
            await decoder.decode(bomb)


async def test_container_of_another_codec_is_refused(decoder: ClipDecoder):
    for codec in ("adpcm_ms", "ac3", "mp2"):
        clip = encoded(tone(0.5, 48_000), "wav", codec, rate_hz=48_000)
        with pytest.raises(BadAudio):
            await decoder.decode(clip)


async def test_decoder_that_is_killed_costs_the_clip_and_the_next_one_works(decoder: ClipDecoder):
    [pid] = decoder.pids
    os.kill(pid, signal.SIGSTOP)

    async with asyncio.timeout(10):
        with pytest.raises(WorkerFailed):
            await decoder.decode(wav(tone(1)))

        assert await decoder.decode(wav(tone(0.1))) == tone(0.1)


async def test_clips_with_changed_bytes_end_in_sound_or_in_an_error_of_the_clip(decoder: ClipDecoder):
    """Eight bytes of good clips changed, a hundred and fifty times; the seed is fixed."""
    random = np.random.default_rng(4)
    for kind, (container, codec) in FORMATS.items():
        clip = np.frombuffer(encoded(tone(0.3), container, codec), np.uint8)
        for _ in range(25):
            broken = clip.copy()
            broken[random.integers(0, clip.size, 8)] = random.integers(0, 256, 8)
            try:
                await decoder.decode(broken.tobytes())
            except AgentError as exc:
                assert isinstance(exc, BadAudio | AudioOverflow), kind


def chunk(name: bytes, body: bytes) -> bytes:
    return name + len(body).to_bytes(4, "little") + body


@pytest.mark.parametrize(
    "extra",
    [chunk(b"junk", b"") * 970_000, chunk(b"LIST", b"a") * 400_000, chunk(b"fmt ", bytes(16)) * 200_000],
    ids=["empty", "odd", "formats"],
)
async def test_wav_of_very_many_chunks_is_refused_and_costs_the_loop_nothing(extra: bytes) -> None:
    clip = wav(tone(1))
    flood = clip[:12] + extra + clip[12:]
    decoder = ClipDecoder(max_seconds=60, max_bytes=len(flood))
    await decoder.start()
    try:
        decoding = asyncio.create_task(decoder.decode(flood))
        longest = 0.0
        while not decoding.done():
            began = time.perf_counter()
            await asyncio.sleep(0)
            longest = max(longest, time.perf_counter() - began)
        with pytest.raises(BadAudio):
            await decoding
    finally:
        await decoder.aclose()

    assert longest < 2
