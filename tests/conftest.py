"""Fixtures that every test has: a clean environment and no leaked tasks; and databases for those that ask.

Every test that takes `address` runs on SQLite and on a real PostgreSQL.
"""

import asyncio
import gc
import os
import zlib
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from hypothesis import settings as drawn

from config.settings import Settings
from tests.storage.postgres import PostgresServer, missing

# Reads MODELS_DIR while it is there.
from tests.support import models as models

for _name in Settings.model_fields:
    os.environ.pop(_name.upper(), None)
for _name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
    os.environ.pop(_name, None)


if drawn.get_current_profile_name() == "default":  # in CI it sets no time
    # Ten times what it sets by default: beside others each example takes longer.
    drawn.register_profile("beside others", deadline=2000)
    drawn.load_profile("beside others")

_LONGEST = (
    "tests/e2e/test_voice_by_pip.py",
    "tests/fleet/test_rolling_deploy.py",
    "tests/e2e/test_page_states.py",
    "tests/faults/test_boundaries.py",
    "tests/e2e/test_page_voice.py",
    "tests/dialects/test_dialects.py",
    "tests/speech/engines/stt/test_whisper.py",
    "tests/outbound/test_hostile_servers.py",
    "tests/e2e/test_page_talks.py",
    "tests/router/routes/test_metrics_route.py",
    "tests/test_main.py",
    "tests/e2e/test_page_drops.py",
    "tests/speech/reading/test_reader.py",
)
"""The modules that take about a minute or more: what begins last should not end last."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes share the modules, puts the longest first, and the others as dice do.

    So what keeps a core busy runs beside what waits: modules of one folder are often alike.
    """
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return
    places = {name: place for place, name in enumerate(_LONGEST)}

    def place(item: pytest.Item) -> tuple[int, int]:
        name = item.nodeid.partition("::")[0]
        return places.get(name, len(places)), zlib.crc32(name.encode())

    items.sort(key=place)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Looks for no garbage among the tests: they are many, and stay."""
    gc.disable()
    result = yield
    gc.freeze()
    gc.enable()
    return result


@pytest.fixture(autouse=True)
def watched(request: pytest.FixtureRequest) -> None:
    """Watches tests that have an event loop; the others, which are most, need none made for them."""
    if pytest_asyncio.is_async_test(request.node):
        request.getfixturevalue("no_leaked_tasks")


@pytest_asyncio.fixture
async def no_leaked_tasks() -> AsyncIterator[None]:
    """Fails a test that leaves a task behind."""
    before = asyncio.all_tasks()
    yield
    await asyncio.sleep(0)
    # The fixture's own end runs in a task that did not exist before.
    left = [task for task in asyncio.all_tasks() - before - {asyncio.current_task()} if not task.done()]
    assert not left, f"tasks left behind: {left}"


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
