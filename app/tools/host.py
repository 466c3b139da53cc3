"""What the tools of all sessions share."""

import asyncio
from dataclasses import dataclass, field
from functools import partial

import httpx

from app.clock import Clock
from app.storage.no_store import NoStore
from app.storage.store import Store
from app.tools.base import ToolSpec
from app.tools.execution import Threads
from app.tools.threads import PatientThreads, ToolThreads
from app.tools.tool_call import ToolOutcome
from app.tools.tool_list import ToolRegistry
from config.tool_settings import ToolSettings

QUICK_THREADS = 4
"""Tools that always end soon, such as the calculator, run so many at a time; more wait their turn."""


@dataclass(slots=True)
class ToolHost:
    """What the tools of all sessions share.

    Attributes:
        stuck: Tools that were cancelled and go on all the same; held here so that nothing loses them.
    """

    registry: ToolRegistry
    settings: ToolSettings
    clock: Clock
    http: httpx.AsyncClient
    threads: ToolThreads
    store: Store = field(default_factory=NoStore)
    quick_threads: PatientThreads = field(default_factory=partial(PatientThreads, QUICK_THREADS))
    stuck: set[asyncio.Task[ToolOutcome]] = field(default_factory=set[asyncio.Task[ToolOutcome]])

    def threads_for(self, tool: ToolSpec) -> Threads:
        """Return where a plain tool runs."""
        return self.quick_threads if tool.ends_soon else self.threads

    async def aclose(self) -> None:
        """Give up what is stuck and closes the connections."""
        for task in self.stuck:
            task.cancel()
        self.threads.close()
        self.quick_threads.close()
        await self.http.aclose()
