"""What the tools of all sessions share."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import httpx

from app.clock import Clock
from app.storage.no_store import NoStore
from app.storage.store import Store
from app.tools.base import Tool
from app.tools.calls import Ending
from app.tools.execution import Threads
from app.tools.registry import ToolRegistry
from app.tools.threads import PatientThreads, ToolThreads
from config.settings import Settings

QUICK_THREADS = 4
"""Tools that always end soon, such as the calculator, run so many at a time; more wait their turn."""


@dataclass(slots=True)
class ToolHost:
    """What the tools of all sessions share.

    Attributes:
        stuck: Tools that were cancelled and go on all the same; held here so that nothing loses them.
    """

    registry: ToolRegistry
    settings: Settings
    clock: Clock
    http: httpx.AsyncClient
    threads: ToolThreads
    store: Store = field(default_factory=NoStore)
    quick_threads: PatientThreads = field(default_factory=partial(PatientThreads, QUICK_THREADS))
    stuck: set[asyncio.Task[Ending]] = field(default_factory=set[asyncio.Task[Ending]])

    def threads_for(self, tool: Tool) -> Threads:
        """Where a plain tool runs."""
        return self.quick_threads if tool.ends_soon else self.threads

    async def aclose(self) -> None:
        """Gives up what is stuck and closes the connections."""
        for task in self.stuck:
            task.cancel()
        self.threads.close()
        self.quick_threads.close()
        await self.http.aclose()
