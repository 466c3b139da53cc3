"""Tool calls that a model writes into its text, where its server does not know the model's way of calling.

An answer that is nothing but calls to tools which are offered is those calls. Whatever stands beside them,
an explanation for one, makes it a text.
"""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from app.llm.base import FunctionCall
from app.llm.offered_tools import ARGUMENT_KEYS, LIST_KEYS, NAME_KEYS, OfferedTools

MAX_CALL_CHARS: Final = 128 * 1024
"""A longer text is no call. Longer arguments would be refused anyway."""

_MAX_PYTHON_CHARS: Final = 20_000
_MOST_VALUES: Final = 200

_WRAPPER: Final = re.compile(
    r"</?(?:[a-z]{1,12}:)?(?:tool_?-?(?:call|use|request|code)s?|function_?calls?|functions?|tools?|invoke|action)"
    r"(?:\s+(?:id|index|type)=[^<>]{0,80})?>"
    r"|<\|?/?(?:tool_call|tool_calls|python_tag|plugin|action_start|action_end|start_action|end_action"
    r"|tool_calls?_section_begin|tool_calls?_section_end|tool_call_begin|tool_call_end|tool_call_argument_begin"
    r"|tool_sep|start_function_call|end_function_call|tool_call_start|tool_call_end|tool_list_start"
    r"|start_of_turn|im_end|im_start|eot_id|eom_id|end|return|call|endoftext|end_of_turn|eos|message|start)\|?>"
    r"|<\uff5c[^<>]{1,60}\uff5c>|</s>|<s>"
    r"|\[/?(?:tool_calls?|tool_request|end_tool_request|args|function_call|available_tools)\]"
    r"|\[call_id\][\w-]{0,60}"
    r"|```[a-z_]{0,20}",
    re.IGNORECASE,
)
"""What stands around calls, whatever the template."""

_TAG_BEGUN: Final = re.compile(r"[<\[`][^>\]`]{0,80}\Z")

_STRING_OR_WRAPPER: Final = re.compile(
    rf'("(?:[^"\\]|\\.?)*+(?:"|(\Z)))|{_WRAPPER.pattern}', re.IGNORECASE | re.DOTALL
)
"""In a string of JSON the same is somebody's words. Of a string that nothing closes the end is group 2."""

_BLOCK: Final = re.compile(
    r"<function[=\s]\s?(?:name=)?[\"']?([\w.-]{1,80})[\"']?\s{0,9}>?"
    r"|<(?:[a-z]{1,12}:)?invoke\s{1,9}name=[\"']([\w.-]{1,80})[\"']\s{0,9}>"
    r"|<tool_call>\s{0,9}([\w.-]{1,80})\s{0,9}(?=<arg_key>)"
)
_BLOCK_END: Final = re.compile(r"</(?:(?:[a-z]{1,12}:)?(?:function|invoke)|tool_call)>")
_PARAMETER: Final = re.compile(
    r"<parameter[=\s]\s?(?:name=)?[\"']?([\w.-]{1,80})[\"']?[^<>]{0,40}>\n?"
    r"|<arg_key>\s{0,9}([\w.-]{1,80})\s{0,9}</arg_key>\s{0,9}<arg_value>\n?"
)
_PARAMETER_END: Final = re.compile(r"\n?</(?:parameter|arg_value)>")
_CHANNEL_CALL: Final = re.compile(
    r"(?:<\|start\|>)?(?:assistant)?\s{0,3}(?:<\|channel\|>)?\s{0,3}(?:commentary|analysis)?\s{0,3}to=([\w.-]{1,80})"
    r"(?:\s{0,3}<\|channel\|>\s{0,3}\w{1,20})?\s{0,3}(?:<\|constrain\|>)?\s{0,3}(?:json)?\s{0,3}"
    r"(?:<\|message\|>)?\s{0,3}(\{.*\})",
    re.IGNORECASE | re.DOTALL,
)
_NAMED_JSON: Final = re.compile(r"(?:functions?\s*(?:[.:]\s*)?|>>>)?([\w.-]{1,80})(?::\d{1,4})?\s*(?=\{|\Z)")

_SEPARATORS: Final = re.compile(r"[ \t\r\n,;]*")
_NAMED_OBJECT: Final = re.compile(
    r"\[?\s*\{\s*[\"'](?:name|tool_name|function_name|tool|function)[\"']\s*:\s*[\"']([\w.-]{1,80})[\"']"
)
_DESCRIBED: Final = re.compile(
    r"[\"'](?:description|properties)[\"']\s*:|[{:\[]\s*(?:\.\.\.|\u2026|<[a-z_ ]{1,40}>)\s*[}\],]"
)
"""An example with places to fill in, or a tool's definition: not meant to be run."""

