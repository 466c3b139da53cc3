"""Says in words what has become of tool calls. Every figure in a sentence comes from the tool's result."""

import json
from collections.abc import Callable, Sequence
from typing import Any, cast

from app.errors import Locale
from app.llm.demo import memory
from app.llm.demo.conversation import Outcome
from app.llm.demo.recall import tell_found
from app.llm.demo.retelling import failure, in_language, time_sentence, unknown_place, weather_words

MAX_SHOWN_CHARS = 1_200
"""Of a result that has no sentence of its own."""

_MAX_LISTED = 12

_WHAT: dict[str, tuple[str, str]] = {
    "calculate": ("el cálculo", "the calculation"),
    "get_current_time": ("la hora", "the time"),
    "text_analysis": ("el análisis del texto", "the text analysis"),
    "get_weather_info": ("el tiempo", "the weather"),
    "make_http_request": ("la petición", "the request"),
    "get_public_ip": ("la IP pública", "the public IP"),
    "placeholder_api_call": ("la llamada de prueba", "the test call"),
    "remember": ("lo que recuerdo de ti", "what I remember of you"),
    "search_talk": ("la búsqueda en la conversación", "the search of our talk"),
}
_ABOUT: dict[str, str] = {
    "calculate": "expression",
    "get_current_time": "timezone",
    "get_weather_info": "location",
    "make_http_request": "url",
}
"""The argument that says which of several calls is meant."""

_LANGUAGES: dict[str, tuple[str, str]] = {
    "es": ("español", "Spanish"),
    "en": ("inglés", "English"),
    "fr": ("francés", "French"),
    "pt": ("portugués", "Portuguese"),
    "de": ("alemán", "German"),
    "it": ("italiano", "Italian"),
    "unknown": ("desconocido", "unknown"),
}
_SENTIMENTS: dict[str, str] = {
    "positive": "positivo", "negative": "negativo", "neutral": "neutro", "unknown": "desconocido",
}  # fmt: skip


def tell(outcomes: Sequence[Outcome], language: Locale, *, is_late: bool) -> str:
    """Tells about all of them, a paragraph each.

    Args:
        outcomes: In the order in which they are told.
        language: The language to speak.
        is_late: They come by themselves, some time after they were asked for.
    """
    return "\n".join(_tell_one(outcome, language, is_late=is_late) for outcome in outcomes)


def _tell_one(outcome: Outcome, language: Locale, *, is_late: bool) -> str:
    what = named(outcome, language)
    if outcome.status == "running":
        return _pick(
            language,
            f"Estoy en ello: {what} sigue en marcha; te aviso cuando acabe.",
            f"I'm on it: {what} is still running; I will tell you when it is done.",
        )
    if outcome.status != "done":
        return _ending(outcome, what, language)
    answer = _answer(outcome, language)
    if not is_late:
        return answer
    return _pick(
        language, f"Ya tengo el resultado de {what}. {answer}", f"I have the result of {what} now. {answer}"
    )


def named(outcome: Outcome, language: Locale) -> str:
    """What was called, in human words: «la petición a https://…», “the weather in Lima”."""
    tool = outcome.tool
    if tool not in _WHAT:
        return _pick(language, f"la herramienta {tool}".strip(), f"the tool {tool}".strip())
    words = _pick(language, *_WHAT[tool])
    detail = str(outcome.arguments.get(_ABOUT.get(tool, ""), ""))[:80]
    if not detail:
        return words
    if tool == "get_current_time":
        detail = detail.rpartition("/")[2].replace("_", " ")
    join = {
        "calculate": ("", ""),
        "make_http_request": ("a ", "to "),
    }.get(tool, ("en ", "in "))
    return f"{words} {_pick(language, *join)}{detail}"


def _pick(language: Locale, es: str, en: str) -> str:
    return es if language == "es" else en


