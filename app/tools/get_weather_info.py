"""Tells the weather at a place: simulated, or from Open-Meteo (`WEATHER_PROVIDER`)."""

from typing import Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from app.errors import Locale
from app.tools.base import ToolContext, ToolError, tool
from app.tools.support.open_meteo import UnknownPlace, current_weather
from app.tools.support.operator_http import EndpointFailed
from app.tools.support.simulated_weather import simulated_weather
from config.tool_settings import ToolSettings

_UNKNOWN_PLACE: dict[Locale, str] = {
    "es": "No encuentro ningún lugar que se llame así; prueba con el nombre de una ciudad.",
    "en": "I cannot find a place of that name; try the name of a city.",
}
_NO_SERVICE: dict[Locale, str] = {
    "es": "El servicio meteorológico no responde bien ahora mismo.",
    "en": "The weather service does not answer properly right now.",
}


class GetWeatherInfoArguments(BaseModel):
    """The place to ask about."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    location: str = Field(description="City or place, for example Madrid.", min_length=1, max_length=200)


def _asks_a_service(settings: ToolSettings) -> bool:
    """Return whether the place's name comes from a service, where others may have written what they like."""
    return settings.weather_provider != "placeholder"


@tool(effect="read", from_outside=_asks_a_service)
async def run(args: GetWeatherInfoArguments, ctx: ToolContext) -> dict[str, Any]:
    """Get the current weather at a place."""
    if ctx.settings.weather_provider == "placeholder":
        return simulated_weather(args.location, ctx.clock.now(), ctx.locale)
    try:
        return await current_weather(args.location, ctx)
    except UnknownPlace as exc:
        raise ToolError(_UNKNOWN_PLACE[ctx.locale]) from exc
    except (EndpointFailed, httpx.InvalidURL) as exc:
        raise ToolError(_NO_SERVICE[ctx.locale]) from exc
