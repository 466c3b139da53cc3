"""The files of the page, held in memory: only what is listed here is ever served."""

import mimetypes
from dataclasses import dataclass
from pathlib import Path

STATIC = Path(__file__).parents[2] / "static"

# Neither scripts nor styles inside the page, and nothing from elsewhere. A worklet counts as a script; the
# microphone's sound is no source. Not every browser takes `'self'` for the WebSocket of the same server.
SECURITY_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; "
        "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), usb=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """A file of the page."""

    content: bytes
    media_type: str


def load_page(folder: Path = STATIC) -> dict[str, PageFile]:
    """The page's files by their path below `static/`, in the form `worklets/capture.js`."""
    files: dict[str, PageFile] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            media_type = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
            if path.suffix == ".js":
                media_type = "text/javascript"
            files[path.relative_to(folder).as_posix()] = PageFile(path.read_bytes(), media_type)
    return files
