"""Says in words what has become of tool calls. Every figure in a sentence comes from the tool's result.

A tool's ready-made sentences are in its session's language. Who writes in the other one is answered from the
result's fields, or with a sentence of the demo's own: no answer mixes the two.
"""

import json
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, cast

from app.errors import Locale
from app.letters import bare
from app.llm.demo.conversation import Outcome
from app.llm.demo.language import in_language, language_of, pick, sentence, table
from app.llm.demo.words import data

MAX_SHOWN_CHARS = 1_200
"""Of a result that has no sentence of its own."""

_MAX_LISTED = 12
_MAX_DETAIL_CHARS = 80
_MAX_EXPRESSION_CHARS = 200
_OWN_NOTICES = {"get_weather_info": "simulated", "placeholder_api_call": "only_a_test"}


def tell(outcomes: Sequence[Outcome], language: Locale, *, is_late: bool) -> str:
    """Tell about all of them, a paragraph each.

    Args:
        outcomes: In the order in which they are told.
        language: The language to speak.
        is_late: They come by themselves, some time after they were asked for.
    """
    return "\n".join(_tell_one(outcome, language, is_late=is_late) for outcome in outcomes)


def _tell_one(outcome: Outcome, language: Locale, *, is_late: bool) -> str:
    what = named(outcome, language)
    if outcome.status == "running":
        return sentence("running", language, what)
    if outcome.status != "done":
        return _ending(outcome, what, language)
    answer = _answer(outcome, language)
    return _contracted(sentence("late", language, what)) + answer if is_late else answer


def named(outcome: Outcome, language: Locale) -> str:
    """Return what was called, in human words: «la petición a https://…», “the weather in Lima”."""
    if outcome.tool not in table("what"):
        return f"{pick(table('what')['other'], language)} {outcome.tool}".strip()
    words = pick(table("what")[outcome.tool], language)
    argument, *join = table("about").get(outcome.tool, ["", "", ""])
    detail = str(outcome.arguments.get(argument, ""))[:_MAX_DETAIL_CHARS]
    if outcome.tool == "get_current_time":
        detail = detail.rpartition("/")[2].replace("_", " ")
    return words + pick(join, language) + detail if detail else words


def _contracted(text: str) -> str:
    return text.replace(" de el ", " del ")


def _ending(outcome: Outcome, what: str, language: Locale) -> str:
    place = str(outcome.arguments.get("timezone") or "")[:_MAX_DETAIL_CHARS]
    if outcome.status == "failed" and outcome.tool == "get_current_time" and place:
        # No guess is offered: what sounds alike is seldom what was meant.
        return sentence("unknown_place", language, place)
    said = _contracted(sentence(outcome.status, language, what))
    error = _why(outcome, language)
    return f"{said}: {error}" if error else f"{said}."


def _why(outcome: Outcome, language: Locale) -> str:
    """Return why a call did not come to its end; a tool that the demo does not know keeps its words."""
    if not outcome.error or language_of(outcome.error) in (language, None):
        return outcome.error
    if outcome.status != "failed":
        return ""
    own = table("why").get(outcome.tool)
    return pick(own, language) if own else outcome.error


def _answer(outcome: Outcome, language: Locale) -> str:
    value = outcome.value
    if outcome.tool == "calculate" and isinstance(value, int | float | str):
        value = {"result": value}
    elif outcome.tool == "get_public_ip" and isinstance(value, str):
        value = {"ip": value}
    if isinstance(value, dict) and (said := _of_its_own(outcome, cast(dict[str, Any], value), language)):
        return said
    shown = plainly(cast(object, value), language)
    head = _contracted(sentence("result_of", language, named(outcome, language)))
    return head + ("\n" if "\n" in shown else " ") + shown


def plainly(value: object, language: Locale) -> str:
    """Any JSON value for reading: an object as a list of its members."""
    if isinstance(value, dict):
        members = list(cast(dict[str, object], value).items())
        lines = [f"- {key}: {_inline(each, language)}" for key, each in members[:_MAX_LISTED]]
        return _cut("\n".join([*lines, *(["…"] if len(members) > _MAX_LISTED else [])])) or sentence(
            "empty", language
        )
    return _cut(_inline(value, language)) or sentence("empty", language)


def _inline(value: object, language: Locale) -> str:
    if value is None or isinstance(value, bool):
        return sentence({None: "none", True: "yes", False: "no"}[value], language)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS].rstrip() + "…"


def _of_its_own(outcome: Outcome, value: dict[str, Any], language: Locale) -> str:
    """Return the sentence that a tool's result has; empty where the result has another form."""
    if phrase := _PHRASES.get(outcome.tool):
        return phrase(value, outcome.arguments, language)
    told = table("told").get(outcome.tool)
    if not told or not any(value.get(name) not in (None, "") for name in told["needs"].split()):
        return ""
    notice = in_language(value.get("notice"), language, _OWN_NOTICES.get(outcome.tool, "simulated"))
    gaps = {"location": "", **outcome.arguments, **value, "notice": notice}
    begins = pick(told["begins"], language).format(**gaps)
    if "parts" not in told:
        return begins
    said = [(pick(pair, language), _member(value.get(name), language)) for name, *pair in told["parts"]]
    listed = told["separator"].join(text.format(member) for text, member in said if member)
    return begins + listed + "." + (f" ({notice.rstrip('.')}.)" if value.get("simulated") else "")


