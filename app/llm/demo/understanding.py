"""Which tools a user's text asks for, with their arguments.

A text is parted behind “and”, a comma or the end of a sentence, where its parts are nearer to examples than
the whole. A text that asks for nothing by itself may go on from what was asked before.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, NamedTuple

from app.llm.demo.extractors import EXTRACTORS, PLACE_ARGUMENT, Intent, at_places
from app.llm.demo.matching import Match, examples, read
from app.llm.demo.named_tools import named_tool
from app.llm.demo.slots import Sentence
from app.llm.demo.sums import continuation
from app.llm.demo.words import words

_MAX_CLAUSES = 6
_FEW_WORDS = 9
_NO_ANSWERS = ("refusal", "thanks", "bye", "greeting", "fine", "help", "who", "status", "how_are_you")


class Interpretation(NamedTuple):
    """What a text says.

    Attributes:
        intents: What it asks of tools, in its order.
        topic: Which kind of small talk it is nearest to, where it asks for nothing; may be empty.
    """

    intents: list[Intent]
    topic: str = ""


class _Part(NamedTuple):
    piece: Sentence
    match: Match


def understand(
    text: str, tools: Mapping[str, Mapping[str, Any]], earlier: Intent | None = None
) -> Interpretation:
    """Return what a user's text asks for.

    Args:
        text: As the user wrote it.
        tools: The callable tools' parameter schemas by name; those of others are asked for too, so that the
            answer can say that they are not there.
        earlier: What a text such as «¿y en Londres?» goes on from: the last call or one that lacks something.
    """
    named = named_tool(text, tools)
    if named and (named.arguments or named.tool not in EXTRACTORS):
        return Interpretation([named])
    sentence = read(text)
    if earlier and (carried := _carried(sentence, earlier.tool, earlier.arguments)):
        return Interpretation(carried)
    parts = _parts(sentence)
    intents: list[Intent] = []
    for piece, match in parts:
        if match.intent in EXTRACTORS:
            _add(intents, EXTRACTORS[match.intent](piece, match))
        elif intents:
            tool, arguments = intents[-1].tool, intents[-1].arguments
            _add(intents, _carried(piece, tool, arguments) or at_places(piece, tool))
    topic = next((each.match.intent for each in parts if each.match.intent not in {"", *EXTRACTORS}), "")
    if not intents and earlier:
        intents = _go_on(sentence, topic, earlier)
    if not intents and named:
        intents = [named]
    return Interpretation(_with_places(intents, parts), topic)


def _with_places(intents: list[Intent], parts: list[_Part]) -> list[Intent]:
    """Give «en Lima, ¿qué hora es?» and «la hora y el tiempo en Lima» the place, which another part names."""
    pieces = [piece for piece, match in parts if match.intent in ("", *PLACE_ARGUMENT)]
    found: list[Intent] = []
    for intent in intents:
        lacks_place = intent.tool in PLACE_ARGUMENT and not intent.arguments
        found += [call for piece in pieces if lacks_place for call in at_places(piece, intent.tool)] or [
            intent
        ]
    return found


def _add(intents: list[Intent], found: list[Intent]) -> None:
    """Add what was not asked before; what only says more of the last request replaces it."""
    last = intents[-1] if intents else None
    if last and found and last.tool == found[0].tool and not last.arguments:
        intents.pop()
    before = list(intents)  # «tres llamadas lentas» are three, in one request.
    intents += [intent for intent in found if intent not in before]


def _parts(sentence: Sentence) -> list[_Part]:
    """Return the parts of a text that each ask for something, or for nothing.

    A text is one part where that is as near to an example as any clause of it.
    """
    parts: list[_Part] = []
    end = 0
    for i, j in pairwise([*_edges(sentence), len(sentence.tokens)]):
        onwards = _without_joint(sentence.cut(i))
        if sentence.tokens[i].start >= end:
            piece = _without_joint(sentence.cut(i, j))
            match = examples().nearest(piece, onwards)
            end = max(match.rest.tokens[-1].end if match.rest else 0, sentence.tokens[j - 1].end)
            parts.append(_Part(Sentence(sentence.text, [t for t in onwards.tokens if t.start < end]), match))
    whole = examples().nearest(sentence, sentence)
    is_one = not whole.rest and whole.intent and all(whole.score >= part.match.score for part in parts)
    return [_Part(sentence, whole)] if is_one else parts


def _edges(sentence: Sentence) -> list[int]:
    """Return where the text may be parted: the first token of each clause."""
    tokens, edges = sentence.tokens, [0]
    for i in range(1, len(tokens)):
        gap = sentence.text[tokens[i - 1].end : tokens[i].start]
        ends = tokens[i - 1].key in (".", "?", "!", ";") or (tokens[i - 1].key == "," and gap)
        beside = {tokens[max(i - 1 - bool(ends), 0)].key, tokens[min(i + (not ends), len(tokens) - 1)].key}
        is_list = beside in ({"{place}"}, {"{duration}"})  # «en Lima, Quito y La Paz»
        if (ends or "\n" in gap or tokens[i].key in words("between")) and not is_list:
            edges.append(i)
    return edges[:_MAX_CLAUSES] if tokens else []


def _without_joint(piece: Sentence) -> Sentence:
    tokens = piece.tokens
    while tokens and (tokens[0].key in words("between") or tokens[0].key in ("¿", "¡", ",")):
        tokens = tokens[1:]
    return Sentence(piece.text, tokens)


def _go_on(sentence: Sentence, topic: str, earlier: Intent) -> list[Intent]:
    """Return what a text asks for that only makes sense after what was asked before."""
    if earlier.missing:
        return [] if topic in _NO_ANSWERS else _answered(sentence, earlier.tool)
    if topic == "again":
        return [Intent(earlier.tool, earlier.arguments)]
    keys = [token.key for token in sentence.tokens if token.kind != "sign"]
    if len(keys) > _FEW_WORDS or not words("elliptic") & {*keys[:1], "_".join(keys[:2])}:
        return []
    return at_places(sentence, earlier.tool)


def _carried(sentence: Sentence, tool: str, arguments: Mapping[str, Any]) -> list[Intent]:
    """Return the sum before with an operation on it: «y por 3»."""
    before = str(arguments.get("expression", "")) if tool == "calculate" else ""
    if not before:
        return []
    expression = continuation(sentence.written, before)
    return [Intent("calculate", {"expression": expression})] if expression else []


def _answered(sentence: Sentence, tool: str) -> list[Intent]:
    """Return the missing argument, given after it was asked for."""
    answer = Match(tool, 1.0, "{note}" if tool == "remember" else "{text}", sentence)
    found = EXTRACTORS[tool](sentence, answer) if tool in EXTRACTORS else []
    return [intent for intent in found if not intent.missing]
