"""The sound that a message carries as base64."""

import asyncio
import base64
import binascii
from typing import Final

from app.errors import BadAudio

PART_CHARS: Final = 256 * 1024
"""Of a large recording so much is decoded in one piece, which takes a third of a millisecond."""


def sound_of(content: str) -> bytes:
    """Return what a message's base64 stands for.

    Raises:
        BadAudio: It is none, or empty.
    """
    sound = _decoded(content)
    if not sound:
        raise BadAudio("empty")
    return sound


async def sound_in_parts(content: str) -> bytes:
    """Return the same for a large one; others have their turn between its parts.

    Raises:
        BadAudio: It is none, or empty.
    """
    parts: list[bytes] = []
    for start in range(0, len(content), PART_CHARS):
        part = content[start : start + PART_CHARS]
        if part.endswith("=") and start + PART_CHARS < len(content):
            raise BadAudio("no base64")  # it ends within
        parts.append(_decoded(part))
        await asyncio.sleep(0)
    return b"".join(parts) or sound_of("")


def _decoded(content: str) -> bytes:
    try:
        return base64.b64decode(content, validate=True)
    except (binascii.Error, ValueError):
        raise BadAudio("no base64") from None
