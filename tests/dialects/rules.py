"""What services refuse in a request's messages, each with its source and one change that breaks it.

The source names a thread of the project where people met it (`owner#number`), or the template.
"""

import copy
import itertools
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

Message = dict[str, Any]

NO_SIGNATURE = "skip_thought_signature_validator"


@dataclass
class Given:
    """What a service gave with its calls, by name and arguments of a call."""

    thoughts: dict[tuple[str, str], str] = field(default_factory=dict)
    signatures: dict[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True)
class Rule:
    """One thing that a service refuses.

    Attributes:
        source: Where it was seen.
        broken: The service's words for what it finds wrong first; None where nothing is.
        breaks: A change of an acceptable request that breaks just this.
    """

    name: str
    source: str
    broken: Callable[[list[Message], Given], str | None]
    breaks: Callable[[list[Message]], None]


def _first(found: Iterable[str]) -> str | None:
    return next(iter(found), None)


def _calls(message: Message) -> list[dict[str, Any]]:
    return message.get("tool_calls") or []


def _key(call: dict[str, Any]) -> tuple[str, str]:
    return call["function"]["name"], json.dumps(json.loads(call["function"]["arguments"]))


def place_of(messages: list[Message], role: str, *, calls: bool | None = None, last: bool = False) -> int:
    """Where the first or last message of a role stands; with or without calls."""
    places = [
        n
        for n, message in enumerate(messages)
        if message["role"] == role and (calls is None or bool(_calls(message)) == calls)
    ]
    return places[-1 if last else 0]


# One system message, at the head


def _late_system(messages: list[Message], given: Given) -> str | None:
    late = [n for n, message in enumerate(messages) if n and message["role"] == "system"]
    return "System message must be at the beginning." if late else None


def _add_system(messages: list[Message]) -> None:
    messages.insert(place_of(messages, "user", last=True), {"role": "system", "content": "Nota."})


def system_first(source: str) -> Rule:
    return Rule("system first", source, _late_system, _add_system)


# Who may speak after whom

_AFTER_TOOL = "Unexpected role 'user' after role 'tool'"


def _user_behind_tool(messages: list[Message], given: Given) -> str | None:
    roles = itertools.pairwise(message["role"] for message in messages)
    return _AFTER_TOOL if ("tool", "user") in roles else None


def _drop_words_behind_tool(messages: list[Message]) -> None:
    del messages[place_of(messages, "assistant", calls=False)]


def user_never_behind_tool(source: str) -> Rule:
    return Rule("no user behind a tool", source, _user_behind_tool, _drop_words_behind_tool)


def _not_alternating(messages: list[Message], given: Given) -> str | None:
    """As the templates of Mistral and Gemma count: tools' messages and calls are passed over."""
    is_users = True
    for message in messages:
        if message["role"] in ("system", "tool") or _calls(message):
            continue
        if (message["role"] == "user") != is_users:
            return (
                "After the optional system message, conversation roles must alternate "
                "user/assistant/user/assistant/..."
            )
        is_users = not is_users
    return None


def _double_user(messages: list[Message]) -> None:
    messages.insert(place_of(messages, "user", last=True), {"role": "user", "content": "otra cosa"})


def alternating(source: str) -> Rule:
    return Rule("roles alternate", source, _not_alternating, _double_user)


def _neighbours(messages: list[Message], given: Given) -> str | None:
    for before, after in itertools.pairwise(messages):
        if before["role"] == after["role"] != "tool":
            return (
                f"Expected last role User or Tool for serving but got {after['role']} after {after['role']}"
            )
    return None


def _split_words(messages: list[Message]) -> None:
    place = place_of(messages, "assistant", calls=False)
    messages.insert(place, {"role": "assistant", "content": "Un momento."})


def no_neighbours(source: str) -> Rule:
    return Rule("no neighbours of one role", source, _neighbours, _split_words)


def _ends_on_agent(messages: list[Message], given: Given) -> str | None:
    is_wrong = messages[-1]["role"] == "assistant"
    return "Expected last role User or Tool (or Assistant with prefix True)" if is_wrong else None


def _end_on_agent(messages: list[Message]) -> None:
    messages.append({"role": "assistant", "content": "Sigo."})


def last_is_user_or_tool(source: str) -> Rule:
    return Rule("a user's or a tool's message is last", source, _ends_on_agent, _end_on_agent)


