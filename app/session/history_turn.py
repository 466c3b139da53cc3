"""A turn as the history keeps it, and what its messages weigh in a prompt."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import orjson

from app.chat import ApiMessage, Extras
from app.errors import ContextTooLong
from app.session.tool_messages import bare_ending, shorten

MESSAGE_OVERHEAD_BYTES = 12
"""Role and separators of a message, in bytes of the estimate (about 4 tokens in OpenAI's chat format)."""


ROUND_BREAK = "\n\n"
"""What stands on the wire between the texts of two rounds of a turn; not part of any message."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """A tool call as the history keeps it: an id of ours, a clean name, arguments as a JSON text.

    `note` is what the model is told beside that it runs; `extras` is what its service gave with it. What a
    write did stays known, whatever becomes of its words.
    """

    call_id: str
    name: str
    arguments: str
    note: str = ""
    extras: Extras | None = None
    is_write: bool = False


@dataclass(slots=True)
class PromptTurn:
    """The messages of one turn.

    Call `touch` after changing a message: what a turn weighs is counted once, or each request would count the
    whole history anew.

    Attributes:
        position: No message of the turn stands before this place in the store.
        accepted: How many of the messages were in a prompt that the service took.
        written: How many of the messages the journal has.
        is_doubted: A prompt went well without the rest of them, and none with it has yet.
    """

    turn_id: str
    position: int = 0
    messages: list[ApiMessage] = field(default_factory=list[ApiMessage])
    accepted: int = 0
    written: int = 0
    is_doubted: bool = False
    _weight: int | None = None

    @property
    def weight(self) -> int:
        """Bytes of what the model reads of it."""
        if self._weight is None:
            self._weight = weight_of(self.messages)
        return self._weight

    @property
    def unaccepted(self) -> list[ApiMessage]:
        """What was in no prompt that the service took."""
        return self.messages[self.accepted :]

    def mark_accepted(self) -> None:
        """The service has taken all of its messages."""
        self.accepted = len(self.messages)
        self.is_doubted = False

    def cut_speech(self, heard_chars: int) -> int:
        """Keep so many characters of what the agent said; call stay.

        Returns:
            How many messages had to go, as nothing of them is left.
        """
        left = heard_chars
        kept: list[ApiMessage] = []
        for message in self.messages:
            if message["role"] == "assistant" and message["content"]:
                text: str = message["content"]
                message["content"] = text[: max(left, 0)] or None
                left -= len(text) + len(ROUND_BREAK)
            if message["content"] is not None or "tool_calls" in message:
                kept.append(message)
        gone = len(self.messages) - len(kept)
        self.messages[:] = kept
        self.accepted = min(self.accepted, len(kept))
        self.touch()
        return gone

    def take_out(self, call_ids: Collection[str]) -> int:
        """Take out these calls and their results.

        Returns:
            How many messages of the agent's have gone.
        """
        speakers = sum(message["role"] == "assistant" for message in self.messages)
        self.accepted = len(without_calls(self.messages[: self.accepted], call_ids))
        self.written = len(without_calls(self.messages[: self.written], call_ids))
        self.messages[:] = without_calls(self.messages, call_ids)
        self.touch()
        return speakers - sum(message["role"] == "assistant" for message in self.messages)

    def take_out_words(self, role: str) -> int:
        """Take out what one side said; return how many messages that were."""

        def stays(message: ApiMessage) -> bool:
            return message["role"] != role or "tool_calls" in message

        before = len(self.messages)
        self.accepted = sum(map(stays, self.messages[: self.accepted]))
        self.written = sum(map(stays, self.messages[: self.written]))
        self.messages[:] = filter(stays, self.messages)
        self.touch()
        return before - len(self.messages)

    def cut_results(self, excess: int) -> None:
        """Cut the longest tool results until `excess` bytes have gone.

        Raises:
            ContextTooLong: There is not so much to cut.
        """
        results = [message for message in self.messages if message["role"] == "tool"]
        self.touch()
        while excess > 0:
            longest = max(results, key=lambda message: len(message["content"].encode()), default=None)
            if longest is None:
                raise ContextTooLong("the newest turn alone is over MAX_HISTORY_TOKENS")
            before = weight_of([longest])
            if not shorten(longest, excess):
                results.remove(longest)
            excess -= before - weight_of([longest])

    def touch(self) -> None:
        """Its messages have changed."""
        self._weight = None


def calling(text: str, calls: Sequence[CallRecord], extras: Extras | None = None) -> ApiMessage:
    """An assistant's message that calls tools, with what was said before them and what came along with it."""
    message: ApiMessage = {
        "role": "assistant",
        "content": text or None,
        "tool_calls": [
            {
                "id": call.call_id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            | ({"extras": call.extras} if call.extras else {})
            for call in calls
        ],
    }
    return message | ({"extras": extras} if extras else {})


def without_calls(messages: Sequence[ApiMessage], call_ids: Collection[str]) -> list[ApiMessage]:
    """The messages but for the results of these calls, and for what calls nothing else."""
    return [
        message
        for message in messages
        if message.get("tool_call_id") not in call_ids
        and not ("tool_calls" in message and all(call["id"] in call_ids for call in message["tool_calls"]))
    ]


def without_words(
    messages: Sequence[ApiMessage], writes: Collection[str], *, keeps_speech: bool
) -> list[ApiMessage]:
    """What stays of messages that may have been refused: that a write was ordered, and how it ended."""
    kept: list[ApiMessage] = []
    for message in messages:
        if "tool_calls" in message:
            ordered = [call for call in message["tool_calls"] if call["id"] in writes]
            records = [CallRecord(call["id"], call["function"]["name"], "{}") for call in ordered]
            kept += [calling("", records)] if records else []
        elif message["role"] == "tool":
            kept += [bare_ending(message)] if message["tool_call_id"] in writes else []
        elif keeps_speech and is_speech(message):
            kept.append(message)
    return kept


def is_speech(message: ApiMessage) -> bool:
    """Return whether it is what the agent said, and calls nothing."""
    return message["role"] == "assistant" and "tool_calls" not in message


def weight_of(messages: Sequence[ApiMessage]) -> int:
    """Bytes of what the model reads of these messages."""
    weight = 0
    for message in messages:
        weight += MESSAGE_OVERHEAD_BYTES + len((message["content"] or "").encode())
        if "extras" in message:
            weight += len(orjson.dumps(message["extras"]["fields"]))
        for call in message.get("tool_calls", ()):
            function = call["function"]
            weight += MESSAGE_OVERHEAD_BYTES + len(function["name"]) + len(function["arguments"].encode())
            if "extras" in call:
                weight += len(orjson.dumps(call["extras"]["fields"]))
    return weight
