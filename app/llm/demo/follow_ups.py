"""Texts that go on from what was asked before: «¿y en Londres?», “times 3”, the answer to our question."""

import re
from dataclasses import dataclass
from typing import Any

from app.llm.demo import calculation, local, waiting
from app.llm.demo.asks import Ask
from app.llm.demo.places import place_alone
from app.llm.demo.readers import PLACE_TOOLS, READERS, TIME
from app.llm.demo.text import BARE_HOST, URL, Utterance
from app.llm.demo.vocabulary import DAY_WORDS, FILLERS

_OTHER_DAY = re.compile(
    r"\b(?:hoy|manana|tarde|noche|finde|semana|today|tomorrow|tonight|weekend|week|later|luego)\b"
)
_REFUSAL = re.compile(r"^\W*(?:no|nada|nothing|never|nunca|olvidal\w+|dejal\w+|cancel\w*|forget|nevermind)\b")
_AGAIN = re.compile(
    r"^\W*(?:(?:y|and|ok|vale|please|por favor|now|ahora)\W+)*(?:otra vez|de nuevo|repitelo"
    r"|repite(?: eso)?|hazlo (?:otra vez|de nuevo)"
    r"|again|once more|one more time|repeat(?: that| it)?|do (?:it|that) again|una vez mas"
    r"|same again|lo mismo)\W*(?:por favor|please)?\W*$"
)


@dataclass(frozen=True, slots=True)
class Earlier:
    """What was asked before, as far as a short text may go on from it.

    Attributes:
        tool: The tool that was called last, or that is still waiting for an argument.
        arguments: What it was called with; empty where it was not called.
        is_waiting: Whether the user was asked for its missing argument.
    """

    tool: str
    arguments: dict[str, Any]
    is_waiting: bool = False


def go_on(said: Utterance, earlier: Earlier | None) -> list[Ask]:
    """A text that only makes sense after what was asked before."""
    if earlier is None:
        return []
    if earlier.is_waiting:
        return _answered(said, earlier.tool)
    if _AGAIN.search(said.plain):
        return [Ask(earlier.tool, earlier.arguments)]
    if earlier.tool == "calculate":
        carry = calculation.continuation(said)
        expression = str(earlier.arguments.get("expression", ""))
        return (
            [Ask("calculate", {"expression": carry.applied_to(expression)})] if carry and expression else []
        )
    if earlier.tool == "placeholder_api_call" and _is_elliptic(said):
        return [Ask(earlier.tool, {"delay_s": delay_s}) for delay_s in waiting.delays_in(said)]
    if earlier.tool in PLACE_TOOLS and _is_elliptic(said):
        places = place_alone(said)
        if not places and earlier.tool != TIME and _OTHER_DAY.search(said.plain):
            return [Ask(earlier.tool, earlier.arguments)]
        return local.times_at(places) if earlier.tool == TIME else local.weather_at(places)
    return []


def _is_elliptic(said: Utterance) -> bool:
    begins = re.match(
        r"^\W*(?:(?:y|and|ahora|now|pero|but|ok|vale|also|tambien|entonces"
        r"|so)\b\W*)*(?:(?:que tal|what about|how about|que hay de|and|y|en|in|at|for"
        r"|para)\b)|^\W*(?:y|and)\b",
        said.plain,
    )
    return begins is not None and len(said.plain.split()) <= 9


def _answered(said: Utterance, tool: str) -> list[Ask]:
    """The missing argument, given after it was asked for."""
    if _REFUSAL.search(said.plain):
        return []
    words = re.findall(r"\w+", said.plain)
    if (
        all(word in FILLERS | DAY_WORDS for word in words)
        and tool not in ("text_analysis", "calculate")
        and not URL.search(said.raw)
    ):
        return []
    if tool in PLACE_TOOLS:
        places = place_alone(said)
        return local.weather_at(places) if tool == "get_weather_info" else local.times_at(places)
    if tool == "text_analysis":
        return [Ask(tool, {"text": said.raw.strip()})]
    if tool == "make_http_request" and not (URL.search(said.raw) or BARE_HOST.search(said.raw)):
        return []
    return [ask for ask in READERS[tool](said, None, True) if not ask.missing] if tool in READERS else []