def _without_user(messages: list[Message], given: Given) -> str | None:
    spoken = [message for message in messages if message["role"] != "system"]
    is_wrong = not spoken or spoken[0]["role"] != "user"
    return "Please ensure that the conversation begins with a user turn." if is_wrong else None


def _drop_first_user(messages: list[Message]) -> None:
    del messages[place_of(messages, "user")]


def user_first(source: str) -> Rule:
    return Rule("the user is first", source, _without_user, _drop_first_user)


def _misplaced_call(messages: list[Message], given: Given) -> str | None:
    for before, after in itertools.pairwise(messages):
        if _calls(after) and before["role"] not in ("user", "tool"):
            return (
                "Please ensure that function call turn comes immediately after a user turn or after a "
                "function response turn."
            )
    return None


def _talk_before_call(messages: list[Message]) -> None:
    messages.insert(place_of(messages, "assistant", calls=True), {"role": "assistant", "content": "Voy."})


def call_behind_user_or_tool(source: str) -> Rule:
    return Rule("a call behind a user's message or a result", source, _misplaced_call, _talk_before_call)


# Contents


def _empty_content(messages: list[Message], given: Given) -> str | None:
    for n, message in enumerate(messages):
        content = message.get("content")
        if not _calls(message) and not (isinstance(content, str) and content.strip()):
            return f"Invalid value for 'content' in messages[{n}]: expected a string, got null."
    return None


def _empty_words(messages: list[Message]) -> None:
    messages[place_of(messages, "assistant", calls=False)]["content"] = ""


def contents(source: str) -> Rule:
    return Rule("no empty contents", source, _empty_content, _empty_words)


def _null_content(messages: list[Message], given: Given) -> str | None:
    is_wrong = any(not isinstance(message.get("content"), str | list) for message in messages)
    return "Invalid 'content': 'content' field must be a string or an array of objects." if is_wrong else None


def _null_words(messages: list[Message]) -> None:
    messages[place_of(messages, "assistant", calls=True)]["content"] = None


def no_null(source: str) -> Rule:
    return Rule("no null beside calls", source, _null_content, _null_words)


# Calls and their results


def _unpaired(messages: list[Message], given: Given) -> str | None:
    waiting: list[str] = []
    for message in messages:
        if message["role"] == "tool":
            if message.get("tool_call_id") not in waiting:
                return "Unexpected tool call id in tool results"
            waiting.remove(message["tool_call_id"])
            continue
        if waiting:
            return "Not the same number of function calls and responses"
        waiting = [call["id"] for call in _calls(message)]
    return "Not the same number of function calls and responses" if waiting else None


def _drop_result(messages: list[Message]) -> None:
    del messages[place_of(messages, "tool")]


def each_call_has_its_result(source: str) -> Rule:
    return Rule("each call has its result", source, _unpaired, _drop_result)


def _ids(messages: list[Message]) -> Iterator[str]:
    for message in messages:
        yield from (call["id"] for call in _calls(message))


def _bad_ids(pattern: str, words: str) -> Callable[[list[Message], Given], str | None]:
    def broken(messages: list[Message], given: Given) -> str | None:
        return _first(words.format(id=each) for each in _ids(messages) if not re.fullmatch(pattern, each))

    return broken


def _rename_ids(name: str) -> Callable[[list[Message]], None]:
    def breaks(messages: list[Message]) -> None:
        call = _calls(messages[place_of(messages, "assistant", calls=True)])[0]
        result = next(m for m in messages if m.get("tool_call_id") == call["id"])
        call["id"] = result["tool_call_id"] = name

    return breaks


def ids_of_nine(source: str) -> Rule:
    words = "Tool call id was {id} but must be a-z, A-Z, 0-9, with a length of 9."
    return Rule(
        "ids of nine letters or digits",
        source,
        _bad_ids("[A-Za-z0-9]{9}", words),
        _rename_ids("call_0123456789abcdef"),
    )


def ids_of_forty(source: str) -> Rule:
    words = (
        "Invalid 'messages[2].tool_calls[0].id': string too long. Expected a string with maximum length 40."
    )
    return Rule("ids of 40 characters at most", source, _bad_ids(".{1,40}", words), _rename_ids("c" * 41))