def _ending(outcome: Outcome, what: str, language: Locale) -> str:
    if (
        outcome.status == "failed"
        and outcome.tool == "get_current_time"
        and outcome.arguments.get("timezone")
    ):
        return unknown_place(outcome.arguments, language)
    started = {
        "failed": ("No he podido con {}", "I could not manage {}"),
        "timed_out": ("Se ha agotado el tiempo de {}", "Time ran out for {}"),
        "cancelled": ("Se ha cancelado {}", "Cancelled: {}"),
        "interrupted": ("Se interrumpió {}", "Interrupted: {}"),
    }[outcome.status]
    sentence = _pick(language, *started).format(what).replace(" de el ", " del ")
    error = failure(outcome.tool, outcome.status, outcome.error, language)
    return f"{sentence}: {error}" if error else f"{sentence}."


def _answer(outcome: Outcome, language: Locale) -> str:
    value = outcome.value
    phrase = _PHRASES.get(outcome.tool)
    if phrase and isinstance(value, dict):
        sentence = phrase(cast(dict[str, Any], value), outcome.arguments, language)
        if sentence:
            return sentence
    if outcome.tool == "calculate" and isinstance(value, (int, float, str)):
        return _result_sentence(str(outcome.arguments.get("expression", "")), value, language)
    if outcome.tool == "get_public_ip" and isinstance(value, str):
        return _public_ip({"ip": value}, {}, language)
    shown = plainly(cast(object, value), language)
    what = named(outcome, language)
    lines = "\n" if "\n" in shown else " "
    return (
        _pick(language, f"Resultado de {what}:", f"Result of {what}:").replace(" de el ", " del ")
        + lines
        + shown
    )


def plainly(value: object, language: Locale) -> str:
    """Any JSON value for reading: an object as a list of its members."""
    if isinstance(value, dict):
        members = list(cast(dict[str, object], value).items())
        lines = [f"- {key}: {_inline(each, language)}" for key, each in members[:_MAX_LISTED]]
        return _cut("\n".join([*lines, *(["…"] if len(members) > _MAX_LISTED else [])])) or _nothing(language)
    return _cut(_inline(value, language)) or _nothing(language)


def _nothing(language: Locale) -> str:
    return _pick(language, "(vacío)", "(empty)")


def _inline(value: object, language: Locale) -> str:
    if value is None or isinstance(value, bool):
        words = {None: ("nada", "nothing"), True: ("sí", "yes"), False: ("no", "no")}
        return _pick(language, *words[value])
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS].rstrip() + "…"


