"""A tool that was said not to have begun does not begin later."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel

from app.tools.base import Tool, ToolContext
from app.tools.execution import execute
from tests.support.context import tool_context


class Nothing(BaseModel):
    """No arguments."""


class LateThreads:
    """Threads that the machine is too busy to let run: the test says when one begins."""

    def __init__(self) -> None:
        self.begins: Callable[[], Any] | None = None
        self.has_come = asyncio.Event()

    async def run(self, function: Callable[[], Any]) -> Any:
        self.begins = function
        self.has_come.set()
        return await asyncio.get_running_loop().create_future()


@pytest.mark.parametrize("is_cancelled_first", [True, False])
async def test_tool_whose_call_was_cancelled_before_its_thread_began_never_runs(
    is_cancelled_first: bool,
) -> None:
    done: list[str] = []

    def run(args: Nothing, ctx: ToolContext) -> None:
        done.append("ran")

    threads = LateThreads()
    async with tool_context() as context:
        tool = Tool("send", "Sends.", Nothing, run, "write")
        began = lambda: done.append("began")  # noqa: E731
        call = asyncio.create_task(execute(tool, Nothing(), context, threads, on_begin=began))
        await threads.has_come.wait()
        assert threads.begins is not None
        if not is_cancelled_first:
            threads.begins()
        call.cancel()
        await asyncio.wait({call})
        if is_cancelled_first:
            threads.begins()

    assert done == ([] if is_cancelled_first else ["began", "ran"])
