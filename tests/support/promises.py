"""What must be true of any talk that has ended, judged from all that it said and kept."""

import re
from collections import Counter
from dataclasses import dataclass, field

import orjson

from app.locales import say
from app.protocol.events import (
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    ResponseChunk,
    ResponseComplete,
    ToolFinished,
    ToolStarted,
    TurnStarted,
)
from app.session.history import ROUND_BREAK
from tests.support.talk import Talk, Workshop

STATUSES = "done|failed|timed_out|cancelled"


@dataclass
class Record:
    """What was done to a talk.

    Attributes:
        receipts: Texts that were taken, those included that were sent again.
        cut: Turns that were interrupted while they ran.
        idle_cuts: Interruptions that met no turn.
        cancelled: Calls that were cancelled.
        shown: The calls whose results each telling turn was to tell.
        is_dropped: The talk was closed in the middle.
    """

    receipts: int = 0
    cut: set[str] = field(default_factory=set[str])
    idle_cuts: int = 0
    cancelled: set[str] = field(default_factory=set[str])
    shown: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    is_dropped: bool = False


@dataclass
class Judge:
    """Holds a talk that has ended against its promises."""

    talk: Talk
    shop: Workshop
    record: Record

    def judge(self) -> None:
        """Fails where a promise was broken."""
        self.judge_texts()
        self.judge_turns()
        self.judge_interruptions()
        self.judge_history()
        self.judge_tools()
        self.judge_tellings()

    def judge_texts(self) -> None:
        """Every accepted text ends once, in order; a text that comes again has the same turn."""
        accepted = list(dict.fromkeys(self.talk.accepted()))
        ends = [end.turn_id for end in self.talk.endings() if end.turn_id in accepted]
        assert ends == accepted[: len(ends)], "out of order, or twice"
        assert self.record.is_dropped or ends == accepted, "a text without its ending"
        assert len(self.talk.events(MessageAccepted)) == self.record.receipts

    def judge_turns(self) -> None:
        """Turns never mix, and nothing of one follows its ending."""
        said = self.talk.events(
            TurnStarted, ToolStarted, ResponseChunk, Interrupted, ResponseComplete, ErrorOccurred
        )
        said = [event for event in said if event.turn_id]
        blocks = [e.turn_id for i, e in enumerate(said) if i == 0 or said[i - 1].turn_id != e.turn_id]
        assert len(blocks) == len(set(blocks)), "turns mixed"
        ended: set[str] = set()
        for event in said:
            assert event.turn_id not in ended, "something follows a turn's ending"
            if isinstance(event, ResponseComplete | ErrorOccurred):
                ended.add(str(event.turn_id))

    def judge_interruptions(self) -> None:
        """What was heard is what had left, and the ending says the same."""
        interrupted = self.talk.events(Interrupted)
        assert sum(event.turn_id is None for event in interrupted) == self.record.idle_cuts
        heard = {event.turn_id: event.heard for event in interrupted if event.turn_id}
        assert len(heard) == len(interrupted) - self.record.idle_cuts, "interrupted twice"
        completes = {event.turn_id: event for event in self.talk.events(ResponseComplete)}
        for turn_id, complete in completes.items():
            assert complete.text == self.talk.answer(turn_id)
        for turn_id, text in heard.items():
            assert completes[turn_id].finish_reason == "interrupted"
            assert completes[turn_id].text == text
        assert set(heard) <= self.record.cut
        assert self.record.is_dropped or set(heard) == self.record.cut

    def judge_history(self) -> None:
        """The history keeps what the agent said as far as it left, and not a word more."""
        talk = self.talk
        kept = [m["content"] or "" for m in talk.session.conversation_history if m["role"] == "assistant"]
        left = "".join(chunk.content for chunk in talk.events(ResponseChunk))
        # The server's own words for an answer without any are no words of the agent.
        left = left.replace(say(talk.session.locale, "empty_answer"), "")
        assert _run_together(left) == _run_together("".join(kept))
        texts = [m["content"] for m in talk.session.conversation_history if m["role"] == "user"]
        assert len(texts) <= len(set(talk.accepted()))

    def judge_tools(self) -> None:
        """A call ends once; a write is done once for one text."""
        started = [event.call_id for event in self.talk.events(ToolStarted)]
        finished = self.talk.events(ToolFinished)
        ended = Counter(event.call_id for event in finished)
        assert set(ended.values()) <= {1}
        assert set(started) <= set(ended)
        failed = Counter(event.name for event in finished if event.status == "failed")
        writes = Counter(tag for name, tag in self.shop.runs if name == "send")
        assert sum(count - 1 for count in writes.values()) <= failed["send"]
        by_user = {event.call_id for event in finished if event.reason == "user"}
        assert by_user <= self.record.cancelled
        for event in finished:
            is_unknown = event.name == "send" and event.status in ("timed_out", "cancelled")
            assert event.reason in (None, "user", "outcome_unknown")
            assert event.reason != "user" or event.status == "cancelled"
            assert event.reason != "outcome_unknown" or is_unknown

    def judge_tellings(self) -> None:
        """A background result is told in exactly one turn of which something was heard."""
        history = [
            orjson.loads(m["content"]) for m in self.talk.session.conversation_history if m["role"] == "tool"
        ]
        detached = {content["call_id"] for content in history if content["status"] == "running"}
        sources = {event.turn_id: event.source for event in self.talk.events(TurnStarted)}
        told: Counter[str] = Counter()
        plainly = 0
        for end in self.talk.events(ResponseComplete):
            text = self.talk.answer(end.turn_id)
            if sources.get(end.turn_id) != "tool" or not text:
                continue
            if end.finish_reason == "interrupted":
                # Told means that something of the telling was heard, whatever of it that was.
                ids = self.record.shown[end.turn_id]
            else:
                ids = set(re.findall(rf"<(?:{STATUSES}) (call_\w+)>", text))
            # After a turn that failed, what it had heard inline may be told as well.
            told.update(ids & detached)
            plainly += len(re.findall(r"La herramienta \w+ (?:ha|se)", text))
        assert set(told.values()) <= {1}, "told twice"
        if not self.record.is_dropped:
            assert len(told) + plainly == len(detached), "a result that was not told"


def _run_together(text: str) -> str:
    return text.replace(ROUND_BREAK, "")
