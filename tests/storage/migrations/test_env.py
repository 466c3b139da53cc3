"""The migrations lead to the tables that the code works with."""

import sqlite3
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from app.storage.migrate import alembic_config, migrate_file
from app.storage.models import metadata


def test_migrated_tables_are_those_of_the_models(tmp_path: Path):
    migrate_file(tmp_path / "x.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")

    with engine.connect() as connection:
        # SQLite says VARCHAR and TEXT as they were declared, so types count too.
        differences = compare_metadata(MigrationContext.configure(connection), metadata)

    engine.dispose()
    assert differences == []


def test_migrations_are_one_line_from_the_first_to_the_newest():
    scripts = ScriptDirectory.from_config(alembic_config())

    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


def test_sqlite_here_knows_returning():
    assert sqlite3.sqlite_version_info >= (3, 35)
