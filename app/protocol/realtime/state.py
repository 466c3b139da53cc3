"""What one talk knows of its session: the conversation's items, and the response that is going on."""

import secrets
from collections import OrderedDict
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import count
from typing import Any, Final, Literal

from app.protocol.asking import ApprovalWays
from app.protocol.events import ApprovalRequested, AudioFormat, AudioTerms
from app.protocol.realtime.shapes import ClientFunction, SessionShape, SoundFormat

MAX_ITEMS: Final = 500
"""Items that are remembered one by one, for clients that ask for them."""

MAX_ITEM_CHARS: Final = 256 * 1024
"""What their texts may weigh together, in characters."""

MAX_UTTERANCES: Final = 8
"""Utterances that may be on their way to becoming texts."""

Json = dict[str, Any]

BY_WORDS: Final = ApprovalWays(in_words=True, aloud=True)


@dataclass(slots=True)
class Item:
    """An item of the conversation, as the client is told it.

    Attributes:
        turn_id: The turn in which the talk has it; empty where it has none yet.
        is_spoken: The user hears it, or has.
        before: The id of the item before it.
        began_ms: Where in the client's sound it began.
        is_truncated: The client has cut it: its words are no longer known to have been heard.
    """

    shape: Json
    turn_id: str = ""
    is_spoken: bool = False
    before: str | None = None
    began_ms: float = 0.0
    is_truncated: bool = False

    @property
    def known_shape(self) -> Json:
        """The item as it is told again: of one that was cut nobody is given words that were not heard."""
        if not self.is_truncated:
            return self.shape
        parts: list[Json] = self.shape.get("content") or []
        content = [{name: part[name] for name in part if name != "transcript"} for part in parts]
        return {**self.shape, "content": content}

    @property
    def item_id(self) -> str:
        """Its id."""
        return self.shape["id"]

    @property
    def role(self) -> str:
        """Whose message it is; empty where it is none."""
        return self.shape.get("role", "")

    @property
    def chars(self) -> int:
        """About what it weighs."""
        parts: list[Json] = self.shape.get("content") or []
        texts = [str(part.get("text") or part.get("transcript") or "") for part in parts]
        return sum(map(len, texts)) + len(self.shape.get("arguments") or self.shape.get("output") or "")


class Items:
    """The newest items of a conversation, in order."""

    def __init__(self) -> None:
        self._items: OrderedDict[str, Item] = OrderedDict()
        self._chars = 0
        self.last_id: str | None = None

    def __contains__(self, item_id: str) -> bool:
        return item_id in self._items

    def get(self, item_id: str) -> Item | None:
        """Return an item; None where there is none, or not any more."""
        return self._items.get(item_id)

    def add(self, item: Item) -> None:
        """Put an item behind the others."""
        item.before, self.last_id = self.last_id, item.item_id
        self._items[item.item_id] = item
        self._chars += item.chars
        self._bound()

    def settle(self, item: Item, shape: Json) -> None:
        """An item has come to its end."""
        known = item.item_id in self._items
        self._chars -= item.chars if known else 0
        item.shape = shape
        self._chars += item.chars if known else 0
        self._bound()

    def remove(self, item_id: str) -> None:
        """Forget an item."""
        self._drop(item_id)
        if self.last_id == item_id:
            self.last_id = next(reversed(self._items), None)

    def _drop(self, item_id: str) -> None:
        item = self._items.pop(item_id, None)
        self._chars -= item.chars if item is not None else 0

    def _bound(self) -> None:
        while len(self._items) > MAX_ITEMS or (self._chars > MAX_ITEM_CHARS and len(self._items) > 1):
            self._drop(next(iter(self._items)))


@dataclass(frozen=True, slots=True)
class Updated:
    """An update of the session was taken; `told` is what its client hears."""

    client_id: str
    told: Json


class Level(IntEnum):
    """How deep a response is open: itself, an item of its output, a part of that item's content."""

    RESPONSE = 0
    ITEM = 1
    PART = 2


CancelReason = Literal["client_cancelled", "turn_detected"]


@dataclass(slots=True)
class Wish:
    """What a client asked a response to be.

    Attributes:
        metadata: The client's own, given back as it is.
        max_output_tokens: As it is told; None where it is the session's.
    """

    metadata: Json | None = None
    max_output_tokens: int | str | None = None


@dataclass(slots=True)
class Response:
    """A response that is going on.

    Attributes:
        is_sound: It is spoken, and its text is a transcript.
        outputs: Its items that have ended.
        item: The one that is open.
        pieces: What of that one's text has been sent.
        has_sound: Some of its sound was sent.
    """

    response_id: str
    turn_id: str
    is_sound: bool
    wish: Wish = field(default_factory=Wish)
    level: Level = Level.RESPONSE
    outputs: list[Json] = field(default_factory=list[Json])
    item: Item | None = None
    pieces: list[str] = field(default_factory=list[str])
    has_sound: bool = False


