"""The first tables come and go."""

from pathlib import Path

from alembic.command import downgrade
from sqlalchemy import create_engine, inspect

from app.storage.migrate import alembic_config, upgrade_tables


def test_it_can_be_taken_back(tmp_path: Path):
    engine = create_engine(f"sqlite:///{tmp_path / 'x.db'}")
    with engine.begin() as connection:
        upgrade_tables(connection)
        assert "messages" in inspect(connection).get_table_names()
    with engine.begin() as connection:
        downgrade(alembic_config(connection), "base")

    with engine.connect() as connection:
        assert inspect(connection).get_table_names() == ["alembic_version"]
    engine.dispose()
