"""A browser and a server with the demo model, shared by the tests of a module."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser

from tests.support.browser import ServerProcess, launched


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chrome() -> AsyncIterator[Browser]:
    async with launched() as browser:
        yield browser


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    process = ServerProcess()
    process.start()
    yield process
    process.kill()


@pytest.fixture(scope="module")
def keeping_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """Keeps talks and profiles."""
    process = ServerProcess(DATABASE_URL=database_in(tmp_path_factory.mktemp("talks")))
    process.start()
    yield process
    process.kill()


def database_in(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder}/talks.db"


@pytest.fixture
def own_keeping_server(tmp_path: Path) -> Iterator[ServerProcess]:
    """Keeps talks, for a test that kills it."""
    process = ServerProcess(DATABASE_URL=database_in(tmp_path))
    process.start()
    yield process
    process.kill()


@pytest.fixture
def own_server() -> Iterator[ServerProcess]:
    """For a test that kills it."""
    process = ServerProcess()
    process.start()
    yield process
    process.kill()