def _bad_arguments(messages: list[Message], given: Given) -> str | None:
    for message in messages:
        for call in _calls(message):
            try:
                is_object = isinstance(json.loads(call["function"]["arguments"]), dict)
            except (TypeError, ValueError):
                is_object = False
            if not is_object:
                return f"Failed to parse tool call arguments as JSON: {call['function']['arguments']}"
    return None


def _break_arguments(messages: list[Message]) -> None:
    _calls(messages[place_of(messages, "assistant", calls=True)])[0]["function"]["arguments"] = "{a:"


def arguments_are_json(source: str) -> Rule:
    return Rule("arguments are JSON", source, _bad_arguments, _break_arguments)


# What goes back, and what never does

_PLAIN = {"role", "content", "tool_calls", "tool_call_id"}


def _unknown_field(messages: list[Message], given: Given) -> str | None:
    for n, message in enumerate(messages):
        for name in sorted(message.keys() - _PLAIN):
            return (
                f"'messages.{n}' : for 'role:{message['role']}' the following must be satisfied"
                f"[('messages.{n}' : property '{name}' is unsupported)]"
            )
        for call in _calls(message):
            for name in sorted(call.keys() - {"id", "type", "function"}):
                return f"'messages.{n}.tool_calls.0' : property '{name}' is unsupported"
    return None


def _add_field(messages: list[Message]) -> None:
    messages[place_of(messages, "assistant")]["reasoning_content"] = "Hm."


def no_unknown_fields(source: str) -> Rule:
    return Rule("no unknown fields", source, _unknown_field, _add_field)


def _missing_thoughts(messages: list[Message], given: Given) -> str | None:
    """From DeepSeek's guide: after a turn with calls its thoughts come back in all later requests."""
    returned: set[tuple[str, str]] = set()
    for n, message in enumerate(messages):
        if message["role"] != "assistant" or not any(map(_calls, _stretch(messages, n))):
            continue
        thought = message.get("reasoning_content")
        # What is told of a call later is no answer of the service's: its thought may be empty.
        keys = [_key(call) for call in _calls(message) if not _is_told_later(messages, call)]
        due = next((given.thoughts[key] for key in keys if key in given.thoughts and key not in returned), "")
        returned.update(keys)
        if not isinstance(thought, str) or (due and thought != due):
            return "The `reasoning_content` in the thinking mode must be passed back to the API."
    return None


def _is_told_later(messages: list[Message], call: Any) -> bool:
    """Whether a call with its result stands for one that went on in the background."""
    results = [m["content"] for m in messages if m.get("tool_call_id") == call["id"]]
    return any('"call_id"' in result and '"running"' not in result for result in results)


def _stretch(messages: list[Message], place: int) -> list[Message]:
    """The messages around a place, between two of the user's."""
    users = [n for n, message in enumerate(messages) if message["role"] == "user"]
    begin = max((n for n in users if n < place), default=-1)
    end = min((n for n in users if n > place), default=len(messages))
    return messages[begin + 1 : end]


def _drop_thoughts(messages: list[Message]) -> None:
    del messages[place_of(messages, "assistant", calls=True)]["reasoning_content"]


def thoughts_come_back(source: str) -> Rule:
    return Rule("thoughts come back with calls", source, _missing_thoughts, _drop_thoughts)


def _missing_signature(messages: list[Message], given: Given) -> str | None:
    """Each step of the current turn has its first call signed: by its own signature or the one for none."""
    current = place_of(messages, "user", last=True)
    known = {*given.signatures.values(), NO_SIGNATURE}
    for n, message in enumerate(messages[current:], current):
        if not _calls(message):
            continue
        match _calls(message)[0]:
            case {"extra_content": {"google": {"thought_signature": signature}}} if signature in known:
                continue
            case call:
                return (
                    "Function call is missing a thought_signature in functionCall parts. Additional data, "
                    f"function call `default_api:{call['function']['name']}` , position {n}."
                )
    return None


def _drop_signature(messages: list[Message]) -> None:
    place = place_of(messages, "assistant", calls=True, last=True)
    del messages[place]["tool_calls"][0]["extra_content"]


def signatures_come_back(source: str) -> Rule:
    return Rule("signatures come back with calls", source, _missing_signature, _drop_signature)


def broken_by(rule: Rule, messages: list[Message]) -> list[Message]:
    """A copy of an acceptable request, in which just this rule is broken."""
    changed = copy.deepcopy(messages)
    rule.breaks(changed)
    return changed
