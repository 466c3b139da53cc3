"""Whole recordings as clients send them: sniffed here, decoded in a process of its own.

What a clip is, its first bytes decide; a decoder sees only what is on the list, and is told which of its
parsers to use. So no clip can talk it into reading another file or an address.
"""

import re
from contextlib import aclosing
from typing import Final, Literal

from app.errors import AudioOverflow, BadAudio, TooLarge
from app.speech.engines.worker_wire import JobRefused
from app.speech.engines.workers import WorkerPool
from app.speech.wav import FORMS

ClipFormat = Literal["wav", "webm", "opus", "vorbis", "flac", "mp3"]

DECODE_LIMIT_S: Final = 2.0
"""A decoder that has not answered by then, in seconds, is killed."""

_WAIT_LIMIT_S: Final = 10.0
"""How long a clip may wait for those before it, in seconds."""

_KIND: Final = "app.speech.engines.clip_worker"
_HEAD_BYTES: Final = 4096
_SYNC: Final = re.compile(rb"\xff[\xe2\xe3\xf2\xf3\xfa\xfb]")
"""The first two bytes of a frame of MPEG audio, layer III."""
_MP3_FREE_OR_BAD_RATE: Final = (0x00, 0xF0)
_MP3_RESERVED_HZ: Final = 0x0C
_OGG_FIRST_PACKET_AT: Final = 28


def sniffed(clip: bytes) -> ClipFormat | None:
    """Return what the clip says that it is; None for anything that is not on the list."""
    head = clip[:_HEAD_BYTES]
    if head[:4] in FORMS and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"\x1aE\xdf\xa3":
        return "webm" if b"\x42\x82\x84webm" in head[:64] else None
    if head[:4] == b"OggS":
        return _sniffed_ogg(head)
    if head[:4] == b"fLaC":
        return "flac"
    if head[:3] == b"ID3" or _is_mp3_frame(head):
        return "mp3"
    return None


class ClipDecoder:
    """Makes PCM16 at the recogniser's rate of whole clips.

    Args:
        max_seconds: The longest clip.
        max_bytes: The largest.
        queue: How many clips may wait for the decoder; of one owner half of them.
    """

    def __init__(self, max_seconds: float, max_bytes: int, queue: int = 16) -> None:
        self._max_seconds = max_seconds
        self._max_bytes = max_bytes
        self._pool = WorkerPool(
            _KIND,
            {"max_seconds": max_seconds, "nice": 5},
            queue=queue,
            timeout_s=DECODE_LIMIT_S,
            wait_s=_WAIT_LIMIT_S,
        )

    @property
    def pids(self) -> tuple[int, ...]:
        """The number of its process, for those who watch it."""
        return self._pool.pids

    @property
    def workers_lost(self) -> int:
        """How many of its processes have died or hung so far."""
        return self._pool.lost

    async def start(self) -> None:
        """Start the process.

        Raises:
            WorkerFailed: It cannot be started.
        """
        await self._pool.start()

    async def decode(self, clip: bytes, owner: str = "") -> bytes:
        """Return the clip's sound.

        Args:
            clip: A whole recording.
            owner: Whose it is.

        Raises:
            BadAudio: It is in no format that is known, is broken, or is empty.
            TooLarge: It has too many bytes.
            AudioOverflow: It is too long.
            VoiceBusy: Too many clips wait.
            WorkerFailed: The decoder died or hung.
        """
        if len(clip) > self._max_bytes:
            raise TooLarge(f"a clip of {len(clip)} bytes", limit=self._max_bytes)
        kind = sniffed(clip)
        if kind is None:
            raise BadAudio("in no known format")
        pieces: list[bytes] = []
        try:
            async with aclosing(self._pool.run({"format": kind}, clip, owner=owner)) as frames:
                async for _, pcm in frames:
                    pieces.append(pcm)
        except JobRefused as refusal:
            if refusal.reason == "too_long":
                raise AudioOverflow(refusal.facts, seconds=f"{self._max_seconds:g}") from None
            raise BadAudio(f"{kind}: {refusal.facts}") from None
        return b"".join(pieces)

    async def aclose(self) -> None:
        """End the process."""
        await self._pool.aclose()


def _sniffed_ogg(head: bytes) -> ClipFormat | None:
    packet = head[_OGG_FIRST_PACKET_AT:]
    if packet.startswith(b"OpusHead"):
        return "opus"
    return "vorbis" if packet.startswith(b"\x01vorbis") else None


def _is_mp3_frame(head: bytes) -> bool:
    return (
        len(head) >= 4
        and _SYNC.match(head) is not None
        and head[2] & 0xF0 not in _MP3_FREE_OR_BAD_RATE
        and head[2] & _MP3_RESERVED_HZ != _MP3_RESERVED_HZ
    )
