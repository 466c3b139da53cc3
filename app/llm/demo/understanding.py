"""Which tools a user's text asks for, with their arguments.

A text is parted where another request begins; each part goes through the readers in turn, the most particular
first. A text that asks for nothing by itself may go on from what was asked before.
"""

import re
from collections.abc import Mapping
from typing import Any

from app.errors import Locale
from app.llm.demo import calculation, local, memory, waiting, writing
from app.llm.demo.asks import Ask
from app.llm.demo.expression import expressions_in
from app.llm.demo.follow_ups import Earlier, go_on
from app.llm.demo.math_tokens import tokens_of
from app.llm.demo.named_tools import named_tool
from app.llm.demo.places import place_alone
from app.llm.demo.readers import PLACE_TOOLS, TIME, read_piece
from app.llm.demo.text import Utterance, language_of, quotations, utterance

MAX_READ_CHARS = 2_000
"""What is behind this in a longer text is never a request; the text of an analysis is taken whole."""

MAX_PARTS = 24
"""Requests in one text that are told apart."""

_BOUNDARY = re.compile(
    r"\s*[;.?!]+\s+|,\s+|\n+"
    r"|\s+(?=(?:y|e|and|then|luego|despues|ademas|also|tambien|asi como|as well as|pero|but)\s)"
)
_CONNECTIVE = re.compile(
    r"^\W*(?:(?:y|e|and|then|luego|despues|ademas|also|tambien|asi como|as well as|pero|but"
    r"|please|por favor)\b\s*)+,?"
)
_THERE = re.compile(r"\b(?:there|alli|alla|ahi)\b")
_SENTENCE_END = re.compile(r"[;.?!\n]")


def understand(
    text: str,
    tools: Mapping[str, Mapping[str, Any]],
    earlier: Earlier | None = None,
    *,
    language: Locale | None = None,
) -> list[Ask]:
    """What a user's text asks for.

    Args:
        text: As the user wrote it.
        tools: The callable tools' parameter schemas by name; those of others are asked for too, so that the
            answer can say that they are not there.
        earlier: What a text such as «¿y en Londres?» goes on from.
        language: The talk's, for a text that shows none: it decides what `1.500` and `1,500` are.

    Returns:
        The requests in the text's order, without repetitions; empty where it asks for nothing.
    """
    said = utterance(text[:MAX_READ_CHARS])
    named = named_tool(said, tools)
    if named:
        return named
    shown = language_of(text) or language
    kept = memory.claim(said)
    if kept:
        start, end, ask = kept
        return _unique([*_read_all(said.cut(0, start), shown), ask, *_read_all(said.cut(end), shown)])
    claimed = _claim(said, text)
    asks = _read_all(said.cut(0, claimed[0]) if claimed else said, shown)
    if claimed:
        asks.append(claimed[1])
    return _unique(asks or go_on(said, earlier))


def _claim(said: Utterance, text: str) -> tuple[int, Ask] | None:
    claimed = writing.claim(said)
    if claimed and len(text) > MAX_READ_CHARS:
        argument = claimed[1].arguments["text"]
        whole = text[text.find(argument[:200]) :].strip() if argument[:200] in text else argument
        return claimed[0], Ask("text_analysis", {"text": whole})
    return claimed


def _read_all(said: Utterance, language: Locale | None) -> list[Ask]:
    asks: list[Ask] = []
    for piece, is_joined in _pieces(said, language):
        carry = calculation.continuation(piece)
        last = asks[-1] if asks else None
        if carry and last and last.tool == "calculate" and "expression" in last.arguments:
            asks[-1] = Ask("calculate", {"expression": carry.applied_to(last.arguments["expression"])})
            continue
        found = read_piece(piece, language)
        if not found and last:
            found = _more_of(piece, last.tool)
        if last and last.tool == TIME and found == [Ask(TIME)] and _THERE.search(piece.plain):
            continue
        if is_joined and found and last == Ask(found[0].tool) and last != found[0]:
            # «la fecha y la hora en Lima» is one question, «una llamada y que tarde 3 s» one call.
            asks.pop()
        asks += _sharing_place(asks, found, is_joined=is_joined)
    return asks


