"""Every test that takes `address` runs on SQLite and on a real PostgreSQL."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from app.storage.sql_store import SqlStore
from tests.storage.postgres import PostgresServer, missing
from tests.storage.talks import Log, listening, store_at


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    if missing():
        pytest.skip(missing())
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


@pytest.fixture
def sqlite_address(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'talks.db'}"


@pytest.fixture
def postgres_address(postgres: PostgresServer) -> str:
    return postgres.new_database()


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("sqlite_address" if request.param == "sqlite" else "postgres_address")


@pytest_asyncio.fixture
async def store(address: str) -> AsyncIterator[SqlStore]:
    async with store_at(address) as opened:
        yield opened


@pytest_asyncio.fixture
async def log() -> AsyncIterator[Log]:
    with listening() as heard:
        yield heard
