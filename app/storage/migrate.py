"""Brings the tables to the shape that this release works with, at every start.

An upgrade is one transaction: killed at any statement, the next start finds the old tables and does it again.
A new SQLite file is made under another name and renamed when it is whole, so that a file under the real name
is never half of one. What is no database of ours is left alone.
"""

import os
import sqlite3
from pathlib import Path

from alembic.command import upgrade
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, event

from app.storage.errors import SchemaTooNew

MIGRATIONS = Path(__file__).parent / "migrations"

_NEW = ".new"
_BUSY_TIMEOUT_S = 1


def migrate_file(path: Path) -> None:
    """Upgrade a SQLite file, and make it where there is none. Blocks: call it in a thread.

    Raises:
        SchemaTooNew: A newer release has been here. Nothing was written.
        Exception: Whatever the driver says of a database that cannot be used now.
    """
    if path.exists():
        if path.stat().st_size == 0:
            # SQLite would take it for a new database. Ours are never empty: something else has emptied it.
            raise sqlite3.DatabaseError("file is empty")
        _migrate_sqlite(path)
        return
    unfinished = path.with_name(path.name + _NEW)
    _migrate_sqlite(unfinished)
    os.replace(unfinished, path)


def alembic_config(connection: Connection | None = None) -> Config:
    """Return what Alembic needs to know, without a file of its own."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


def newest_revision() -> str:
    """Return the revision of this release's tables."""
    return ScriptDirectory.from_config(alembic_config()).get_current_head() or ""


def current_revision(connection: Connection) -> str:
    """Return the revision of the tables that are there; empty where there are none."""
    return MigrationContext.configure(connection).get_current_revision() or ""


def upgrade_tables(connection: Connection) -> None:
    """Upgrade in the connection's transaction; write nothing where there is nothing to do.

    Raises:
        SchemaTooNew: The tables have a revision that this release does not know.
    """
    config = alembic_config(connection)
    scripts = ScriptDirectory.from_config(config)
    current = set(MigrationContext.configure(connection).get_current_heads())
    known = {script.revision for script in scripts.walk_revisions()}
    if not current <= known:
        raise SchemaTooNew(
            f"The database has the schema {', '.join(sorted(current))}, which is newer than this server's "
            f"({scripts.get_current_head()}): install the newer release, or restore a backup."
        )
    if current != set(scripts.get_heads()):
        upgrade(config, "head")


def _migrate_sqlite(path: Path) -> None:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S, isolation_level=None)

    engine = create_engine("sqlite+pysqlite://", creator=connect, poolclass=NullPool)
    # The driver would begin no transaction before a CREATE TABLE: each would stand for itself.
    event.listen(engine, "begin", _begin)
    with engine.begin() as connection:
        upgrade_tables(connection)


def _begin(connection: Connection) -> None:
    # It reads first: where there is nothing to do, a full or read-only disk is no obstacle.
    connection.exec_driver_sql("BEGIN")
