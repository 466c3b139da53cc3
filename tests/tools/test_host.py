"""What the tools of all sessions share, and how it is given back."""

import asyncio
from typing import Any

import httpx

from app.clock import SystemClock
from app.tools.base import Tool
from app.tools.host import ToolHost
from app.tools.threads import ToolThreads
from app.tools.tool_call import ToolOutcome
from app.tools.tool_list import ToolRegistry
from tests.support.context import settings_with
from tests.support.talk import WorkArgs


def a_host() -> ToolHost:
    return ToolHost(
        ToolRegistry([]), settings_with(), SystemClock(), httpx.AsyncClient(verify=False), ToolThreads(1)
    )


def plain(args: WorkArgs, ctx: Any) -> str:
    return "ok"


async def test_tools_that_end_soon_have_threads_that_no_other_tool_uses_up():
    host = a_host()

    assert host.threads_for(Tool("work", "Works.", WorkArgs, plain, "read")) is host.threads
    assert (
        host.threads_for(Tool("sum", "Adds.", WorkArgs, plain, "read", ends_soon=True)) is host.quick_threads
    )
    await host.aclose()


async def test_without_a_store_nothing_is_kept():
    host = a_host()

    assert not host.store.is_on
    await host.aclose()


async def test_what_is_stuck_is_given_up_at_the_end():
    async def stuck() -> ToolOutcome:
        await asyncio.sleep(3600)
        return ToolOutcome("done")

    host = a_host()
    task = asyncio.create_task(stuck())
    host.stuck.add(task)

    await host.aclose()
    await asyncio.wait({task})

    assert task.cancelled()
    assert host.http.is_closed
