"""Where the database is: `DATABASE_URL` in all its usual forms."""

from app.storage.postgres_address import PostgresAddress, postgres_address
from app.storage.sqlite_address import SqliteAddress, sqlite_address

OFF = ("", "none")

Address = SqliteAddress | PostgresAddress

_SQLITE = ("sqlite", "sqlite+aiosqlite")  # the second is a usual name for the same file
_POSTGRESQL = ("postgresql", "postgres", "postgresql+asyncpg", "postgres+asyncpg")


def database_address(database_url: str) -> Address | None:
    """Return the address; None where there shall be no database.

    Raises:
        ValueError: It is no address of SQLite (a file) or PostgreSQL, or one that can never work. The text
            shows nothing of it but names of parameters: it may hold a password.
    """
    text = database_url.strip()
    if text.lower() in OFF:
        return None
    scheme, separator, rest = text.partition("://")
    scheme = scheme.lower()
    if separator and scheme in _SQLITE:
        return sqlite_address(rest)
    if separator and scheme in _POSTGRESQL:
        return postgres_address(rest)
    if separator and scheme.startswith(("postgres", "jdbc:postgres")):
        raise ValueError("names a driver that is not here: it must begin with postgresql:// alone")
    raise ValueError("must begin with sqlite:/// or postgresql://, or be none")
