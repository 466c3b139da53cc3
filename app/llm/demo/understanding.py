"""Which tools a user's text asks for, with their arguments.

A text is parted where another request begins: behind “and”, a comma or the end of a sentence. A text that
asks for nothing by itself may go on from what was asked before.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from app.llm.demo.extractors import EXTRACTORS, delays_in
from app.llm.demo.intents import Earlier, Intent
from app.llm.demo.matching import Match, examples, read
from app.llm.demo.named_tools import named_tool
from app.llm.demo.slots import Sentence, of_kind, places_in
from app.llm.demo.sums import continuation
from app.llm.demo.words import keys_of, tokens_of, words

TIME, WEATHER = "get_current_time", "get_weather_info"
_PLACE_ARGUMENT = {TIME: "timezone", WEATHER: "location"}
_MAX_CLAUSES = 8
_FEW_WORDS = 9
_NO_ANSWERS = ("refusal", "thanks", "bye", "greeting", "fine", "help", "who")
_ELLIPTIC = ("que tal", "what about", "how about")


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
    text: str, tools: Mapping[str, Mapping[str, Any]], earlier: Earlier | None = None
) -> Interpretation:
    """Return what a user's text asks for.

    Args:
        text: As the user wrote it.
        tools: The callable tools' parameter schemas by name; those of others are asked for too, so that the
            answer can say that they are not there.
        earlier: What a text such as «¿y en Londres?» goes on from.
    """
    if named := named_tool(text, tools):
        return Interpretation(named)
    sentence = read(text)
    is_after_sum = earlier is not None and earlier.tool == "calculate" and not earlier.is_waiting
    if earlier and is_after_sum and (carried := _carried(sentence, earlier)):
        return Interpretation(carried)
    parts = _parts(sentence)
    intents: list[Intent] = []
    for part in parts:
        if part.match.intent in EXTRACTORS:
            _add(intents, EXTRACTORS[part.match.intent](part.piece, part.match))
        elif intents:
            _add(intents, _more_of(part.piece, intents[-1]))
    topics = (part.match.intent for part in parts if part.match.intent not in EXTRACTORS)
    topic = next(filter(None, topics), "")
    if not intents and earlier:
        intents = _go_on(sentence, topic, earlier)
    return Interpretation(_with_shared_places(intents), topic)


def _add(intents: list[Intent], found: list[Intent]) -> None:
    """Add what was not asked before; what only says more of the last request replaces it."""
    last = intents[-1] if intents else None
    if last and last.tool == TIME and last.arguments and found == [Intent(TIME)]:
        return  # «¿Ya es de noche en Sídney? ¿Qué hora es allí?»
    if last and found and last.tool == found[0].tool and not last.arguments:
        intents.pop()
    before = list(intents)  # «tres llamadas lentas» are three, in one request.
    intents += [intent for intent in found if intent not in before]


def _clauses(sentence: Sentence) -> list[tuple[int, int]]:
    """Return where the text may be parted: the first token of each clause, and that behind its last."""
    edges = [0]
    for i, token in enumerate(sentence.tokens[1:], 1):
        previous = sentence.tokens[i - 1]
        gap = sentence.text[previous.end : token.start]
        ends = previous.kind == "sign" and (previous.key in ".?!;" or (previous.key == "," and gap))
        behind = token if ends else sentence.tokens[min(i + 1, len(sentence.tokens) - 1)]
        before = sentence.tokens[i - 2 if ends and i > 1 else i - 1]
        is_list = behind.key == before.key and behind.key in ("{place}", "{duration}")
        begins = token.key in words("between") or "\n" in gap or (ends and token.key not in ".?!")
        # «en Lima, Quito y La Paz» is one place of the sentence.
        if begins and not (is_list and previous.key not in ".?!;"):
            edges.append(i)
    edges = edges[:_MAX_CLAUSES]
    return list(zip(edges, [*edges[1:], len(sentence.tokens)], strict=True))


def _parts(sentence: Sentence) -> list[_Part]:
    """Return the parts of a text that each ask for something, or for nothing."""
    parts: list[_Part] = []
    waiting: list[_Part] = []
    until = 0
    for first, last in _clauses(sentence):
        if first < until:
            continue
        part = _read_clause(sentence, first, last)
        if part.match.opening:
            until = max(_end_of(sentence, part), last)
            part = _Part(_without_joint(sentence.cut(first, until)), part.match)
        begins = part.match.intent in EXTRACTORS and any(each.match.intent for each in waiting)
        if part.match.opening or (begins and not _is_one(sentence, [*waiting, part])):
            parts += _together(sentence, waiting)
            waiting = []
        waiting.append(part)
        if part.match.opening:
            parts += waiting
            waiting = []
    return parts + _together(sentence, waiting)


def _is_one(sentence: Sentence, parts: list[_Part]) -> bool:
    """Return whether clauses are nearer to an example together than each of them is."""
    whole = _whole_of(sentence, parts)
    match = _nearest(whole, whole)
    return match.intent in EXTRACTORS and match.score > max(each.match.score for each in parts)


def _whole_of(sentence: Sentence, parts: list[_Part]) -> Sentence:
    tokens = [token for part in parts for token in part.piece.tokens]
    if not tokens:
        return sentence.cut(0, 0)
    start, end = tokens[0].start, tokens[-1].end
    return Sentence(sentence.text, [token for token in sentence.tokens if start <= token.start < end])


def _read_clause(sentence: Sentence, first: int, last: int) -> _Part:
    """Return a clause and its nearest example, whose open slot may take what stands behind the clause."""
    piece = _without_joint(sentence.cut(first, last))
    return _Part(piece, _nearest(piece, _without_joint(sentence.cut(first))))


def _nearest(piece: Sentence, onwards: Sentence) -> Match:
    """The nearest example; a place alone is near to none, for it says nothing of what is asked about it."""
    if all(key == "{place}" or key in words("prepositions") for key in keys_of(piece.tokens)):
        return Match("", 0.0)
    return examples().nearest(piece, onwards)


def _without_joint(piece: Sentence) -> Sentence:
    joints = words("between")
    tokens = piece.tokens
    while tokens and (tokens[0].key in joints or (tokens[0].kind == "sign" and tokens[0].key in "¿¡,")):
        tokens = tokens[1:]
    return Sentence(piece.text, tokens)


def _end_of(sentence: Sentence, part: _Part) -> int:
    """Return the index behind what an open slot has taken."""
    rest = part.match.rest
    end = rest.tokens[-1].end if rest else 0
    return sum(token.start < end for token in sentence.tokens)


def _together(sentence: Sentence, parts: list[_Part]) -> list[_Part]:
    """One request if the clauses are near an example together, else each by itself."""
    if len(parts) < 2:
        return parts
    whole = _whole_of(sentence, parts)
    match = _nearest(whole, whole)
    asking = [part.match for part in parts if part.match.intent in EXTRACTORS]
    best = max((each.score for each in asking), default=0.0)
    if match.intent in EXTRACTORS and (match.score >= best or match.intent == asking[0].intent):
        return [_Part(whole, match)]
    if len(asking) == 1 and asking[0].intent in _PLACE_ARGUMENT:
        # «En Lima, ¿qué hora es?», «la hora en Lima, Quito y La Paz»: the places belong to it.
        return [_Part(whole, asking[0])]
    return parts


def _more_of(piece: Sentence, last: Intent) -> list[Intent]:
    """Further calls of the tool before: «otra de 8 segundos», «y en Quito»."""
    if last.tool in _PLACE_ARGUMENT:
        return _at_places(piece, last.tool)
    return _carried(piece, Earlier(last.tool, last.arguments)) if last.tool == "calculate" else []


def _at_places(piece: Sentence, tool: str) -> list[Intent]:
    return [Intent(tool, {_PLACE_ARGUMENT[tool]: place}) for place in places_in(piece)]


def _with_shared_places(intents: list[Intent]) -> list[Intent]:
    """Give «la hora y el tiempo en Lima» the place for both."""
    local = [intent for intent in intents if intent.tool in _PLACE_ARGUMENT]
    places = [place for intent in local for place in intent.arguments.values()]
    if len(places) != 1 or {intent.tool for intent in local} != set(_PLACE_ARGUMENT):
        return intents
    shared = {tool: Intent(tool, {argument: places[0]}) for tool, argument in _PLACE_ARGUMENT.items()}
    return [shared.get(intent.tool, intent) for intent in intents]


def _go_on(sentence: Sentence, topic: str, earlier: Earlier) -> list[Intent]:
    """Return what a text asks for that only makes sense after what was asked before."""
    if earlier.is_waiting:
        return [] if topic in _NO_ANSWERS else _answered(sentence, earlier.tool)
    if topic == "again":
        return [Intent(earlier.tool, earlier.arguments)]
    if not _is_elliptic(sentence):
        return []
    if earlier.tool == "placeholder_api_call":
        return [Intent(earlier.tool, {"delay_s": delay_s}) for delay_s in delays_in(sentence)]
    if earlier.tool not in _PLACE_ARGUMENT:
        return []
    if not places_in(sentence) and earlier.tool == WEATHER:
        is_other_day = any(token.key in words("days") for token in sentence.tokens)
        return [Intent(earlier.tool, earlier.arguments)] if is_other_day else []
    return _at_places(sentence, earlier.tool)


def _carried(sentence: Sentence, earlier: Earlier) -> list[Intent]:
    """Return the sum before with an operation on it: «y por 3»."""
    start, end = (sentence.tokens[0].start, sentence.tokens[-1].end) if sentence.tokens else (0, 0)
    tokens = [token for token in tokens_of(sentence.text) if start <= token.start < end]
    before = str(earlier.arguments.get("expression", ""))
    expression = continuation(tokens, before) if before else ""
    return [Intent("calculate", {"expression": expression})] if expression else []


def _is_elliptic(sentence: Sentence) -> bool:
    keys = [token.key for token in sentence.tokens if token.kind != "sign"]
    begins = bool(keys) and (keys[0] in words("elliptic") or " ".join(keys[:2]) in _ELLIPTIC)
    return begins and len(keys) <= _FEW_WORDS


def _answered(sentence: Sentence, tool: str) -> list[Intent]:
    """Return the missing argument, given after it was asked for."""
    if tool in _PLACE_ARGUMENT:
        return _at_places(sentence, tool)
    if tool not in EXTRACTORS or (tool == "make_http_request" and not of_kind(sentence, "{url}")):
        return []
    answer = Match(tool, 1.0, "{note}" if tool == "remember" else "{text}", sentence)
    return [intent for intent in EXTRACTORS[tool](sentence, answer) if not intent.missing]
