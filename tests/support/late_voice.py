"""Speech that a server brings when a test says so, and not before."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from app.llm.base import ChatProvider
from app.speech.base import Half, VoiceEngines
from app.speech.models.readiness import HalfState, VoiceParts, states_of
from tests.support.context import settings_with
from tests.support.server import Server, running_server


class LateVoice:
    """What a server has of speech: nothing until `comes`, then this.

    Its installer is a program that waits; only the models are a stand-in's.

    Args:
        folder: Empty, and the test's own.
        engines: What is loaded in the end.
        settings: Others than those of tests.
    """

    def __init__(self, folder: Path, engines: VoiceEngines, **settings: Any) -> None:
        self._gate = folder / "gate"
        self._engines = engines
        self.settings = settings_with(**{"voice": True, "models_dir": folder / "none", **settings})
        self.parts = VoiceParts(
            self.settings, installer=(sys.executable, "-c", f"open({str(self._gate)!r}).read()")
        )

    @asynccontextmanager
    async def server(self, provider: ChatProvider, port: int = 0) -> AsyncIterator[Server]:
        """A server that still loads."""
        os.mkfifo(self._gate)
        settings, parts = self.settings, self.parts
        async with running_server(settings, provider=provider, tools=[], voice=parts, port=port) as server:

            async def load(halves: tuple[Half, ...], others: Mapping[Half, str]) -> Mapping[Half, HalfState]:
                server.service.session_host.engines = self._engines
                return states_of(self._engines)

            parts.on_ready = load
            yield server

    async def comes(self) -> None:
        """Loading ends, well or badly."""
        await asyncio.to_thread(self._gate.write_text, "")
        await self.parts.wait()
