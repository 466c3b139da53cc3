"""Clips that would have a decoder read files or call servers: nothing is opened, whatever they look like."""

import asyncio
import errno
import os
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from app.errors import BadAudio
from app.speech.engines.clip_worker import decoded
from app.speech.engines.clips import ClipDecoder
from app.speech.engines.worker_wire import JobRefused
from tests.support.clips import encoded, tone, wav
from tests.support.http_wire import Exchange, WireServer

PLAYLISTS: dict[str, str] = {
    "HLS of a file": "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1,\nfile://{file}\n#EXT-X-ENDLIST\n",
    "HLS of a server": "#EXTM3U\n#EXTINF:1,\n{url}/part.ts\n#EXT-X-ENDLIST\n",
    "HLS that joins both": "#EXTM3U\n#EXTINF:1,\nconcat:{url}/head|file://{file}\n#EXT-X-ENDLIST\n",
    "list of files": "ffconcat version 1.0\nfile '{file}'\n",
    "list of servers": "ffconcat version 1.0\nfile '{url}/a.wav'\n",
    "DASH": '<?xml version="1.0"?><MPD><Period><BaseURL>{url}/</BaseURL></Period></MPD>',
    "SDP": "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=audio 5004 RTP/AVP 0\n",
    "subtitles beside it": "{url}/x.idx",
}
DISGUISES: dict[str, Callable[[bytes], bytes]] = {
    "bare": lambda text: text,
    "behind an MP3 tag": lambda text: b"ID3\x04\x00\x00\x00\x00\x00\x00" + text,
    "inside an MP3 tag": lambda text: b"ID3\x04\x00\x00\x00\x00\x00" + bytes([len(text) & 0x7F]) + text,
    "behind a FLAC mark": lambda text: b"fLaC" + text,
    "behind a WebM mark": lambda text: b"\x1aE\xdf\xa3\x9f\x42\x86\x81\x01\x42\x82\x84webm" + text,
    "behind an Ogg page": lambda text: b"OggS\x00\x02" + bytes(20) + b"\x01\x13OpusHead" + text,
    "as the sound of a WAV": lambda text: b"RIFF" + struct.pack("<I", len(text) + 12) + b"WAVEdata" + text,
}
KINDS = ["wav", "webm", "opus", "vorbis", "flac", "mp3"]


async def no_answer(exchange: Exchange) -> None:
    await exchange.whole(200, wav(tone(0.1)))


def pipe_in(folder: Path) -> Path:
    """A pipe that nobody writes to: whoever opens it to read does not come back, and is seen."""
    path = folder / "secret.wav"
    os.mkfifo(path)
    return path


def has_reader(pipe: Path) -> bool:
    try:
        os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    except OSError as exc:
        assert exc.errno == errno.ENXIO
        return False
    return True


async def test_f15_playlist_in_any_disguise_opens_no_file_and_no_socket(tmp_path: Path) -> None:
    pipe = pipe_in(tmp_path)
    decoder = ClipDecoder(max_seconds=10, max_bytes=100_000)
    await decoder.start()
    before = decoder.pids
    try:
        async with WireServer(no_answer) as server:
            url = f"http://127.0.0.1:{server.port}"
            for name, playlist in PLAYLISTS.items():
                text = playlist.format(file=pipe, url=url).encode()
                for disguise, wear in DISGUISES.items():
                    async with asyncio.timeout(5):
                        with pytest.raises(BadAudio):
                            await decoder.decode(wear(text))
                    assert not has_reader(pipe), (name, disguise)
            assert server.connections == 0
        assert decoder.pids == before, "it hung on something that it had opened"
        assert await decoder.decode(wav(tone(0.1))) == tone(0.1)
    finally:
        await decoder.aclose()


@pytest.mark.parametrize("kind", KINDS)
async def test_f15_parser_that_is_told_the_format_takes_no_other(tmp_path: Path, kind: str) -> None:
    """Behind the look at the first bytes: each parser reads its own format and opens nothing."""
    path = tmp_path / "secret.wav"
    path.write_bytes(wav(tone(0.1)))
    async with WireServer(no_answer) as server:
        url = f"http://127.0.0.1:{server.port}"
        for playlist in PLAYLISTS.values():
            with pytest.raises(JobRefused):
                decoded(playlist.format(file=path, url=url).encode(), kind, 10)
        await asyncio.sleep(0)
        assert server.connections == 0


async def test_f14_tags_that_name_pictures_and_servers_are_not_followed() -> None:
    """A link in a tag is only text; the sound beside it is heard."""
    async with WireServer(no_answer) as server:
        url = f"http://127.0.0.1:{server.port}/cover.png"
        link = b"WXXX" + struct.pack(">I", len(url) + 2) + b"\x00\x00\x00\x00" + url.encode()
        tag = b"ID3\x04\x00\x00\x00\x00" + bytes([len(link) >> 7, len(link) & 0x7F]) + link
        clip = encoded(tone(0.5, 24_000), "mp3", "libmp3lame", rate_hz=24_000)
        decoder = ClipDecoder(max_seconds=10, max_bytes=100_000)
        await decoder.start()
        try:
            assert await decoder.decode(tag + clip)
        finally:
            await decoder.aclose()
        assert server.connections == 0
