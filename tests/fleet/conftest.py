"""A fleet: real server processes over one PostgreSQL, and a model beside them."""

import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from tests.support.azure_standin import AzureStandin
from tests.support.process import ServerProcess, server_process

SECRET = "0123456789abcdef" * 4


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def fleet_settings(address: str, model: AzureStandin, **settings: Any) -> dict[str, Any]:
    """What each process of a fleet is started with; its own port is free now."""
    return {
        "database_url": address,
        "fleet_address": f"http://127.0.0.1:{free_port()}",
        "fleet_secret": SECRET,
        **model.openai(),
        **settings,
    }


@asynccontextmanager
async def fleet(
    folder: Path, address: str, model: AzureStandin, size: int = 2, **settings: Any
) -> AsyncIterator[list[ServerProcess]]:
    async with AsyncExitStack() as stack:
        servers: list[ServerProcess] = []
        for number in range(size):
            own = folder / f"process{number}"
            own.mkdir()
            settings_of_one = fleet_settings(address, model, **settings)
            servers.append(await stack.enter_async_context(server_process(own, **settings_of_one)))
            await servers[-1].starts()
        yield servers
