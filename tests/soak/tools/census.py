"""`census`: writes down which tasks the server has. Its file also has the server tell what is alive in it."""

import asyncio
import json
import os
from collections import Counter
from pathlib import Path

from pydantic import BaseModel

from app.tools.base import ToolContext, tool
from tests.soak.live import tell

LISTENER = tell(Path(__file__).parent)


class Arguments(BaseModel):
    """It needs none."""

    tag: str = ""


@tool(effect="read")
async def run(args: Arguments, ctx: ToolContext) -> int:
    """Counts the tasks."""
    tasks = Counter(task.get_coro().__qualname__ for task in asyncio.all_tasks())
    path = ctx.settings.tools_dir / "census"
    path.with_suffix(".new").write_text(json.dumps(tasks))
    os.replace(path.with_suffix(".new"), path)
    return tasks.total()
