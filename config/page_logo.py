"""The picture that `PAGE_LOGO` names."""

import re
from pathlib import Path
from typing import Final, NamedTuple

MAX_LOGO_BYTES: Final = 512 * 1024

_BEGINNINGS: Final = (
    (rb"\x89PNG\r\n\x1a\n", "image/png"),
    (rb"\xff\xd8\xff", "image/jpeg"),
    (rb"GIF8[79]a", "image/gif"),
    (rb"RIFF....WEBP", "image/webp"),
    (rb"\x00\x00\x01\x00", "image/x-icon"),
    (
        rb"(\xef\xbb\xbf)?\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE svg[^>\[]*>\s*)*<svg[\s>]",
        "image/svg+xml",
    ),
)


class Logo(NamedTuple):
    """A picture, and what it is by its bytes, whatever its name says."""

    content: bytes
    media_type: str


def read_logo(path: Path) -> Logo:
    """Read a logo.

    Raises:
        ValueError: There is no such picture, or none that can be served; its text says why.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_LOGO_BYTES + 1)
    except OSError as exc:
        raise ValueError(f"the file {path} cannot be read: {exc.strerror or type(exc).__name__}") from exc
    if len(content) > MAX_LOGO_BYTES:
        raise ValueError(f"the file {path} has more than {MAX_LOGO_BYTES // 1024} KiB")
    for beginning, media_type in _BEGINNINGS:
        if re.match(beginning, content, re.DOTALL):
            return Logo(content, media_type)
    raise ValueError(f"the file {path} is no picture: must be PNG, JPEG, GIF, WebP, ICO or SVG")
