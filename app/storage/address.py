"""Where the database is: `DATABASE_URL` in all its usual forms."""

from pathlib import Path
from urllib.parse import quote

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

OFF = ("", "none")

_DRIVERS = {
    "sqlite": "sqlite",
    # A usual name for the same file.
    "sqlite+aiosqlite": "sqlite",
    "postgres": "postgresql+asyncpg",
    "postgresql": "postgresql+asyncpg",
    "postgresql+asyncpg": "postgresql+asyncpg",
}


def database_address(database_url: str) -> URL | None:
    """The address with the driver that we use; None where there shall be no database.

    Raises:
        ValueError: It is no address of SQLite (a file) or PostgreSQL. The text shows nothing of it: it may
            hold a password.
    """
    if database_url.strip().lower() in OFF:
        return None
    try:
        url = make_url(database_url.strip())
    except (ArgumentError, ValueError):
        raise ValueError("is no database address") from None
    if url.drivername not in _DRIVERS:
        raise ValueError("must begin with sqlite:/// or postgresql://")
    url = url.set(drivername=_DRIVERS[url.drivername])
    if is_sqlite(url):
        if not url.database or url.database == ":memory:":
            raise ValueError("sqlite:/// needs a file")
        return url
    # libpq's name for it, which hosts hand out; asyncpg calls it ssl.
    if "sslmode" in url.query:
        mode = url.query["sslmode"]
        url = url.difference_update_query(["sslmode"]).update_query_dict({"ssl": mode})
    return url


def is_sqlite(url: URL) -> bool:
    """Whether it is a file of ours, and not a server."""
    return url.get_backend_name() == "sqlite"


def sqlite_path(url: URL) -> Path:
    """The file behind a SQLite address."""
    return Path(url.database or "")


def existing_file(url: URL) -> URL:
    """The address of a SQLite file that is opened only if it exists: SQLite would make an empty one."""
    return url.set(
        database=f"file:{quote(str(sqlite_path(url).resolve()))}", query={"mode": "rw", "uri": "true"}
    )
