"""A SQLite address: `sqlite:///relative/path`, `sqlite:////absolute/path`, and what people write after it."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote

from sqlalchemy import URL

_NEEDS_A_FILE = (
    "needs a file: sqlite:///folder/file.db, or four slashes for a path from the root; none keeps nothing"
)
_NEVER = {
    "immutable": "the file must be writable",
    "vfs": "only the system's own file system can be used",
    "key": "encrypted files cannot be read",
    "cipher": "encrypted files cannot be read",
    "hexkey": "encrypted files cannot be read",
}
"""Parameters without which the file would be another one, or none that can be read."""


@dataclass(frozen=True, slots=True)
class SqliteAddress:
    """A file.

    Attributes:
        left_out: Parameters of the address that change nothing.
    """

    path: Path
    left_out: tuple[str, ...] = ()

    @property
    def existing_file(self) -> URL:
        """The address for SQLAlchemy, opened only if the file exists: SQLite would make an empty one."""
        return URL.create(
            "sqlite", database=f"file:{quote(str(self.path.resolve()))}", query={"mode": "rw", "uri": "true"}
        )


def sqlite_address(rest: str) -> SqliteAddress:
    """Return the file that is meant by what stands behind `sqlite://`.

    Raises:
        ValueError: It names no file, or one that can never be used.
    """
    if not rest.startswith("/"):
        raise ValueError(_NEEDS_A_FILE)
    name, _, query = rest[1:].partition("?")
    parameters = {key.lower(): value.lower() for key, value in parse_qsl(query, keep_blank_values=True)}
    for key, why in _NEVER.items():
        if parameters.get(key, "0") not in ("", "0", "false"):
            raise ValueError(f"has the parameter {key}: {why}")
    if parameters.get("mode") == "memory" or ":memory:" in name or not name:
        raise ValueError(_NEEDS_A_FILE)
    if parameters.get("mode") == "ro":
        raise ValueError("has mode=ro: the file must be writable")
    if name.startswith("file:"):
        name = _path_of_uri(name)
    if "\0" in name or (os.name != "nt" and re.match(r"[A-Za-z]:[\\/]|\\\\", name)):
        raise ValueError("names a file that there cannot be on this system")
    if name.endswith(("/", "\\")):
        raise ValueError("names a folder, and needs a file")
    return SqliteAddress(Path(name).expanduser(), tuple(sorted(parameters)))


def _path_of_uri(uri: str) -> str:
    """Return the path of SQLite's own kind of address, `file:relative` or `file:///absolute`."""
    path = unquote(uri.removeprefix("file:"))
    if path.startswith("//"):
        authority, slash, path = path[2:].partition("/")
        if authority not in ("", "localhost") or not path:
            raise ValueError(_NEEDS_A_FILE)
        path = slash + path
    return path
