"""Weather that is made up, and says so; the same place has the same weather all day."""

import hashlib
from datetime import datetime
from typing import Any

from app.clock import wire_time
from app.errors import Locale
from app.tools.support.weather_codes import describe_weather

_NOTICE: dict[Locale, str] = {
    "es": "Datos simulados: este servidor no tiene configurado ningún servicio meteorológico.",
    "en": "Simulated data: this server has no weather service configured.",
}

# Most days everywhere are dry: the list is drawn from evenly, so what is frequent stands in it often.
_DRY_CODES = (0, 0, 1, 1, 2, 2, 3)
_WET_CODES = (51, 61, 63, 80)


def simulated_weather(location: str, now: datetime, locale: Locale) -> dict[str, Any]:
    """Return a plausible report for the place and the day, in the shape of `open_meteo.current_weather`."""
    place = " ".join(location.split())
    draw = hashlib.sha256(f"{place.casefold()}|{now.date().isoformat()}".encode()).digest()
    is_wet = draw[0] < 64
    codes = _WET_CODES if is_wet else _DRY_CODES
    temperature_c = 8 + draw[1] % 20 + draw[2] % 10 / 10
    wind_kmh = 2 + draw[3] % 28
    return {
        "location": place,
        "time": wire_time(now),
        "description": describe_weather(codes[draw[4] % len(codes)], locale),
        "temperature_c": temperature_c,
        # Wind cools; one degree for each 10 km/h is near enough for weather that does not exist.
        "feels_like_c": round(temperature_c - wind_kmh / 10, 1),
        "humidity_percent": (70 if is_wet else 35) + draw[5] % 26,
        "precipitation_mm": (2 + draw[6] % 40) / 10 if is_wet else 0.0,
        "wind_kmh": wind_kmh,
        "simulated": True,
        "notice": _NOTICE[locale],
    }
