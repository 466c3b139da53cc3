"""Stands in for an integration that is still to come; useful to see how a slow tool behaves."""

import asyncio
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from app.errors import Locale
from app.tools.base import ToolContext, tool

MAX_DELAY_S = 25
_STEP_S = 0.5

_NOTICE: dict[Locale, str] = {
    "es": "Esto es un marcador de posición: no se ha llamado a ninguna API real.",
    "en": "This is a placeholder: no real API was called.",
}
_WAITING: dict[Locale, str] = {
    "es": "Esperando como lo haría una API lenta",
    "en": "Waiting as a slow API would",
}


class PlaceholderApiCallArguments(BaseModel):
    """How slow the call should be."""

    model_config = ConfigDict(extra="forbid")

    delay_s: float = Field(
        0, ge=0, le=MAX_DELAY_S, allow_inf_nan=False, description="How many seconds the simulated call takes."
    )


@tool(effect="read", from_outside=False)
async def run(args: PlaceholderApiCallArguments, ctx: ToolContext) -> dict[str, Any]:
    """Make a placeholder API call that does nothing but wait delay_s seconds; for trying out slow tools."""
    started = ctx.clock.monotonic()
    while (elapsed_s := ctx.clock.monotonic() - started) < args.delay_s:
        ctx.progress(_WAITING[ctx.locale], elapsed_s / args.delay_s)
        await asyncio.sleep(min(_STEP_S, args.delay_s - elapsed_s))
    ctx.progress(fraction=1.0)
    return {
        "placeholder": True,
        "notice": _NOTICE[ctx.locale],
        "requested_delay_s": args.delay_s,
        "waited_s": round(elapsed_s, 3),
    }
