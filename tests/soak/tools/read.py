"""`read`: works for as long as it is told, and writes down that it did."""

import asyncio
import os

from pydantic import BaseModel

from app.tools.base import ToolContext, ToolError, tool


class Arguments(BaseModel):
    """What it is to do."""

    seconds: float = 0
    result: str = "ok"
    fails: bool = False
    tag: str = ""


@tool(effect="read")
async def run(args: Arguments, ctx: ToolContext) -> str:
    """Reads for a while."""
    runs = os.open(ctx.settings.tools_dir / "runs", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(runs, f"{ctx.session_id} {args.tag}\n".encode())
    os.close(runs)
    if args.result == "reports":
        ctx.progress("a medias", 0.5)
    await asyncio.sleep(args.seconds)
    if args.fails:
        raise ToolError("no puede ser.")
    return args.tag