_OTHER_KEYS: Final = {"id", "type", "index", "call_id", "tool_call_id"}


def is_followed_by_text(text: str, tools: OfferedTools) -> bool:
    """Return whether something stands behind the last closing bracket that belongs to no call."""
    rest = _TAG_BEGUN.sub("", _WRAPPER.sub(" ", text[text.rfind("}") + 1 :])).strip()
    if not rest or rest[0] in ",;]})>\"'`<[{|":
        return False
    return not all(word == "function" or tools.may_name(word.partition(":")[0]) for word in rest.split())


def is_wrapper(text: str) -> bool:
    """Return whether a text is nothing but what stands around calls."""
    return not _WRAPPER.sub("", text[:_MAX_PYTHON_CHARS]).strip() and not text[_MAX_PYTHON_CHARS:]


def written_calls(text: str, tools: OfferedTools, *, is_cut: bool = False) -> tuple[FunctionCall, ...]:
    """Return the calls that a text consists of; empty where it holds anything else.

    Args:
        text: The whole answer.
        tools: What is offered.
        is_cut: The answer is over its limit: nothing that is missing may be added.
    """
    text = text.strip()
    if not tools or len(text) > MAX_CALL_CHARS:
        return ()
    try:
        for read in (_tagged_calls, _channel_calls, _listed_calls):
            if calls := read(text, tools):
                return tuple(calls)
        return tuple(_broken_call(text, tools, is_cut=is_cut))
    except RecursionError:  # brackets in brackets
        return ()


def _tagged_calls(text: str, tools: OfferedTools) -> list[FunctionCall]:
    """Call whose names and parameters are tags."""
    blocks, rest = _blocks(text, _BLOCK, _BLOCK_END)
    calls: list[FunctionCall] = []
    for written, body in blocks:
        name = tools.named(written)
        arguments = _tagged_arguments(body, name, tools) if name else None
        if name is None or arguments is None:
            return []
        calls.append(FunctionCall("", name, _json(arguments)))
    return calls if not _WRAPPER.sub("", rest).strip() else []


def _blocks(text: str, begin: re.Pattern[str], end: re.Pattern[str]) -> tuple[list[tuple[str, str]], str]:
    """Return name and content of each block, and what stands outside."""
    blocks: list[tuple[str, str]] = []
    outside: list[str] = []
    position = 0
    while match := begin.search(text, position):
        outside.append(text[position : match.start()])
        closing = end.search(text, _behind_value(text, match.end()))
        name = next(group for group in match.groups() if group)
        blocks.append((name, text[match.end() : closing.start() if closing else len(text)]))
        position = closing.end() if closing else len(text)
    return blocks, "".join([*outside, text[position:]])


def _behind_value(text: str, position: int) -> int:
    """Return where a JSON object that begins here has ended; the same place where none does."""
    try:
        return json.JSONDecoder(strict=False).raw_decode(text, text.index("{", position, position + 9))[1]
    except (ValueError, RecursionError):
        return position


def _tagged_arguments(body: str, name: str, tools: OfferedTools) -> dict[str, Any] | None:
    values = _values(_unwrapped(body).strip(" \t\r\n>"))
    if values and len(values) == 1 and isinstance(values[0], dict):
        return cast("dict[str, Any]", values[0])
    parameters, rest = _blocks(body, _PARAMETER, _PARAMETER_END)
    if _WRAPPER.sub("", rest).strip():
        return None
    return {key: _typed(value, tools.properties(name).get(key)) for key, value in parameters}


def _typed(value: str, schema: object) -> Any:
    kind = cast("dict[str, Any]", schema).get("type") if isinstance(schema, dict) else None
    if kind == "string":
        return value
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return {"True": True, "False": False, "None": None}.get(value, value)


def _channel_calls(text: str, tools: OfferedTools) -> list[FunctionCall]:
    """Return the call of a model whose messages are addressed, as gpt-oss'."""
    match = _CHANNEL_CALL.match(text)
    name = tools.named(match[1]) if match else None
    values = _values(_unwrapped(match[2])) if match and name else None
    is_whole = bool(values) and match is not None and not _WRAPPER.sub("", text[match.end() :]).strip()
    if not (values and is_whole and name and len(values) == 1 and isinstance(values[0], dict)):
        return []
    return [FunctionCall("", name, _json(values[0]))]