def _pieces(said: Utterance, language: Locale | None) -> list[tuple[Utterance, bool]]:
    """The parts that each ask for something, and whether an “and” joins each with the one before."""
    tokens = tokens_of(said)
    whole = [(token.start, token.end) for token in tokens if token.kind == "number"]
    whole += [(each.start, each.end) for each in expressions_in(said, tokens)]
    edges = [
        match
        for match in _BOUNDARY.finditer(said.plain)
        if not any(start < match.end() <= end for start, end in whole)
    ][:MAX_PARTS]
    parts: list[tuple[Utterance, bool]] = []
    group_start, joined, asks_already = 0, False, False
    for i, edge in enumerate(edges):
        head = said.cut(group_start, edge.start())
        until = edges[i + 1].start() if i + 1 < len(edges) else len(said.raw)
        asks_already = asks_already or _asks_by_itself(head, language)
        if asks_already and _begins_ask(said, edge.end(), until, language, head):
            parts.append((head, joined))
            group_start = edge.end()
            joined = not _SENTENCE_END.search(edge[0])
    parts.append((said.cut(group_start), joined))
    return [(_without_connective(piece), is_joined) for piece, is_joined in parts]


def _begins_ask(said: Utterance, start: int, until: int, language: Locale | None, head: Utterance) -> bool:
    piece = _without_connective(said.cut(start, until))
    if not re.search(r"\w", piece.plain) and not quotations(piece.raw):
        return False
    if _asks_by_itself(piece, language):
        return True
    if any(ask.tool == "placeholder_api_call" for ask in read_piece(head, language)) and waiting.read_more(
        piece
    ):
        return True
    follows_sum = any(ask.tool == "calculate" for ask in read_piece(head, language))
    return follows_sum and calculation.continuation(piece) is not None


def _asks_by_itself(piece: Utterance, language: Locale | None) -> bool:
    return any(not ask.missing or ask.tool == "get_weather_info" for ask in read_piece(piece, language))


def _without_connective(piece: Utterance) -> Utterance:
    match = _CONNECTIVE.match(piece.plain)
    return piece.cut(match.end()) if match else piece


def _more_of(piece: Utterance, tool: str) -> list[Ask]:
    """What a piece asks for that only names another place or another duration."""
    if tool == "placeholder_api_call":
        return waiting.read_more(piece)
    if tool not in PLACE_TOOLS:
        return []
    places = place_alone(piece)
    if not places or not re.match(
        r"^\W*(?:(?:y|and|also|tambien)\s+)?(?:en|in|at|for|para|de|what about|how about"
        r"|que tal)\b",
        piece.plain,
    ):
        return []
    return local.times_at(places) if tool == "get_current_time" else local.weather_at(places)


def _sharing_place(before: list[Ask], found: list[Ask], *, is_joined: bool) -> list[Ask]:
    """«la hora y el tiempo en Lima»: one place serves both, whichever of the two it stands behind."""
    last = before[-1] if before else None
    if not (last and len(found) >= 1 and {last.tool, found[0].tool} == set(PLACE_TOOLS)):
        return found
    if last.arguments and not found[0].arguments:
        return [_placed(found[0].tool, _place_of(last))]
    if found[0].arguments and not last.arguments and (is_joined or last.missing):
        before[-1] = _placed(last.tool, _place_of(found[0]))
    return found


def _place_of(ask: Ask) -> str:
    return next(iter(ask.arguments.values()))


def _placed(tool: str, place: str) -> Ask:
    if tool == "get_current_time":
        return (
            local.times_at(place_alone(utterance(place)))[0]
            if place_alone(utterance(place))
            else Ask(tool, {"timezone": place})
        )
    return Ask(tool, {"location": place.rpartition("/")[2].replace("_", " ")})


def _unique(asks: list[Ask]) -> list[Ask]:
    found: list[Ask] = []
    for ask in asks:
        if ask not in found or ask.tool == "placeholder_api_call":
            found.append(ask)
    # A question without its argument is dropped if the same tool is asked for properly.
    whole = {ask.tool for ask in found if not ask.missing}
    return [ask for ask in found if not (ask.missing and ask.tool in whole)]
