"""Whether model files are what they should be, without reading hundreds of megabytes at every start.

A file's sum is looked at once. What the system says of the file then is noted in the folder; as long as it
says the same, the file has not been written since.
"""

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

NOTES: Final = ".checked.json"
"""Inside `MODELS_DIR`: for each path the sum, and what the system said of the file."""


def is_whole(folder: Path, path: str, size: int, sha256: str) -> bool:
    """Whether the file is there, with this size and this sum. Reads it if it has changed since the last time.

    Args:
        folder: `MODELS_DIR`.
        path: Of the file, inside.
        size: In bytes.
        sha256: In hexadecimal.
    """
    file = folder / path
    try:
        seen = _state(file, sha256)
        if seen[1] != size:
            return False
        if _notes(folder).get(path) == seen:
            return True
        if sha256_of(file) != sha256:
            return False
    except OSError:
        return False
    _note(folder, path, seen)
    return True


def note_whole(folder: Path, path: str, sha256: str) -> None:
    """Notes that the file has just been found to have this sum."""
    with suppress(OSError):
        _note(folder, path, _state(folder / path, sha256))


def sha256_of(path: Path) -> str:
    """Return a file's SHA-256, in hexadecimal."""
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _state(file: Path, sha256: str) -> list[str | int]:
    """Change with every write: `ctime` cannot be set back as `mtime` can."""
    stat = file.stat()
    return [sha256, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]


def _notes(folder: Path) -> dict[str, Any]:
    try:
        notes: Any = json.loads((folder / NOTES).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return notes if isinstance(notes, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def _note(folder: Path, path: str, state: list[str | int]) -> None:
    # A folder that cannot be written only costs the reading at each start; a note that two processes lose to
    # one another, too.
    with suppress(OSError):
        written = folder / f"{NOTES}.{os.getpid()}"
        written.write_text(json.dumps(_notes(folder) | {path: state}), encoding="utf-8")
        os.replace(written, folder / NOTES)