@dataclass(slots=True)
class RealtimeTalk:
    """One talk's session.

    Attributes:
        config: The session as the client has it.
        features: What the server can do beyond text.
        takes_instructions: The operator lets clients bring instructions and tools.
        updating: Tools as they were before updates that may be refused, by the id that the core knows.
        adding: Items that the client created and that are not taken yet, by the id that the core knows.
        asked: Responses that the client asked for and that have not begun, likewise.
        wishes: The same, by their turn, as soon as that is known.
        response: The one that is going on.
        cancelled: Turns that the client has cancelled.
        audio: What sound the server was asked for last.
        voice: Which voice it was asked for last, and how fast.
        heard_ms: How much sound the client has sent.
        commits: Utterances that the client has ended and of which nothing has come yet.
        utterances: The items of what is being said, by the utterance.
        approvals: Calls that wait for approval and of which the client is not told yet.
        approving: Those that it was told of, by the id of the function call.
        newest_created: The item that the client created last.
        spoken: The newest utterance that has become a text, and its item: the user may go on with it.
    """

    config: SessionShape = field(default_factory=SessionShape)
    session_id: str = ""
    features: frozenset[str] = frozenset()
    takes_instructions: bool = False
    updating: dict[str, list[ClientFunction]] = field(default_factory=dict[str, "list[ClientFunction]"])
    items: Items = field(default_factory=Items)
    adding: dict[str, Item] = field(default_factory=dict[str, Item])
    asked: dict[str, Wish] = field(default_factory=dict[str, Wish])
    wishes: dict[str, Wish] = field(default_factory=dict[str, Wish])
    response: Response | None = None
    cancelled: set[str] = field(default_factory=set[str])
    audio: AudioTerms = field(default_factory=AudioTerms)
    voice: tuple[str, float] = ("", 1.0)
    heard_ms: float = 0.0
    commits: int = 0
    utterances: dict[str, Item] = field(default_factory=dict[str, Item])
    approvals: dict[str, ApprovalRequested] = field(default_factory=dict[str, ApprovalRequested])
    approving: dict[str, str] = field(default_factory=dict[str, str])
    newest_created: str = ""
    spoken: tuple[str, str] = ("", "")
    _ids: Any = field(default_factory=lambda: count(1))
    _key: str = field(default_factory=lambda: secrets.token_hex(6))

    def new_id(self, kind: str) -> str:
        """Return an id that this talk has not had: `event_...`, `item_...`."""
        return f"{kind}_{self._key}{next(self._ids):04x}"

    @property
    def speaks(self) -> bool:
        """Whether answers are spoken."""
        return self.config.speaks and "audio_out" in self.features

    @property
    def wanted_audio(self) -> AudioTerms:
        """What sound the session is to have, as the server can do it."""
        turns, written = self.config.audio.input.turn_detection, self.config.audio
        return AudioTerms(
            audio_format(written.input.format) if "audio_in" in self.features else None,
            self.speaks,
            is_manual=turns is None,
            is_optional=True,
            output=audio_format(written.output.format),
            answers=turns is not None and turns.create_response,
            interrupts=turns is None or turns.interrupt_response,
        )

    @property
    def approval_ways(self) -> ApprovalWays:
        """How its user answers what waits for approval: by the client's function, or by words."""
        return ApprovalWays() if self.config.takes_approvals else BY_WORDS

    @property
    def is_responding(self) -> bool:
        """Whether a response is going on, or one was asked for that has not begun."""
        return self.response is not None or bool(self.asked) or bool(self.wishes)

    def running_turn(self, response_id: str | None) -> str | None:
        """Return the turn of the response that is going on, or waits, if it is this one; None: any."""
        turns = [self.response.turn_id] if self.response is not None else [*self.wishes]
        named = [turn for turn in turns if response_id in (None, response_of(turn))]
        return named[0] if named else None


_ENCODINGS: Final[dict[str, Literal["pcm16", "mulaw", "alaw"]]] = {
    "audio/pcm": "pcm16",
    "audio/pcmu": "mulaw",
    "audio/pcma": "alaw",
}


def audio_format(written: SoundFormat) -> AudioFormat:
    """Return a format as the server knows it."""
    return AudioFormat(_ENCODINGS[written.type], written.rate_hz)


def response_of(turn_id: str) -> str:
    """Return the id of a turn's response."""
    return f"resp_{turn_id.removeprefix('turn_')}"


def item_of(turn_id: str, index: int) -> str:
    """Return the id of an item of a turn's output."""
    bare = turn_id.removeprefix("turn_")
    return f"item_{bare}_{index}" if index else f"item_{bare}"
