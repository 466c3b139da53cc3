"""The current weather from Open-Meteo, or from a server that speaks like it (`WEATHER_URL`)."""

from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, Field, ValidationError

from app.tools.base import ToolContext
from app.tools.support.body_text import clean_text
from app.tools.support.operator_http import EndpointFailed, get_bytes
from app.tools.support.weather_codes import describe_weather
from config.tool_settings import ToolSettings

TIMEOUT_S = 8.0
"""Limit of each of the two requests."""

_GEOCODING_URL = httpx.URL("https://geocoding-api.open-meteo.com/v1/search")
_CURRENT = (
    "temperature_2m,apparent_temperature,relative_humidity_2m,precipitation,weather_code,wind_speed_10m"
)


_Model = TypeVar("_Model", bound=BaseModel)


class UnknownPlace(Exception):
    """The service knows no place of that name."""


class _Place(BaseModel):
    name: str
    latitude: float
    longitude: float
    admin1: str | None = None
    country: str | None = None

    @property
    def label(self) -> str:
        """`Madrid, España`; a region of the same name as the place is not repeated."""
        parts = dict.fromkeys(part for part in (self.name, self.admin1, self.country) if part)
        return clean_text(", ".join(parts))[:200]


class _Places(BaseModel):
    # The service leaves the field out where it has found nothing.
    results: list[_Place] = Field(default_factory=list[_Place])


class _Current(BaseModel):
    time: str
    temperature_2m: float
    apparent_temperature: float | None = None
    relative_humidity_2m: float | None = None
    precipitation: float | None = None
    weather_code: int
    wind_speed_10m: float | None = None


class _Forecast(BaseModel):
    timezone: str | None = None
    current: _Current


async def current_weather(location: str, ctx: ToolContext) -> dict[str, Any]:
    """Return the weather now at the best match for the name.

    Returns:
        Temperatures in degrees Celsius, wind in km/h, precipitation in mm; `time` is the place's own.

    Raises:
        UnknownPlace: There is no such place.
        EndpointFailed: The service cannot be reached or its answer not be read.
    """
    place = await _find(location, ctx)
    query = {
        "latitude": place.latitude,
        "longitude": place.longitude,
        "current": _CURRENT,
        "timezone": "auto",
    }
    url = httpx.URL(ctx.settings.weather_url).copy_merge_params(query)
    forecast = _parsed(_Forecast, await get_bytes(ctx, url, timeout_s=TIMEOUT_S))
    current = forecast.current
    return {
        "location": place.label,
        "time": clean_text(current.time)[:40],
        "timezone": clean_text(forecast.timezone or "")[:60],
        "description": describe_weather(current.weather_code, ctx.locale),
        "temperature_c": current.temperature_2m,
        "feels_like_c": current.apparent_temperature,
        "humidity_percent": current.relative_humidity_2m,
        "precipitation_mm": current.precipitation,
        "wind_kmh": current.wind_speed_10m,
        "simulated": False,
        "source": "Open-Meteo",
    }


async def _find(location: str, ctx: ToolContext) -> _Place:
    query = {"name": location, "count": 1, "language": ctx.locale, "format": "json"}
    url = geocoding_url(ctx.settings.weather_url).copy_merge_params(query)
    places = _parsed(_Places, await get_bytes(ctx, url, timeout_s=TIMEOUT_S))
    if not places.results:
        raise UnknownPlace
    return places.results[0]


def geocoding_url(weather_url: str) -> httpx.URL:
    """Where names are looked up: Open-Meteo's own service, or `/v1/search` beside another `WEATHER_URL`.

    A query in `WEATHER_URL` (an API key) goes along.
    """
    if weather_url == ToolSettings.model_fields["weather_url"].default:
        return _GEOCODING_URL
    return httpx.URL(weather_url).copy_with(path="/v1/search")


def _parsed(model: type[_Model], answer: bytes) -> _Model:
    try:
        return model.model_validate_json(answer)
    except ValidationError as exc:
        raise EndpointFailed("not the expected JSON") from exc
