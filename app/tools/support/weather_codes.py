"""The weather codes of the World Meteorological Organization (table 4677) that forecasts use, in words."""

from app.errors import Locale

WEATHER_CODES: dict[int, dict[Locale, str]] = {
    0: {"es": "cielo despejado", "en": "clear sky"},
    1: {"es": "cielo casi despejado", "en": "mainly clear"},
    2: {"es": "parcialmente nublado", "en": "partly cloudy"},
    3: {"es": "cielo cubierto", "en": "overcast"},
    45: {"es": "niebla", "en": "fog"},
    48: {"es": "niebla con cencellada", "en": "depositing rime fog"},
    51: {"es": "llovizna débil", "en": "light drizzle"},
    53: {"es": "llovizna moderada", "en": "moderate drizzle"},
    55: {"es": "llovizna intensa", "en": "dense drizzle"},
    56: {"es": "llovizna helada débil", "en": "light freezing drizzle"},
    57: {"es": "llovizna helada intensa", "en": "dense freezing drizzle"},
    61: {"es": "lluvia débil", "en": "slight rain"},
    63: {"es": "lluvia moderada", "en": "moderate rain"},
    65: {"es": "lluvia fuerte", "en": "heavy rain"},
    66: {"es": "lluvia helada débil", "en": "light freezing rain"},
    67: {"es": "lluvia helada fuerte", "en": "heavy freezing rain"},
    71: {"es": "nevada débil", "en": "slight snowfall"},
    73: {"es": "nevada moderada", "en": "moderate snowfall"},
    75: {"es": "nevada fuerte", "en": "heavy snowfall"},
    77: {"es": "granos de nieve", "en": "snow grains"},
    80: {"es": "chubascos débiles", "en": "slight rain showers"},
    81: {"es": "chubascos moderados", "en": "moderate rain showers"},
    82: {"es": "chubascos violentos", "en": "violent rain showers"},
    85: {"es": "chubascos de nieve débiles", "en": "slight snow showers"},
    86: {"es": "chubascos de nieve fuertes", "en": "heavy snow showers"},
    95: {"es": "tormenta", "en": "thunderstorm"},
    96: {"es": "tormenta con granizo débil", "en": "thunderstorm with slight hail"},
    99: {"es": "tormenta con granizo fuerte", "en": "thunderstorm with heavy hail"},
}
"""The codes that Open-Meteo documents."""

_UNKNOWN: dict[Locale, str] = {"es": "tiempo sin describir", "en": "weather without description"}


def describe_weather(code: int, locale: Locale) -> str:
    """Return the code in the user's language; codes that are not in the table get a neutral phrase."""
    return WEATHER_CODES.get(code, _UNKNOWN)[locale]