def _calculated(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    result = next((value[key] for key in ("result", "value", "answer") if key in value), None)
    expression = str(value.get("expression") or arguments.get("expression", ""))
    return "" if result is None else _result_sentence(expression, result, language)


def _result_sentence(expression: str, result: object, language: Locale) -> str:
    shown = str(result)
    if expression and len(expression) <= 200:
        return f"{expression.strip()} = {shown}"
    return _pick(language, f"El resultado es {shown}.", f"The result is {shown}.")


def _current_time(value: dict[str, Any], _: dict[str, Any], language: Locale) -> str:
    return time_sentence(value, language) or str(value.get("sentence") or "")


def _weather(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    if "temperature_c" not in value:
        return ""
    place = value.get("location") or arguments.get("location", "")
    sky = weather_words(value.get("description"), language)
    parts = [*([sky] if sky else []), f"{value['temperature_c']} °C"]
    details: tuple[tuple[str, str, str], ...] = (
        ("feels_like_c", "sensación de {} °C", "feels like {} °C"),
        ("humidity_percent", "humedad del {} %", "humidity {} %"),
        ("wind_kmh", "viento de {} km/h", "wind {} km/h"),
        ("precipitation_mm", "precipitación de {} mm", "precipitation {} mm"),
    )
    parts += [
        _pick(language, es, en).format(value[key]) for key, es, en in details if value.get(key) is not None
    ]
    notice = ""
    if value.get("simulated"):
        own = ("Son datos simulados.", "These data are simulated.")
        notice = in_language(value.get("notice"), language, own)
    start = _pick(language, f"En {place}: ", f"In {place}: ")
    return start + ", ".join(parts) + "." + (f" ({notice.rstrip('.')}.)" if notice else "")


def _public_ip(value: dict[str, Any], _: dict[str, Any], language: Locale) -> str:
    address = value.get("ip")
    if not address:
        return ""
    return _pick(
        language,
        f"La IP pública de este servidor es {address}.",
        f"This server's public IP address is {address}.",
    )


def _waited(value: dict[str, Any], _: dict[str, Any], language: Locale) -> str:
    seconds = value.get("waited_s")
    if seconds is None:
        return ""
    own = ("Era solo una prueba: no se ha llamado a ninguna API.", "It was only a test: no API was called.")
    notice = in_language(value.get("notice"), language, own)
    return _pick(
        language,
        f"La llamada de prueba ha terminado en {seconds} s. {notice}",
        f"The test call finished in {seconds} s. {notice}",
    )


def _fetched(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    status = value.get("status", value.get("status_code"))
    if status is None:
        return ""
    url = value.get("url") or arguments.get("url", "")
    head = _pick(language, f"{url} responde con el estado {status}.", f"{url} answers with status {status}.")
    body = value.get("json", value.get("body"))
    if body not in (None, ""):
        text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)
        head += "\n" + _cut(text)
    note = ""
    if value.get("note"):
        own = ("El contenido no se ha podido leer entero.", "The content could not be read completely.")
        note = in_language(value["note"], language, own)
    elif value.get("truncated"):
        note = _pick(language, "El contenido está recortado.", "The content was cut.")
    return f"{head}\n({note})" if note else head


def _analysed(value: dict[str, Any], _: dict[str, Any], language: Locale) -> str:
    counts: tuple[tuple[str, str, str], ...] = (
        ("words", "palabras: {}", "words: {}"),
        ("characters", "caracteres: {}", "characters: {}"),
        ("sentences", "frases: {}", "sentences: {}"),
        ("paragraphs", "párrafos: {}", "paragraphs: {}"),
    )
    lines = [
        _pick(language, es, en).format(value[key])
        for key, es, en in counts
        if isinstance(value.get(key), int)
    ]
    if not lines:
        return ""
    lines += _judged(value, language)
    return _pick(language, "El análisis del texto: ", "The analysis of the text: ") + "; ".join(lines) + "."


def _judged(value: dict[str, Any], language: Locale) -> list[str]:
    """Language, sentiment, reading time and frequent words, as far as the result has them."""
    lines: list[str] = []
    code = _label(value.get("language"), "code")
    if code:
        lines.append(
            _pick(language, "idioma: ", "language: ") + _pick(language, *_LANGUAGES.get(code, (code, code)))
        )
    sentiment = _label(value.get("sentiment"), "label")
    if sentiment:
        lines.append(
            _pick(
                language, f"sentimiento: {_SENTIMENTS.get(sentiment, sentiment)}", f"sentiment: {sentiment}"
            )
        )
    seconds = value.get("reading_time_s", value.get("reading_time_seconds"))
    if seconds is not None:
        lines.append(_pick(language, f"tiempo de lectura: {seconds} s", f"reading time: {seconds} s"))
    frequent = value.get("frequent_words")
    if isinstance(frequent, list) and frequent:
        words = [_label(each, "word") for each in cast(list[object], frequent)[:5]]
        lines.append(
            _pick(language, "más frecuentes: ", "most frequent: ") + ", ".join(word for word in words if word)
        )
    return lines


def _label(value: object, key: str) -> str:
    """A text that stands alone, under `key` of an object, or first in a pair."""
    if isinstance(value, dict):
        return str(cast(dict[str, object], value).get(key) or "")
    if isinstance(value, list) and value:
        return str(cast(list[object], value)[0])
    return value if isinstance(value, str) else ""


_PHRASES: dict[str, Callable[[dict[str, Any], dict[str, Any], Locale], str]] = {
    "calculate": _calculated,
    "get_current_time": _current_time,
    "get_weather_info": _weather,
    "get_public_ip": _public_ip,
    "placeholder_api_call": _waited,
    "make_http_request": _fetched,
    "text_analysis": _analysed,
    memory.TOOL: memory.kept,
    "search_talk": tell_found,
}
