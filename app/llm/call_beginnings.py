"""Whether the beginning of an answer may be that of a tool call which a model writes as text."""

import re
from typing import Final

from app.llm.offered_tools import ARGUMENT_KEYS, LIST_KEYS, NAME_KEYS, OfferedTools

MOST_READ: Final = 400
"""Characters of a beginning that are looked at."""

_TAGS: Final = (
    "<tool_call>", "<tool_calls>", "<tool-call>", "<toolcall>", "<tool_use>", "<tool_code>", "<tools>",
    "<tool>", "<function_call>", "<function_calls>", "<functioncall>", "<function=", "<function ",
    "<invoke ", "<|tool_call|>", "<|tool_call>", "<|tool_calls|>", "<|tool_calls_section_begin|>",
    "<|tool_call_begin|>", "<|python_tag|>", "<|action_start|>", "<|start_action|>", "<|tool_call_start|>",
    "<start_function_call>", "<minimax:tool_call>", "<seed:tool_call>",
    "<\uff5ctool\u2581calls\u2581begin\uff5c>", "<\uff5cdsml\uff5cfunction_calls>",
    "<|channel|>commentary to=", "<|start|>assistant<|channel|>commentary to=", "<|start|>assistant to=",
    "[tool_calls]", "[tool_call]", "[tool_request]", "[function_call]",
)  # fmt: skip


def _begun(tag: str) -> str:
    """Return a pattern of this tag, or of as much of it as stands at the end of the text."""
    rest = ""
    for letter in reversed(tag[1:]):
        rest = rf"(?:\Z|{re.escape(letter)}{rest})"
    return re.escape(tag[0]) + rest


TAGS_BEGUN: Final = re.compile("|".join(map(_begun, _TAGS)), re.IGNORECASE)
"""Where `may_be_call_in_text` may say yes."""

_FENCES: Final = (
    "json",
    "jsonc",
    "tool_call",
    "tool_code",
    "tool",
    "function",
    "python",
    "py",
    "xml",
    "javascript",
)


def may_be_call(text: str, tools: OfferedTools) -> bool:
    """Return whether this beginning may be that of a call to one of the tools.

    Args:
        text: What has come, without blanks before it.
        tools: What is offered.
    """
    match text[:1]:
        case "{":
            return _may_be_object(text, tools)
        case "[":
            return _may_be_list(text, tools)
        case "<":
            return _may_be_tagged(text, tools)
        case "`":
            return _may_be_fenced(text, tools)
        case _:
            return False


def may_be_call_in_text(text: str, tools: OfferedTools) -> bool:
    """Return whether a call may begin like this behind a sentence: only tags say that it is no example."""
    if text[:1] == "[":
        lowered = text[:40].lower()
        return any(tag.startswith(lowered) or lowered.startswith(tag) for tag in _TAGS if tag[0] == "[")
    return text[:1] == "<" and _may_be_tagged(text, tools)


def _may_be_object(text: str, tools: OfferedTools) -> bool:
    match = re.match(r"\{\s*(?:[\"']([\w.]*)(?:([\"'])\s*(?::\s*(.*))?)?)?", text[:MOST_READ], re.DOTALL)
    if match is None or match.end() != len(text[:MOST_READ]):
        return False
    key, is_whole, value = match[1], match[2], match[3]
    if key is None:
        return True
    known = (*NAME_KEYS, *ARGUMENT_KEYS, *LIST_KEYS, "type", "id", *tools.parameters)
    if not is_whole:
        return any(name.startswith(key) for name in known)
    if key not in known:
        return False
    return not value or _may_be_value(key, value, tools)


def _may_be_value(key: str, value: str, tools: OfferedTools) -> bool:
    """Return whether a call may hold this key with a value that begins like this."""
    if key in ("type", "id"):
        words = ("function", "tool_call", "tool_use", "call_", "call-", "chatcmpl-tool")
        begun = value[1:].partition('"')[0].partition("'")[0]
        return value[0] in "\"'" and any(word.startswith(begun) or begun.startswith(word) for word in words)
    if key in NAME_KEYS:
        if value[0] == "{":
            return _may_be_object(value, tools)
        name, quote, _ = value[1:].partition(value[0])
        return value[0] in "\"'" and (tools.named(name) is not None if quote else tools.may_name(name))
    if key in LIST_KEYS:
        return value[0] in "[{" and may_be_call(value, tools)
    return value[0] in "{\"'n"


def _may_be_list(text: str, tools: OfferedTools) -> bool:
    lowered = text[:40].lower()
    if any(tag.startswith(lowered) or lowered.startswith(tag) for tag in _TAGS if tag[0] == "["):
        return True
    inner = text[1:MOST_READ].lstrip()
    if not inner or inner[0] == "{":
        return not inner or _may_be_object(inner, tools)
    return _may_be_python(inner, tools)


def _may_be_python(text: str, tools: OfferedTools) -> bool:
    if "print(".startswith(text):
        return True
    match = re.match(r"(?:print\()?([\w.]*)(\(?)", text)
    if match is None or not (match[1] or match.end() == len(text)):
        return False
    name = re.sub(r"\.(?:c|ca|cal|call)?\Z", "", match[1])
    return tools.named(name) is not None if match[2] else match.end() == len(text) and tools.may_name(name)


def _may_be_tagged(text: str, tools: OfferedTools) -> bool:
    lowered = text[:60].lower()
    if any(tag.startswith(lowered) for tag in _TAGS):
        return True
    tag = next((tag for tag in _TAGS if lowered.startswith(tag)), None)
    if tag is None:
        return False
    inner = text[len(tag) : MOST_READ].lstrip()
    if not inner or tag.endswith(("=", " ")) or inner[0] in "<>":
        return True
    return may_be_call(inner, tools) or _may_be_python(re.split(r"[\s:<\[{]", inner, maxsplit=1)[0], tools)


def _may_be_fenced(text: str, tools: OfferedTools) -> bool:
    match = re.match(r"`{1,3}$|```([a-z_]*)(\s*)(.*)", text[:MOST_READ], re.DOTALL)
    if match is None:
        return False
    word, blank, inner = match[1] or "", match[2], match[3]
    if not blank and not inner:
        return not word or any(name.startswith(word) for name in _FENCES)
    if word and word not in _FENCES:
        return False
    return not inner or may_be_call(inner, tools) or _may_be_python(inner, tools)