def _member(value: object, language: Locale) -> str:
    """Return a member of a result in words: a label, the first words of a list, a figure."""
    if isinstance(value, dict):
        members = cast(dict[str, object], value)
        return _member(
            next((members[key] for key in ("code", "label", "word") if members.get(key)), None), language
        )
    if isinstance(value, list):
        listed = [_label(each) for each in cast(list[object], value)[:5]]
        return ", ".join(each for each in listed if each)
    if isinstance(value, str):
        both = _weather_words().get(bare(value)) or table("values").get(value)
        # What the sky is like is left out where it is only known in the other language.
        return pick(both, language) if both else value if language_of(value) in (language, None) else ""
    return "" if value is None else str(value)


def _label(value: object) -> str:
    if isinstance(value, dict):
        return str(cast(dict[str, object], value).get("word") or "")
    pair = cast(list[object], value) if isinstance(value, list) else [value]
    return str(pair[0] or "") if pair else ""


@cache
def _weather_words() -> dict[str, tuple[str, str]]:
    lines = [line.partition(" = ") for line in data("sentences")["weather"]["pairs"].strip().splitlines()]
    return {bare(name): (es, en) for es, _, en in lines for name in (es, en)}


def _calculated(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    result = next((value[key] for key in ("result", "value", "answer") if key in value), None)
    if result is None:
        return ""
    expression = str(value.get("expression") or arguments.get("expression", "")).strip()
    is_short = expression and len(expression) <= _MAX_EXPRESSION_CHARS
    said = f"{expression} = {result}" if is_short else sentence("result_is", language, result)
    note = value.get("note")
    if note and language_of(str(note)) not in (language, None):
        note = sentence("read_as", language, value["read_as"]) if value.get("read_as") else ""
    return f"{said} ({str(note).rstrip('.')})" if note else said


def _current_time(value: dict[str, Any], _: dict[str, Any], language: Locale) -> str:
    """A moment in words, from its `date`, `time` and `timezone`; the tool's own where they are missing."""
    try:
        now = datetime.fromisoformat(f"{value['date']}T{value['time']}")
    except (KeyError, ValueError):
        return str(value.get("sentence") or "")
    place = str(value.get("timezone") or "UTC")
    offset = value.get("utc_offset")
    return pick(data("sentences")["time_is"], language).format(
        place=place + (f" (UTC{offset})" if offset and not place.startswith("UTC+") else ""),
        verb="es la" if now.hour == 1 else "son las",
        time=f"{now:%H:%M}",
        weekday=sentence("weekdays", language).split()[now.weekday()],
        day=now.day,
        month=sentence("months", language).split()[now.month - 1],
        year=now.year,
    )


def _fetched(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    status = value.get("status", value.get("status_code"))
    if status is None:
        return ""
    url = value.get("url") or arguments.get("url", "")
    head = pick(data("sentences")["status_of"], language).format(url=url, status=status)
    body = value.get("json", value.get("body"))
    if body not in (None, ""):
        head += "\n" + _cut(body if isinstance(body, str) else json.dumps(body, ensure_ascii=False))
    note = in_language(value["note"], language, "unread") if value.get("note") else ""
    if not note and value.get("truncated"):
        note = sentence("truncated", language)
    return f"{head}\n({note})" if note else head


def _kept(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    """Return what has been kept and forgotten."""
    remembered, forgotten = (
        [str(each) for each in cast(list[Any], value.get(name) or [])] for name in ("remembered", "forgotten")
    )
    lines = [sentence("forgotten", language, "; ".join(forgotten))] if forgotten else []
    if remembered == [f"name: {arguments.get('name')}"]:
        lines.append(sentence("nice_to_meet", language, arguments["name"]))
    elif remembered:
        lines.append(sentence("remembered", language, "; ".join(remembered)))
    if lines and value.get("is_stored") is False:
        lines.append(sentence("not_stored", language))
    return " ".join(lines)


def _found(value: dict[str, Any], arguments: dict[str, Any], language: Locale) -> str:
    """Return what a search of the talk has found."""
    if not isinstance(value.get("found"), list):
        return ""
    entries = [
        cast(dict[str, Any], each) for each in cast(list[object], value["found"]) if isinstance(each, dict)
    ]
    head = sentence("found" if entries else "not_found", language, arguments.get("query", ""))
    note = in_language(value["note"], language, "searched") if value.get("note") else ""
    lines = [_line(each, language) for each in entries]
    return "\n".join(part for part in (head, *lines, note and f"({note.rstrip('.')}.)") if part)


def _line(found: dict[str, Any], language: Locale) -> str:
    who = sentence("found_user" if found.get("who") == "user" else "found_agent", language)
    try:
        when = sentence(
            "found_when", language, f"{datetime.fromisoformat(str(found.get('when'))):%Y-%m-%d %H:%M} UTC"
        )
    except ValueError:
        when = ""
    return f"- {who}{when}: " + sentence("found_text", language, found.get("text", ""))


_PHRASES: dict[str, Callable[[dict[str, Any], dict[str, Any], Locale], str]] = {
    "calculate": _calculated,
    "get_current_time": _current_time,
    "make_http_request": _fetched,
    "remember": _kept,
    "search_talk": _found,
}
"""Results whose sentences are more than a template."""
