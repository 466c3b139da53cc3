"""Tries the operator's endpoints that tools use, for `/agent/diagnose`."""

import asyncio

import httpx

from app.llm.base import Check
from app.tools.runner import ToolHost

ENDPOINT_TIMEOUT_S = 5.0
"""Limit of each step of a request to an operator's endpoint, in seconds."""


async def try_endpoints(host: ToolHost) -> list[Check]:
    """One check for each endpoint that a tool of this server needs, each bounded in time."""
    names, settings = host.registry.names, host.settings
    endpoints: dict[str, str] = {}
    if "get_public_ip" in names:
        endpoints["PUBLIC_IP_URL"] = settings.public_ip_url
    if "get_weather_info" in names and settings.weather_provider != "placeholder":
        endpoints["WEATHER_URL"] = settings.weather_url
    return list(
        await asyncio.gather(*(try_endpoint(host.http, name, url) for name, url in endpoints.items()))
    )


async def try_endpoint(http: httpx.AsyncClient, name: str, url: str) -> Check:
    """Return whether an endpoint answers, in a check of this name."""
    try:
        async with asyncio.timeout(ENDPOINT_TIMEOUT_S), http.stream("GET", url) as response:
            status = response.status_code
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as exc:
        detail = f"cannot be reached ({type(exc).__name__}); check the address and the network"
        return Check(name, ok=False, detail=detail)
    # A bare request may well be refused for its missing parameters; then the endpoint is there.
    ok = status < 500 and status not in (401, 403, 404)
    detail = f"answers {status}" if ok else f"answers {status}; check the address in {name}"
    return Check(name, ok=ok, detail=detail)
