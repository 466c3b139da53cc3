"""Says in the user's language what a tool said in the session's.

A tool has ready-made sentences for its session's language. Who writes in the other one is answered from the
result's fields, or with a sentence of the demo's own: no answer mixes the two.
"""

from datetime import datetime
from typing import Any

from app.errors import Locale
from app.llm.demo.text import fold, language_of

_WEATHER = """
cielo despejado = clear sky; cielo casi despejado = mainly clear; parcialmente nublado = partly cloudy;
cielo cubierto = overcast; niebla = fog; niebla con cencellada = depositing rime fog;
llovizna débil = light drizzle; llovizna moderada = moderate drizzle; llovizna intensa = dense drizzle;
llovizna helada débil = light freezing drizzle; llovizna helada intensa = dense freezing drizzle;
lluvia débil = slight rain; lluvia moderada = moderate rain; lluvia fuerte = heavy rain;
lluvia helada débil = light freezing rain; lluvia helada fuerte = heavy freezing rain;
nevada débil = slight snowfall; nevada moderada = moderate snowfall; nevada fuerte = heavy snowfall;
granos de nieve = snow grains; chubascos débiles = slight rain showers;
chubascos moderados = moderate rain showers; chubascos violentos = violent rain showers;
chubascos de nieve débiles = slight snow showers; chubascos de nieve fuertes = heavy snow showers;
tormenta = thunderstorm; tormenta con granizo débil = thunderstorm with slight hail;
tormenta con granizo fuerte = thunderstorm with heavy hail;
tiempo sin describir = weather without description
"""
_PAIRS = [
    (es, en) for row in _WEATHER.replace("\n", " ").split(";") for es, _, en in [row.strip().partition(" = ")]
]
_DESCRIPTIONS: dict[str, tuple[str, str]] = {fold(name): pair for pair in _PAIRS for name in pair}

_WEEKDAYS: dict[Locale, str] = {
    "es": "lunes martes miércoles jueves viernes sábado domingo",
    "en": "Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
}
_MONTHS: dict[Locale, str] = {
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "en": "January February March April May June July August September October November December",
}
_FAILED: dict[str, tuple[str, str]] = {
    "calculate": (
        "La expresión no se puede calcular: está mal escrita o no tiene un valor real y finito.",
        "The expression cannot be computed: it is not well-formed, or has no real and finite value.",
    ),
    "get_weather_info": (
        "No he podido averiguar qué tiempo hace allí.",
        "I could not find out what the weather is like there.",
    ),
    "make_http_request": (
        "El sitio no está permitido, no existe o no ha dado una respuesta que se pueda leer.",
        "The site is not allowed, does not exist, or gave no answer that can be read.",
    ),
    "remember": (
        "No guardo nada de eso, o ahora mismo no lo puedo leer.",
        "I keep nothing of that, or cannot read it right now.",
    ),
    "get_public_ip": (
        "El servicio que dice la IP no responde bien.",
        "The service that tells the IP does not answer properly.",
    ),
}


def in_language(text: object, language: Locale, own: tuple[str, str]) -> str:
    """A tool's sentence if it is in that language, else our own, given in Spanish and English."""
    if isinstance(text, str) and text and language_of(text) == language:
        return text
    return own[0] if language == "es" else own[1]


def weather_words(description: object, language: Locale) -> str:
    """What the sky is like; empty where that is only known in the other language."""
    text = str(description or "")
    pair = _DESCRIPTIONS.get(fold(text))
    if pair:
        return pair[0] if language == "es" else pair[1]
    return text if language_of(text) in (language, None) else ""


def time_sentence(value: dict[str, Any], language: Locale) -> str:
    """A moment in words, from its `date`, `time` and `timezone`; empty where they are missing."""
    try:
        now = datetime.fromisoformat(f"{value['date']}T{value['time']}")
    except (KeyError, ValueError):
        return ""
    place = str(value.get("timezone") or "UTC")
    offset = value.get("utc_offset")
    place += f" (UTC{offset})" if offset and not place.startswith("UTC+") else ""
    weekday = _WEEKDAYS[language].split()[now.weekday()]
    month = _MONTHS[language].split()[now.month - 1]
    if language == "es":
        verb = "es la" if now.hour == 1 else "son las"
        return f"En {place} {verb} {now:%H:%M} del {weekday}, {now.day} de {month} de {now.year}."
    return f"In {place} it is {now:%H:%M} on {weekday}, {now.day} {month} {now.year}."


def failure(tool: str, status: str, error: str, language: Locale) -> str:
    """Why a call did not come to its end: the tool's words if they are in that language, else our own.

    A tool that the demo does not know keeps its words: nothing else tells what happened. Empty where the
    status says it all.
    """
    if not error or language_of(error) in (language, None):
        return error
    if status != "failed":
        return ""
    return in_language("", language, _FAILED[tool]) if tool in _FAILED else error


def unknown_place(arguments: dict[str, Any], language: Locale) -> str:
    """That a place's time is not known. No guess is offered: what sounds alike is seldom what was meant."""
    place = str(arguments.get("timezone", ""))[:80]
    return in_language(
        "",
        language,
        (
            f"No sé qué hora es en «{place}»: no conozco ese lugar. Dime una ciudad grande o una zona "
            "horaria como Europe/Madrid.",
            f"I do not know what time it is in “{place}”: I do not know that place. Name a big city or a "
            "time zone such as Europe/London.",
        ),
    )
