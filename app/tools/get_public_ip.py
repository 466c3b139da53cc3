"""Tells the address under which the server is seen on the internet."""

import json
from ipaddress import ip_address
from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict

from app.errors import Locale
from app.tools.base import ToolContext, ToolError, tool
from app.tools.support.operator_http import EndpointFailed, get_bytes

TIMEOUT_S = 5.0

_UNKNOWN: dict[Locale, str] = {
    "es": "No he podido averiguar la IP pública: el servicio que la dice no responde bien.",
    "en": "I could not find out the public IP: the service that tells it does not answer properly.",
}


class GetPublicIpArguments(BaseModel):
    """It takes none."""

    model_config = ConfigDict(extra="forbid")


@tool(effect="read", from_outside=False)
async def run(args: GetPublicIpArguments, ctx: ToolContext) -> dict[str, Any]:
    """Get the public IP address of the machine that this assistant runs on."""
    try:
        answer = await get_bytes(ctx, httpx.URL(ctx.settings.public_ip_url), timeout_s=TIMEOUT_S)
        address = ip_address(_text_of(answer))
    except (EndpointFailed, httpx.InvalidURL, ValueError) as exc:
        raise ToolError(_UNKNOWN[ctx.locale]) from exc
    return {"ip": str(address), "version": address.version}


def _text_of(answer: bytes) -> str:
    """Return the address as the service wrote it: bare, or `{"ip": "..."}`; ValueError for anything else."""
    text = answer.decode().strip()
    if not text.startswith("{"):
        return text
    try:
        return str(json.loads(text).get("ip"))
    except RecursionError as exc:
        raise ValueError("nested too deeply") from exc
