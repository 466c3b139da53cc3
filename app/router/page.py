"""The files of the page, held in memory: only what is listed here is ever served."""

import functools
import gzip
import hashlib
import mimetypes
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.responses import Response

STATIC = Path(__file__).parents[2] / "static"

_ZIPPED_TYPES: Final = ("text/", "image/svg+xml", "application/json")
_LEAST_BYTES_ZIPPED: Final = 256

_KEPT_FOR_EVER: Final = "public, max-age=31536000, immutable"
_ASKED_FOR_AGAIN: Final = "no-cache"

_OWN_REFERENCE: Final = re.compile(rb'(?<=")/?static/(?=[^"]*")')
"""Where the page names a file of its own."""


def security_headers(frame_ancestors: Iterable[str]) -> dict[str, str]:
    """Return what the page and its files tell a browser; `frame_ancestors`: who may show the page in a frame.

    Neither scripts nor styles inside the page, and nothing from elsewhere. A worklet counts as a script; the
    microphone's sound is no source. Not every browser takes `'self'` for the WebSocket of the same server.
    """
    framers = " ".join(f"'{who}'" if who in ("none", "self") else who for who in frame_ancestors)
    return {
        "Content-Security-Policy": (
            "default-src 'self'; script-src 'self'; style-src 'self'; connect-src 'self' ws: wss:; "
            "img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'none'; "
            f"frame-ancestors {framers}"
        ),
        "Permissions-Policy": "microphone=(self), camera=(), geolocation=(), display-capture=(), usb=()",
        "Cross-Origin-Opener-Policy": "same-origin",
    }


class PageFile:
    """A file of the page, with what a browser asks to spare itself a second download."""

    def __init__(self, content: bytes, media_type: str) -> None:
        self.content = content
        self.media_type = media_type
        self.tag = hashlib.sha256(content).hexdigest()[:32]
        self._is_zipped = media_type.startswith(_ZIPPED_TYPES) and len(content) >= _LEAST_BYTES_ZIPPED

    @functools.cached_property
    def zipped(self) -> bytes | None:
        """The content as it leaves zipped, made when it is first asked for; None for what never does."""
        # The same bytes at each start: no time in them.
        return gzip.compress(self.content, 9, mtime=0) if self._is_zipped else None

    def answer(self, asked: Headers, headers: Mapping[str, str]) -> Response:
        """Answer with the file, zipped where that is taken; 304 where the browser has it already."""
        zipped = self.zipped if _takes_gzip(asked.get("accept-encoding", "")) else None
        tag = f'"{self.tag}"' if zipped is None else f'"{self.tag}-gzip"'
        said = {**headers, "ETag": tag}
        if self._is_zipped:
            said["Vary"] = "Accept-Encoding"
        if _has_it(asked.get("if-none-match", ""), tag):
            return Response(status_code=304, headers=said)
        if zipped is not None:
            said["Content-Encoding"] = "gzip"
        return Response(zipped or self.content, media_type=self.media_type, headers=said)


@dataclass(frozen=True, slots=True)
class PageFiles:
    """The page and its files, by their path below `static/`, in the form `worklets/capture.js`.

    The page names its files below `static/@<version>/`, which changes with any of them: a browser keeps them
    and asks for nothing but the page again. Their modules name each other by relative addresses, and follow.
    """

    files: Mapping[str, PageFile]
    version: str

    def find(self, path: str) -> tuple[PageFile | None, str]:
        """Return the file of a path below `static/`, None for none, and how long it may be kept."""
        name, kept = path, _ASKED_FOR_AGAIN
        if path.startswith("@"):
            version, _, name = path.removeprefix("@").partition("/")
            # A page that was opened before an upgrade asks for what it loads late: it gets what there is now.
            kept = _KEPT_FOR_EVER if version == self.version else _ASKED_FOR_AGAIN
        return self.files.get(name), kept

    @property
    def index(self) -> PageFile | None:
        """The page itself."""
        return self.files.get("index.html")


def load_page(folder: Path = STATIC) -> PageFiles:
    """Read the page from its folder, links and hidden files left out."""
    contents: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            contents[path.relative_to(folder).as_posix()] = path.read_bytes()
    digest = hashlib.sha256()
    for name, content in contents.items():
        digest.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    version = digest.hexdigest()[:16]
    if "index.html" in contents:
        named = b"static/@%b/" % version.encode()
        contents["index.html"] = _OWN_REFERENCE.sub(named, contents["index.html"])
    return PageFiles({name: PageFile(body, _media_type(name)) for name, body in contents.items()}, version)


def _media_type(name: str) -> str:
    if name.endswith(".js"):
        return "text/javascript"
    return mimetypes.guess_type(name)[0] or "application/octet-stream"


def _takes_gzip(accepted: str) -> bool:
    """Return whether `Accept-Encoding` lists gzip, and not with a weight of 0 (RFC 9110, 12.5.3)."""
    for entry in accepted.lower().split(","):
        coding, _, weight = entry.partition(";")
        if coding.strip() in ("gzip", "x-gzip"):
            return re.fullmatch(r"\s*q\s*=\s*0(\.0*)?\s*", weight) is None
    return False


def _has_it(known: str, tag: str) -> bool:
    """Return whether `If-None-Match` names the tag, weak ones too (RFC 9110, 13.1.2)."""
    return known.strip() == "*" or tag in (entry.strip().removeprefix("W/") for entry in known.split(","))