def _listed_calls(text: str, tools: OfferedTools) -> list[FunctionCall]:
    """Call that are JSON, or lines of Python, between any wrappers."""
    is_tagged = _WRAPPER.match(text) is not None and not text.startswith("`")
    calls: list[FunctionCall] = []
    name: str | None = None
    # In JSON a tag or a fence is part of some text.
    is_json = text[:1] in ("{", "[") and _values(text) is not None
    for segment in (text,) if is_json else _segments(text):
        named = _NAMED_JSON.match(segment)
        if named and (known := tools.named(named[1])):
            name, segment = known, segment[named.end() :].strip()
        elif segment == "function":
            continue
        found = _segment_calls(segment, name, tools, is_tagged=is_tagged)
        if segment and not found:
            return []
        calls += found
        name = None if segment else name
    if name is not None and (not is_tagged or tools.parameters[name].get("required")):
        return []
    return [*calls, FunctionCall("", name, "{}")] if name is not None else calls


def _segment_calls(
    segment: str, name: str | None, tools: OfferedTools, *, is_tagged: bool
) -> list[FunctionCall]:
    """The calls that a text between wrappers is: all of it, or none."""
    values = _values(segment)
    if values is None:
        return _python_calls(segment, tools)
    if name is not None:
        is_one = len(values) == 1 and isinstance(values[0], dict)
        return [FunctionCall("", name, _json(values[0]))] if is_one else []
    found = [_calls_of(value, tools, is_tagged=is_tagged) for value in values]
    return [call for calls in found for call in calls] if all(found) else []


def _segments(text: str) -> Iterator[str]:
    """What stands between wrappers."""
    start = 0
    for found in _wrappers(text):
        yield from filter(None, [text[start : found.start()].strip(" \t\r\n,;")])
        start = found.end()
    yield from filter(None, [text[start:].strip(" \t\r\n,;")])


def _unwrapped(text: str) -> str:
    kept: list[str] = []
    start = 0
    for found in _wrappers(text):
        kept.append(text[start : found.start()])
        start = found.end()
    return "".join([*kept, text[start:]])


def _wrappers(text: str) -> Iterator[re.Match[str]]:
    """The wrappers outside of strings. Behind a quote that nothing closes no other begins a string either."""
    for found in _STRING_OR_WRAPPER.finditer(text):
        if found[2] is not None:
            yield from _WRAPPER.finditer(text, found.start() + 1)
            return
        if found[1] is None:
            yield found


def _values(text: str) -> list[Any] | None:
    """Return the JSON values that a text consists of; None where it is something else."""
    values: list[Any] = []
    decoder = json.JSONDecoder(strict=False)
    position = 0
    while position < len(text):
        if len(values) > _MOST_VALUES:
            return None
        if text[position] not in "{[":
            # A bracket too many is no text.
            return values if values and not text[position:].strip("}] \n") else None
        try:
            value, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            value, position = _python_value(text) if not values else None, len(text)
            if value is None:
                return None
        values += cast("list[Any]", value) if isinstance(value, list) else [value]
        position = cast("re.Match[str]", _SEPARATORS.match(text, position)).end()
    return values


def _python_value(text: str) -> Any:
    """Return a value in single quotes, or with True for true."""
    try:
        value = ast.literal_eval(text) if len(text) <= _MAX_PYTHON_CHARS else None
        json.dumps(value)
    except (ValueError, SyntaxError, TypeError, RecursionError, MemoryError):
        return None
    return cast("Any", value) if isinstance(value, dict | list) else None


def _calls_of(value: object, tools: OfferedTools, *, is_tagged: bool) -> list[FunctionCall]:
    """The calls that a JSON value is; empty where it is none."""
    if not isinstance(value, dict):
        return []
    fields = cast("dict[str, Any]", value)
    if len(fields) == 1 and (inner := fields.get(next(iter(fields)))) is not None:
        key = next(iter(fields))
        if key in LIST_KEYS:
            items = cast("list[Any]", inner) if isinstance(inner, list) else [inner]
            # Under the two keys that also name what is on offer, a tool without arguments is no call.
            is_calls = key not in ("tools", "functions")
            found = [
                _calls_of(item, tools, is_tagged=is_calls)
                for item in items
                if is_calls or _has_arguments(item)
            ]
            if len(found) < len(items):
                return []
            return [call for calls in found for call in calls] if all(found) else []
        if (
            (name := tools.named(key))
            and isinstance(inner, dict)
            and _fits(cast("dict[str, Any]", inner), tools.properties(name))
        ):
            return [FunctionCall("", name, _json(inner))]
    function = fields.get("function")
    if isinstance(function, dict):
        fields = {**fields, **cast("dict[str, Any]", function)}
        del fields["function"]
    call = _call_of(fields, tools, is_tagged=is_tagged)
    return [call] if call else []


