"""Requests for `get_current_time` and `get_weather_info`: what is asked, and where."""

import re

from app.llm.demo.asks import Ask
from app.llm.demo.places import Place, places_in, without_names
from app.llm.demo.text import Utterance

_NOT_TIME = re.compile(
    r"\b(?:media|una|cada|por|otra|ultima|primera|ni|buena|mala|tu) horas?\b(?! (?:es|son"
    r"|tienen|tienes|sera|en|de)\b)"
    r"|\ba la hora de(?! [a-z]+\s*\??$)\b|\ba que hora (?!estamos|son|es\b(?! (?:la|el)))\w+"
    r"|\bdentro de (?:una|un|\d+) \w+"
    r"|\bwhat time (?:do|does|did|should|shall|can|could|will|would|are|were"
    r"|was)\b(?! (?:(?:they|you|we|people) (?:have|make)|it be))|\bwhat (?:day|date) (?:was"
    r"|did|were)\b"
    r"|\b(?:every|this|last|next|first|second|long|some|any|all the|same|by the|on|free"
    r"|reading|no|more|much|have|had|spend"
    r"|good|great|hard|whole|waste of|enough|response|lead|full|part|real|one|each|save"
    r"|most of the|your|my|a) time\b"
    r"|\btime (?:flies|to|complexity|limit|travel|machine|series|i|we|you|he|she|they|out"
    r"|management|consuming|off)\b"
    r"|\btime(?:line|out|table|stamp)"
)
_TIME = re.compile(
    r"\b(?:(?:que|la|cual|cuales|las|su|hay de) h?oras?|horas? (?:es|son|tienen|tienes|teneis"
    r"|sera|actual(?:es)?|local(?:es)?|oficial"
    r"|exacta|legal|utc|gmt|en|de|del|mundial|por|ahora|marca|hay|llevan)|que dia (?:es"
    r"|estamos|tenemos|de la|del|cae)|que fecha"
    r"|fecha (?:de hoy|actual|y|en|del|local|completa|es|tenemos)|la fecha|a que (?:dia|fecha"
    r"|hora)|en que (?:dia|fecha|mes|ano)"
    r"|dia (?:es hoy|de la semana|de hoy)|zona horaria|huso horario|(?:que|el|un|tu|mi) reloj"
    r"|what(?:'?s| is)? (?:the )?(?:\w+ )?(?:time|date|clock)|time (?:is|in|at|now|right|zone"
    r"|there|please|for|of day|over|here|utc|gmt|currently|it)"
    r"|(?:the|current|local|exact|present|official) (?:time|date|hour)|today'?s date"
    r"|date (?:is|today|and|in|now|for)|what (?:day|date|hour|year|month)"
    r"|which day|day (?:is it|is today|of the week)|(?:the|world|your|a) clocks?|(?:got"
    r"|have) the time|how late is it|timezone"
    r"|(?:en|in|utc|gmt)\s+timezone|o'?clock"
    r"|(?:es|sea|sera) (?:ya |aun |todavia )?de (?:noche|dia|madrugada|tarde)"
    r"|(?:es|sera) (?:ya |muy )*(?:tarde|temprano|pronto) (?:en|por)"
    r"|is it (?:\w+ )?(?:late|early|night|night ?time|day ?time|dark|morning|evening|afternoon"
    r"|midnight|noon|bedtime)(?! (?:to|for))"
    r"|diferencia (?:horaria|de horas?)|(?:time|hour) difference)\b"
    r"|^\W*(?:hora|horas|fecha|time|date|timezone)\b|\b(?:hora|fecha)\W*$|\b(?:time"
    r"|date)(?: now| please| right now| today| currently)?\W*$"
    r"|\b(?:hora|time) [a-z]+/[a-z]"
)
_NOT_WEATHER = re.compile(
    r"\b(?:mucho|todo el|al mismo|poco|hace|a|perder el|pierdo el|tanto|primer|medio|cuanto"
    r"|un|bastante|algun) tiempo\b"
    r"|\btiempo (?:libre|de lectura|real|pasa|vuela|completo|parcial|de respuesta|de espera"
    r"|que (?:tarda|lleva))\b"
    r"|\bunder the weather\b|\btemperature (?:of|de) (?:the )?(?:llm|model|modelo)\b"
    r"|\bclima (?:laboral|politico|social)\b"
)
_SKY = (
    "clima|climatolog\\w+|meteorolog\\w+|pronosticos?|temperaturas?|temperatures?|llov\\w+|lluev\\w+|lluvi\\w+|niev[ae]\\w*|nevar\\w*|nevando"
    "|paraguas|humedad|nublad[oa]|nubes|nuboso|solead[oa]|tormentas?|chubascos?|granizo|weather|climate|forecasts?|rain\\w*|snow\\w*"
    "|sunny|sun|cloudy|windy|storms|despejad[oa]|skies|clear "
    "sky|clouds?|fog|niebla|helada|frost|uv|thunder\\w*|hail\\w*|weather-?wise|temp|humid|humidity|umbrella|stormy?|drizzl\\w+|foggy|overcast|sunshine|temps|previsiones|prevision"
)
_WEATHER = re.compile(
    rf"\b(?:{_SKY})\b"
    r"|\b(?:que|el|buen|mal|del|dame|cual|dime|como) (?:tal )?(?:es |esta |estara |va |anda "
    r"|sera |hay de |ves )?(?:el |de |del )?tiempo\b(?! (?:tarda|lleva|queda|falta|llevas"
    r"|tardas|tardara))"
    r"|\btiempo (?:hace|hara|hay|habra|en|de|para|por|tenemos|va a|esta|estara|hoy|manana"
    r"|tendremos|tienen|meteorologico|atmosferico|ahora)\b"
    r"|^\W*tiempo\b|\b(?:hace|hara|haciendo|hacer|tienen|hay|pasar|paso"
    r"|pasare) (?:\w+ )?(?:frio|calor|sol|viento|bueno|malo|fresco|fresquito|buen dia|nubes"
    r"|niebla)\b"
    r"|\bcuant[oa]s grados\b|\bgrados (?:hay|hace|hacen|marca|tienen|estan)\b|\ba cuant[oa]s grados\b"
    r"|\bhow many degrees (?:is|are|in|does)\b|\bdegrees (?:is it|outside|in)\b"
    r"|\b(?:is|how|it|be|feel|so|too|very|really|that|it's|its) (?:it )?(?:\w+ )?(?:hot|cold"
    r"|warm|chilly|freezing|cool)\b(?! (?:take|case|is your|dog|water))"
    r"|\b(?:coat|jacket|abrigo|chaqueta|sunscreen|crema solar|gafas de sol|sunglasses|chubasquero|raincoat)\b"
    r"|\b(?:outside|out|afuera|fuera) (?:in|en)\b|\blike (?:outside|out)\b"
    r"|\bsensacion termica\b|\bfeels? like\b|\bwind (?:speed"
    r"|in)\b|\bviento\b|\b(?:el|del|estado del) cielo\b|\bsky\b"
)


def read_time(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """What a piece of text wants to know about the time; empty if nothing."""
    plain = without_names(said)
    asked = _TIME.search(plain)
    if not forced and (_NOT_TIME.search(plain) or not asked):
        return []
    after = asked.end() if asked else 0
    return times_at(places_in(said, after=after, only_known_leftovers=True)) or [Ask("get_current_time")]


def times_at(places: list[Place]) -> list[Ask]:
    """One question for the time in each place."""
    return [Ask("get_current_time", {"timezone": place.zone or place.name}) for place in places]


def read_weather(said: Utterance, *, forced: bool = False) -> list[Ask]:
    """What a piece of text wants to know about the weather; empty if nothing."""
    plain = without_names(said)
    asked = _WEATHER.search(plain)
    if not forced and (_NOT_WEATHER.search(plain) or not asked):
        return []
    return weather_at(places_in(said, after=asked.end() if asked else 0)) or [
        Ask("get_weather_info", missing="location")
    ]


def weather_at(places: list[Place]) -> list[Ask]:
    """One question for the weather in each place."""
    return [Ask("get_weather_info", {"location": place.name}) for place in places]
