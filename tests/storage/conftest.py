"""An open store, and its log; the databases are in the fixtures of all tests."""

from collections.abc import AsyncIterator

import pytest_asyncio

from app.storage.sql_store import SqlStore
from tests.storage.talks import Log, listening, store_at


@pytest_asyncio.fixture
async def store(address: str) -> AsyncIterator[SqlStore]:
    async with store_at(address) as opened:
        yield opened


@pytest_asyncio.fixture
async def log() -> AsyncIterator[Log]:
    with listening() as heard:
        yield heard
