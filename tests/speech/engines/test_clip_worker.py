"""The decoder itself; `test_clips.py` holds all that clients can send, through the process."""

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.speech.engines.clip_worker import decoded
from app.speech.engines.clips import ClipDecoder
from app.speech.engines.worker_wire import JobRefused
from tests.support.clips import encoded, tone, wav


def test_clip_as_long_as_the_limit_is_taken_and_one_sample_more_is_not():
    assert decoded(wav(tone(2)), "wav", 2) == tone(2)

    with pytest.raises(JobRefused) as refusal:
        decoded(wav(tone(2) + b"\x00\x00"), "wav", 2)

    assert refusal.value.reason == "too_long"


def test_the_format_that_was_sniffed_decides_and_not_the_bytes():
    clip = encoded(tone(1), "flac", "flac")

    for kind in ("wav", "webm", "opus", "vorbis"):
        with pytest.raises(JobRefused) as refusal:
            decoded(clip, kind, 60)
        assert refusal.value.reason == "broken"


def playlists(port: int) -> Iterator[bytes]:
    for path in (f"http://127.0.0.1:{port}/x.ts", f"tcp://127.0.0.1:{port}", "file:///etc/passwd"):
        hls = f"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n".encode()
        concat = f"ffconcat version 1.0\nfile '{path}'\n".encode()
        yield from (hls, concat, b"concat:" + path.encode(), path.encode())


async def test_no_playlist_opens_an_address_whatever_it_is_taken_for():
    connections: list[object] = []
    server = await asyncio.start_server(lambda r, w: connections.append(w), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    for playlist in playlists(port):
        for kind in ("wav", "webm", "opus", "vorbis", "flac", "mp3"):
            for clip in (playlist, b"ID3\x04\x00\x00\x00\x00\x00\x00" + playlist, wav(playlist * 20)[:-1]):
                try:
                    await asyncio.to_thread(decoded, clip, kind, 60)
                except JobRefused:
                    continue

    await asyncio.sleep(0)
    server.close()
    await server.wait_closed()
    assert connections == []


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_process_may_take_a_bounded_amount_of_memory():
    decoder = ClipDecoder(max_seconds=60, max_bytes=1_000_000)
    await decoder.start()
    try:
        file = Path(f"/proc/{decoder.pids[0]}/limits")
        limits = await asyncio.to_thread(file.read_text, encoding="ascii")
    finally:
        await decoder.aclose()

    [line] = [line for line in limits.splitlines() if line.startswith("Max address space")]
    assert int(line.split()[3]) < 1 << 30
