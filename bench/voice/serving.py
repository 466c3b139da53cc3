"""A server of the benchmark's own, that hears and speaks."""

import asyncio
import json
import os
import sys
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

from tests.support.browser import ServerProcess

MODELS_DIR: Final = str(Path(os.environ.get("MODELS_DIR", "data/models")).resolve())
LOAD_LIMIT_S: Final = 120


@asynccontextmanager
async def serving(*, log: Path | None = None, **settings: str) -> AsyncIterator[str]:
    """A server that hears and speaks; its address. `log`: where it writes down the stages of its answers."""
    if log is not None:
        settings = {"LOG_LEVEL": "DEBUG", "LOG_FORMAT": "json", **settings}
    server = ServerProcess(log=log, **{"VOICE": "true", "MODELS_DIR": MODELS_DIR, **settings})
    try:
        await asyncio.to_thread(server.start)
        for _ in range(LOAD_LIMIT_S * 2):
            if await asyncio.to_thread(_status, server.url) != "loading":
                break
            await asyncio.sleep(0.5)
        status = await asyncio.to_thread(_status, server.url)
        if status != "ready":
            sys.exit(f"speech is {status}: see `python -m app.voice.install --check`")
        yield f"ws://127.0.0.1:{server.port}/ws"
    finally:
        await asyncio.to_thread(server.kill)


def _status(url: str) -> str:
    with urllib.request.urlopen(f"{url}/agent/health", timeout=5) as answer:
        return json.load(answer)["voice"]["status"]
