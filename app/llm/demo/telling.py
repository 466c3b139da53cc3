"""Says in words what has become of tool calls, by templates. Every figure comes from the tool's result.

A tool's ready-made sentences are in its session's language. Who writes in the other one is answered from the
result's fields, or with a sentence of the demo's own: no answer mixes the two.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, cast

from app.errors import Locale
from app.llm.demo.conversation import Outcome
from app.llm.demo.language import in_language, language_of, pick, sentence, table

MAX_SHOWN_CHARS = 1_200
"""Of a result that has no sentence of its own."""

_MAX_LISTED = 12
_MAX_DETAIL_CHARS = 80
_BARE_RESULTS = {"calculate": "result", "get_public_ip": "ip"}
"""What a result is called that is no object."""

_LABELLED = ("language", "sentiment", "frequent_words")
_MOMENT = re.compile(r"(\d{4}-\d\d-\d\d)T(\d\d:\d\d)\S*")


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
    if outcome.status == "done":
        head = _contracted("late", language, what) if is_late else ""
        return head + (_by_template(outcome, language) or _plainly(outcome, language))
    if outcome.status == "running":
        return sentence("running", language, what)
    own = table("why").get(outcome.tool, [outcome.error] * 2) if outcome.status == "failed" else ["", ""]
    error = outcome.error and in_language(
        outcome.error, language, pick(own, language).format_map(_Gaps(outcome.arguments))
    )
    return f"{_contracted(outcome.status, language, what)}{': ' if error else '.'}{error}"


def named(outcome: Outcome, language: Locale) -> str:
    """Return what was called, in human words: «la petición a https://…», “the weather in Lima”."""
    if outcome.tool not in table("what"):
        return f"{pick(table('what')['other'], language)} {outcome.tool}".strip()
    argument, *join = table("about").get(outcome.tool, ["", "", ""])
    detail = str(outcome.arguments.get(argument, ""))[:_MAX_DETAIL_CHARS]
    return pick(table("what")[outcome.tool], language) + (pick(join, language) + detail if detail else "")


def _contracted(name: str, language: Locale, what: str) -> str:
    return sentence(name, language, what).replace(" de el ", " del ")


def _by_template(outcome: Outcome, language: Locale) -> str:
    """Return the sentence that a tool's result has; empty where the result has another form."""
    told = table("told").get(outcome.tool)
    value: object = outcome.value
    bare = {_BARE_RESULTS.get(outcome.tool, ""): value}
    result = cast(dict[str, Any], value) if isinstance(value, dict) else bare
    if not told or all(result.get(name) is None for name in told["needs"].split()):
        return ""
    if "says" in told and language_of(says := str(result.get(told["says"]) or "")) == language:
        return says
    members = _Gaps(outcome.arguments | result)
    begins = told["nothing"] if "nothing" in told and not result[told["needs"]] else told["begins"]
    said = [(pick(pair, language), _member(name, members, language)) for name, *pair in told.get("parts", [])]
    listed = told.get("separator", "").join(template.format(member) for template, member in said if member)
    text = pick(begins, language).format_map(members) + listed + told.get("ends", "")
    if note := result.get("note") or result.get("notice"):
        own = pick(told["instead"], language).format_map(members)
        text += told["aside"].format(in_language(note, language, own).rstrip("."))
    return text


class _Gaps(dict[str, Any]):
    """Members of a result; nothing stands for those that are missing."""

    def __missing__(self, _: str) -> str:
        return ""


def _member(name: str, members: dict[str, Any], language: Locale) -> str:
    """Return a member of a result in words; one with `!` before its name is told where it is false."""
    if name[0] == "!":
        return name * (members[name[1:]] is False)
    if name == "remembered" and members["name"]:
        return ""  # «Encantado, Ana» has said it.
    return _in_words(name, members[name], language)


def _in_words(name: str, value: object, language: Locale) -> str:
    """Return a value in words: its label, the first few of a list, a text in the user's language."""
    if isinstance(value, list):
        listed = (_in_words(name, each, language) for each in cast(list[object], value)[:_MAX_LISTED])
        return ("" if name == "found" else ", ").join(filter(None, listed))
    if isinstance(value, dict):
        members = _Gaps(cast(dict[str, Any], value))
        if name == "found":
            who, when = (
                _in_words("who", members["who"], language),
                _MOMENT.sub(r"\1 \2", str(members["when"] or "")),
            )
            return sentence("found_line", language, when, who, members["text"]).replace("-  ", "- ")
        label = next((members[key] for key in ("code", "label", "word") if members[key]), "")
        return _in_words(name, label, language) if name in _LABELLED else _cut(_inline(members))
    if value is None or value is False:
        return ""
    for *others, es, en in table("values").get(name, []):
        if str(value).lower() in (*others, es.lower(), en.lower()):
            return es if language == "es" else en
    # What the sky is like is left out where it is only known in the other language.
    return _cut(str(value)) if name != "description" else in_language(value, language, "")


def _plainly(outcome: Outcome, language: Locale) -> str:
    """Any JSON value for reading: an object as a list of its members."""
    value: object = outcome.value
    shown = _inline(value)
    if isinstance(value, dict):
        members = list(cast(dict[str, object], value).items())
        lines = [f"- {name}: {_inline(each)}" for name, each in members[:_MAX_LISTED]]
        shown = "\n".join(lines + ["…"] * (len(members) > _MAX_LISTED))
    shown = _cut(shown) or sentence("empty", language)
    what = named(outcome, language)
    return _contracted("result_of", language, what) + ("\n" if "\n" in shown else " ") + shown


def _inline(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _cut(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_CHARS else text[:MAX_SHOWN_CHARS].rstrip() + "…"
