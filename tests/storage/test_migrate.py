"""Migrations: whole or not at all, and never over what is not ours."""

import asyncio
import multiprocessing
import os
import signal
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, NullPool, create_engine, event, inspect

from app.storage.address import database_address
from app.storage.errors import SchemaTooNew
from app.storage.migrate import migrate_file, upgrade_tables
from app.storage.models import metadata
from app.storage.postgres_address import PostgresAddress
from app.storage.postgres_connecting import Connector
from tests.storage.talks import file_at

fork = multiprocessing.get_context("fork")


def file_of(address: str) -> Path:
    file = file_at(address)
    file.parent.mkdir(exist_ok=True)
    return file


def ask(address: str, question: Callable[[Any], Any]) -> Any:
    if address.startswith("sqlite"):
        file = create_engine(f"sqlite:///{file_of(address)}", poolclass=NullPool)
        with file.begin() as connection:
            return question(connection)

    async def asked() -> Any:
        where = database_address(address)
        assert isinstance(where, PostgresAddress)
        engine = Connector(where).engine()
        try:
            async with engine.begin() as connection:
                return await connection.run_sync(question)
        finally:
            await engine.dispose()

    return asyncio.run(asked())


def migrate(address: str) -> None:
    if address.startswith("sqlite"):
        migrate_file(file_of(address))
    else:
        ask(address, upgrade_tables)


def tables_at(address: str) -> set[str]:
    return set(ask(address, lambda connection: inspect(connection).get_table_names()))


def test_new_database_gets_all_tables(address: str):
    migrate(address)

    assert tables_at(address) == {*metadata.tables, "alembic_version"}


def test_second_start_writes_nothing(sqlite_address: str):
    migrate(sqlite_address)
    file = file_of(sqlite_address)
    before = file.read_bytes(), file.stat().st_mtime_ns

    migrate(sqlite_address)

    assert (file.read_bytes(), file.stat().st_mtime_ns) == before


def test_newer_schema_stops_the_start_and_stays(address: str):
    migrate(address)
    ask(
        address,
        lambda connection: connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'"),
    )

    with pytest.raises(SchemaTooNew) as caught:
        migrate(address)

    assert "9999" in str(caught.value)
    assert "\n" not in str(caught.value)
    versions = ask(
        address, lambda connection: connection.exec_driver_sql("SELECT * FROM alembic_version").all()
    )
    assert [tuple(row) for row in versions] == [("9999",)]


def migrate_and_die(address: str, at_statement: int) -> None:
    """Runs in a process of its own: SIGKILL before its n-th statement; ends well if there are fewer."""
    seen = 0

    def count(*_: object) -> None:
        nonlocal seen
        seen += 1
        if seen == at_statement:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "before_cursor_execute", count)
    migrate(address)
    os._exit(0)


def test_killed_at_any_statement_the_next_start_finishes_it(address: str, tmp_path: Path):
    if address.startswith("sqlite"):
        file_of(address)
    at_statement = 0
    exit_code: int | None = -signal.SIGKILL
    while exit_code == -signal.SIGKILL:
        at_statement += 1
        process = fork.Process(target=migrate_and_die, args=(address, at_statement))
        process.start()
        process.join(20)
        exit_code = process.exitcode
        if exit_code == -signal.SIGKILL and address.startswith("postgresql"):
            assert not tables_at(address) & set(metadata.tables), "half an upgrade is to be seen"

    assert exit_code == 0
    assert at_statement > len(metadata.tables)
    migrate(address)
    assert tables_at(address) == {*metadata.tables, "alembic_version"}


@pytest.mark.parametrize("content", [b"", b"Dear diary, ..." * 400], ids=["empty", "text"])
def test_what_is_no_database_is_left_alone(sqlite_address: str, content: bytes):
    file = file_of(sqlite_address)
    file.write_bytes(content)

    with pytest.raises(Exception) as caught:
        migrate(sqlite_address)

    assert isinstance(getattr(caught.value, "orig", caught.value), sqlite3.DatabaseError)
    assert file.read_bytes() == content
