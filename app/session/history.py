"""What was said, as the model is told it.

The history is kept in turns. Within a turn an assistant's tool calls and one tool message for each of them
enter together, so that the messages are acceptable to the API at every moment, whatever is interrupted or
fails in between: `validate` says what that means. The oldest whole turns leave when the prompt would be over
its budget; the newest stays.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, overload

from app.chat import ApiMessage, Usage
from app.errors import ContextTooLong
from app.session.message_rules import validate
from app.session.tool_messages import RUNNING, shorten, tool_message

BYTES_PER_TOKEN = 3
"""Estimate for UTF-8 text in Spanish and English before a service has counted (design: bytes / 3)."""

ROUND_BREAK = "\n\n"
"""What stands on the wire between the texts of two rounds of a turn; not part of any message."""

MESSAGE_OVERHEAD_BYTES = 12
"""Role and separators of a message, in bytes of the estimate (about 4 tokens in OpenAI's chat format)."""

_LEAST_TOKENS_PER_BYTE, _MOST_TOKENS_PER_BYTE = 1 / 4.5, 1.0
"""What a service's count may make of the estimate; beyond lies no tokenizer but a wrong count."""

_COUNTED = ("user", "assistant")


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A tool call as the history keeps it: an id of ours, a clean name, arguments as a JSON text.

    `note` is what the model is told beside that it runs.
    """

    call_id: str
    name: str
    arguments: str
    note: str = ""


@dataclass(slots=True)
class _Turn:
    turn_id: str
    messages: list[ApiMessage] = field(default_factory=list[ApiMessage])
    accepted: int = 0
    """How many of the messages were in a prompt that the service took."""
    written: int = 0
    """How many of the messages the journal has."""


class History(Sequence[ApiMessage]):
    """The messages of one talk.

    Args:
        system_prompt: Stands before every prompt; never part of the sequence.
        max_tokens: Budget of a prompt in tokens, system prompt included, tools' schemas not.

    Attributes:
        message_count: User and assistant messages so far, those that left the prompt included.
    """

    def __init__(self, system_prompt: str, max_tokens: int) -> None:
        self._rules = system_prompt
        self._system: ApiMessage = {"role": "system", "content": system_prompt}
        self._max_tokens = max_tokens
        self._turns: deque[_Turn] = deque()
        self._settleable: dict[str, ApiMessage] = {}
        self._refusals = 0
        self._tokens_per_byte = 1 / BYTES_PER_TOKEN
        self._asked_bytes = 0
        self._uncut: tuple[str, list[ApiMessage]] = ("", [])
        self.message_count = 0

    def __len__(self) -> int:
        return sum(len(turn.messages) for turn in self._turns)

    def __iter__(self) -> Iterator[ApiMessage]:
        for turn in self._turns:
            yield from turn.messages

    @overload
    def __getitem__(self, index: int) -> ApiMessage: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[ApiMessage]: ...
    def __getitem__(self, index: int | slice) -> ApiMessage | Sequence[ApiMessage]:
        return list(self)[index]

    # Writing

    def begin_turn(self, turn_id: str) -> None:
        """Opens a turn; all that is added from now on belongs to it."""
        while self._turns and not self._turns[-1].messages:
            self._turns.pop()
        self._settleable.clear()
        self._turns.append(_Turn(turn_id))

    def tell_of_user(self, text: str) -> None:
        """Puts what is known of the user behind the rules, in the place of what was told of them before."""
        self._system = {"role": "system", "content": f"{self._rules}\n\n{text}" if text else self._rules}

    def restore_turn(self, turn_id: str, messages: Sequence[ApiMessage]) -> None:
        """Adds a turn of an earlier life of the session, if the API would take it."""
        self.message_count += sum(message["role"] in _COUNTED for message in messages)
        if messages and not validate(messages):
            self._turns.append(_Turn(turn_id, list(messages), len(messages), len(messages)))

    def take_unwritten(self) -> list[ApiMessage]:
        """What entered the newest turn since this was asked last, but for the user's text."""
        turn = self._turns[-1]
        fresh = turn.messages[turn.written :]
        turn.written = len(turn.messages)
        return [message for message in fresh if message["role"] != "user"]

    def add_user(self, text: str) -> None:
        """Adds what the user said."""
        self._add({"role": "user", "content": text})

    def add_note(self, text: str) -> None:
        """Adds what the operator's back end wants the model to know; clients cannot."""
        self._add({"role": "system", "content": text})

    def add_assistant(self, text: str) -> None:
        """Adds what the agent said; nothing said adds nothing, since the API refuses an empty message."""
        if text.strip():
            self._add({"role": "assistant", "content": text})

    def add_calls(self, text: str, calls: Sequence[CallRecord]) -> None:
        """Adds tool calls, with what was said before them, and a message that each of them is running.

        `settle` may replace that message until the next prompt has been built.
        """
        self._add(_calling(text, calls))
        for call in calls:
            content = {"status": RUNNING, "call_id": call.call_id}
            message = tool_message(call.call_id, content | ({"note": call.note} if call.note else {}))
            self._settleable[call.call_id] = message
            self._add(message)

    def settle(self, call_id: str, content: dict[str, Any]) -> None:
        """Puts a call's ending in the place of its "running" message.

        Raises:
            KeyError: The model has been told already that the call runs; that is never rewritten.
        """
        self._settleable.pop(call_id)["content"] = tool_message(call_id, content)["content"]

    def cut_speech(self, heard_chars: int) -> None:
        """Keeps of what the agent said in the newest turn just what the user heard; calls stay.

        Args:
            heard_chars: Characters of the turn's chunks that left, with the empty line between two rounds.
        """
        turn = self._turns[-1]
        self._uncut = (turn.turn_id, [dict(message) for message in turn.messages])
        self._cut(turn, heard_chars)

    def recut_speech(self, turn_id: str, heard_chars: int) -> str | None:
        """Cuts the turn that was cut last anew: the user heard more of it, or less.

        Returns:
            What of it stands there now; None where the turn is another, or has left.
        """
        uncut_id, messages = self._uncut
        turn = next((each for each in self._turns if each.turn_id == turn_id), None)
        if turn is None or uncut_id != turn_id:
            return None
        self.message_count += len(messages) - len(turn.messages)
        turn.messages[:] = [dict(message) for message in messages]
        self._cut(turn, heard_chars)
        turn.written = len(turn.messages)
        said = [message["content"] for message in turn.messages if message["role"] == "assistant"]
        return ROUND_BREAK.join(text for text in said if text)

    def said_in(self, turn_id: str) -> list[ApiMessage]:
        """What a turn added, but for the user's text."""
        turn = next((each for each in self._turns if each.turn_id == turn_id), None)
        return [message for message in turn.messages if message["role"] != "user"] if turn else []

    def forget_turn(self, turn_id: str) -> None:
        """Takes out all of the newest turn, in whose place another comes."""
        if self._turns and self._turns[-1].turn_id == turn_id:
            turn = self._turns[-1]
            self.message_count -= sum(message["role"] in _COUNTED for message in turn.messages)
            turn.messages.clear()
            turn.accepted = turn.written = 0

    def _cut(self, turn: _Turn, heard_chars: int) -> None:
        left = heard_chars
        kept: list[ApiMessage] = []
        for message in turn.messages:
            if message["role"] == "assistant" and message["content"]:
                text: str = message["content"]
                message["content"] = text[: max(left, 0)] or None
                left -= len(text) + len(ROUND_BREAK)
            if message["content"] is None and "tool_calls" not in message:
                self.message_count -= 1
                continue
            kept.append(message)
        turn.messages[:] = kept
        turn.accepted = min(turn.accepted, len(kept))

    def add_result(self, call: CallRecord, content: dict[str, Any]) -> None:
        """Adds a background call's ending as a new pair of call and result; `call` has a new id."""
        self._add(_calling("", [call]))
        self._add(tool_message(call.call_id, content))

    def _add(self, message: ApiMessage) -> None:
        self._turns[-1].messages.append(message)
        self.message_count += message["role"] in _COUNTED

    def for_api(self, tools_bytes: int = 0) -> list[ApiMessage]:
        """The next prompt: system prompt and as many of the newest whole turns as the budget allows.

        Args:
            tools_bytes: Size of the tools' schemas that go with it, which the service counts too.

        Raises:
            ContextTooLong: The newest turn's texts alone are over the budget.
        """
        self._settleable.clear()
        self._fit_newest()
        self._make_room(self._max_tokens)
        prompt = [self._system, *self]
        self._asked_bytes = _weight(prompt) + tools_bytes
        return prompt

    def accepted(self) -> None:
        """The service has begun to answer: what the last prompt held is harmless."""
        self._refusals = 0
        for turn in reversed(self._turns):
            if turn.accepted == len(turn.messages) and turn is not self._turns[-1]:
                break
            turn.accepted = len(turn.messages)

    def observe(self, usage: Usage) -> None:
        """Corrects the estimate by what the service counted for the last prompt."""
        if self._asked_bytes and usage.prompt_tokens > 0:
            measured = usage.prompt_tokens / self._asked_bytes
            self._tokens_per_byte = min(_MOST_TOKENS_PER_BYTE, max(_LEAST_TOKENS_PER_BYTE, measured))

    def forget_unaccepted(self) -> None:
        """Takes out the texts and tool results that entered since the last accepted prompt.

        Otherwise every later prompt would be refused as well. What the agent said stays at first; if the next
        prompt is refused too, it goes as well.
        """
        self._refusals += 1
        for turn in self._turns:
            tail = turn.messages[turn.accepted :]
            kept = [message for message in tail if self._refusals == 1 and _is_speech(message)]
            turn.messages[turn.accepted :] = kept
            self.message_count -= sum(m["role"] in _COUNTED for m in tail) - len(kept)

    def holds(self, call_id: str | None) -> bool:
        """Whether the newest turn has a tool message for this call."""
        if call_id is None or not self._turns:
            return False
        return any(message.get("tool_call_id") == call_id for message in self._turns[-1].messages)

    def drop_older_half(self) -> bool:
        """Lets the oldest whole turns go until half of the prompt has left; False if only one is left."""
        if len(self._turns) < 2:
            return False
        self._make_room(int(self._tokens(self._weight()) / 2))
        return True

    def _weight(self) -> int:
        return _weight([self._system, *self])

    def _tokens(self, weight: int) -> float:
        return weight * self._tokens_per_byte

    def _make_room(self, max_tokens: int) -> None:
        weight = self._weight()
        while self._tokens(weight) > max_tokens and len(self._turns) > 1:
            weight -= _weight(self._turns.popleft().messages)

    def _fit_newest(self) -> None:
        """Sees to it that system prompt and newest turn alone are within the budget."""
        weight = _weight([self._system, *self._turns[-1].messages])
        if self._tokens(weight) > self._max_tokens:
            self._cut_results(weight - int(self._max_tokens / self._tokens_per_byte))

    def _cut_results(self, excess: int) -> None:
        """Cuts the newest turn's longest tool results until `excess` bytes have gone."""
        results = [m for m in self._turns[-1].messages if m["role"] == "tool"]
        while excess > 0:
            longest = max(results, key=lambda m: len(m["content"].encode()), default=None)
            if longest is None:
                raise ContextTooLong("the newest turn alone is over MAX_HISTORY_TOKENS")
            before = _weight([longest])
            if not shorten(longest, excess):
                results.remove(longest)
            excess -= before - _weight([longest])


def _calling(text: str, calls: Sequence[CallRecord]) -> ApiMessage:
    return {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in calls
        ],
    }


def _is_speech(message: ApiMessage) -> bool:
    return message["role"] == "assistant" and "tool_calls" not in message


def _weight(messages: Sequence[ApiMessage]) -> int:
    """Bytes of what the model reads of these messages."""
    weight = 0
    for message in messages:
        weight += MESSAGE_OVERHEAD_BYTES + len((message["content"] or "").encode())
        for call in message.get("tool_calls", ()):
            function = call["function"]
            weight += MESSAGE_OVERHEAD_BYTES + len(function["name"]) + len(function["arguments"].encode())
    return weight
