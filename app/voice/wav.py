"""Whether a WAV is whole: asked where clips are decoded, away from the event loop."""

from typing import Final

MAX_CHUNKS: Final = 1000
"""More than any program writes before the sound; a clip of empty chunks could have a million."""

_CHUNK_HEAD_BYTES: Final = 8
_FIRST_CHUNK_AT: Final = 12


def is_whole_wav(clip: bytes) -> bool:
    """Whether a WAV's sound is as long as it says: one that was cut, or lies, is not."""
    at = _FIRST_CHUNK_AT
    for _ in range(MAX_CHUNKS):
        if at + _CHUNK_HEAD_BYTES > len(clip):
            return False
        name, size = clip[at : at + 4], int.from_bytes(clip[at + 4 : at + 8], "little")
        if name == b"data":
            return 0 < size <= len(clip) - at - _CHUNK_HEAD_BYTES
        at += _CHUNK_HEAD_BYTES + size + size % 2
    return False
