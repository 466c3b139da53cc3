"""A browser and a server with the demo model, shared by the tests of a module."""

from collections.abc import AsyncIterator, Iterator

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


@pytest.fixture
def own_server() -> Iterator[ServerProcess]:
    """For a test that kills it."""
    process = ServerProcess()
    process.start()
    yield process
    process.kill()