def _has_arguments(item: object) -> bool:
    if not isinstance(item, dict):
        return False
    fields = cast("dict[str, Any]", item)
    function = fields.get("function")
    inner = cast("dict[str, Any]", function) if isinstance(function, dict) else fields
    return any(key in inner for key in ARGUMENT_KEYS)


def _fits(arguments: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Return whether these may be a tool's arguments, rather than something about it."""
    return not arguments or not own or any(key in own for key in arguments)


def _call_of(fields: dict[str, Any], tools: OfferedTools, *, is_tagged: bool) -> FunctionCall | None:
    name_key = next((key for key in NAME_KEYS if tools.named(fields.get(key))), None)
    name = tools.named(fields.get(name_key)) if name_key else None
    if name is None:
        return None
    argument_key = next((key for key in ARGUMENT_KEYS if key in fields), None)
    others = set(fields) - {name_key, argument_key} - _OTHER_KEYS
    needs_arguments = not is_tagged and tools.parameters[name].get("required")
    if others or (argument_key is None and needs_arguments):
        return None
    arguments = _arguments(fields.get(argument_key) if argument_key else None)
    if arguments is None or _is_schema(arguments, tools.properties(name)) or _is_example(arguments):
        return None
    return FunctionCall("", name, _json(arguments))


def _arguments(value: object) -> dict[str, Any] | None:
    if value is None or value == "":
        return {}
    if isinstance(value, str):
        values = _values(value.strip())
        value = values[0] if values and len(values) == 1 else None
    return cast("dict[str, Any]", value) if isinstance(value, dict) else None


def _is_example(arguments: Mapping[str, Any]) -> bool:
    return bool(arguments) and all(value in ("...", "\u2026") for value in arguments.values())


def _is_schema(arguments: Mapping[str, Any], own: Mapping[str, Any]) -> bool:
    """Return whether the "arguments" describe the tool instead of calling it."""
    return arguments.get("type") == "object" and "properties" in arguments and "properties" not in own


def _python_calls(text: str, tools: OfferedTools) -> list[FunctionCall]:
    """Call such as `[calculate(expression="2+2")]`."""
    if len(text) > _MAX_PYTHON_CHARS or "(" not in text:
        return []
    try:
        nodes = [node.value for node in ast.parse(text).body if isinstance(node, ast.Expr)]
    except (ValueError, SyntaxError, MemoryError):
        return []
    lists = [node.elts if isinstance(node, ast.List | ast.Tuple) else [node] for node in nodes]
    flat = [node for nodes in lists for node in nodes]
    calls = [_python_call(node, tools) for node in flat]
    return [call for call in calls if call is not None] if all(calls) else []


def _python_call(node: ast.expr, tools: OfferedTools) -> FunctionCall | None:
    if not isinstance(node, ast.Call):
        return None
    written = ast.unparse(node.func)
    if written == "print" and len(node.args) == 1:
        return _python_call(node.args[0], tools)
    name = tools.named(written.removesuffix(".call"))
    if name is None:
        return None
    try:
        given = [ast.literal_eval(argument) for argument in node.args]
        named = {word.arg: ast.literal_eval(word.value) for word in node.keywords if word.arg}
        if len(given) == 1 and isinstance(given[0], dict) and not named:
            return FunctionCall("", name, _json(given[0]))
        return FunctionCall("", name, _json(dict(zip(tools.properties(name), given, strict=False)) | named))
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return None


def _broken_call(text: str, tools: OfferedTools, *, is_cut: bool) -> list[FunctionCall]:
    """Return a call that names its tool and then is no JSON: of no use to the user; the model learns why."""
    bare = _unwrapped(text).strip()
    match = _NAMED_OBJECT.match(bare)
    name = tools.named(match[1]) if match else None
    if name is None or _has_whole_value(bare) or _DESCRIBED.search(bare):
        return []
    for missing in () if is_cut else ("}", "}}", "]", "}]", "}}]"):
        if calls := _listed_calls(bare + missing, tools):
            return calls
    written = re.search(rf"[\"'](?:{'|'.join(ARGUMENT_KEYS)})[\"']\s*:\s*(.*)", bare, re.DOTALL)
    return [FunctionCall("", name, written[1] if written else bare)]


def _has_whole_value(text: str) -> bool:
    """Whether the text begins with a JSON value; what follows it, or its meaning, then made it a text."""
    try:
        json.JSONDecoder(strict=False).raw_decode(text)
    except (ValueError, RecursionError):
        return False
    return True


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
