"""What was said, as the model is told it.

The history is kept in turns. Within a turn an assistant's tool calls and one tool message for each of them
enter together, so that the messages are acceptable to the API at every moment, whatever is interrupted or
fails in between: `validate` says what that means. The oldest whole turns leave when the prompt would be over
its budget; the newest stays.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Literal, overload

from app.chat import ApiMessage, Extras, NoteKind, TokenUsage
from app.session.history_turn import (
    ROUND_BREAK,
    CallRecord,
    PromptTurn,
    calling,
    is_speech,
    weight_of,
    without_calls,
    without_words,
)
from app.session.message_rules import validate
from app.session.tool_messages import RUNNING, tool_message

BYTES_PER_TOKEN = 3
"""Estimate for UTF-8 text in Spanish and English before a service has counted (design: bytes / 3)."""

KEPT_SHARE = 0.75
"""What a prompt over its budget is brought down to. Turns leave many at a time: a summary is made once for
all of them, and in between each prompt begins as the one before did, which services keep in their caches."""

MAX_LEFT = 1000
"""Turns that have left and were not taken; beyond, the oldest is lost to the summary."""

_LEAST_TOKENS_PER_BYTE, _MOST_TOKENS_PER_BYTE = 1 / 4.5, 1.0
"""What a service's count may make of the estimate; beyond lies no tokenizer but a wrong count."""

_COUNTED = ("user", "assistant")

LeftOut = Literal["unaccepted", "older"]
"""What a prompt may be asked without, where the service refuses it: what entered since the last one that it
took, or all but the newest turn."""


class History(Sequence[ApiMessage]):
    """The messages of one talk.

    Args:
        system_prompt: Stands before every prompt; never part of the sequence.
        max_tokens: Budget of a prompt in tokens, system prompt included, tools' schemas not.

    Attributes:
        message_count: User and assistant messages so far, those that left the prompt included.
        left_upto: The newest turn that has left the prompts.
        summary: What stands in the prompts for the turns that have left; empty where nothing does.
    """

    def __init__(self, system_prompt: str, max_tokens: int) -> None:
        self._rules = system_prompt
        self._system: ApiMessage = {"role": "system", "content": system_prompt}
        self._max_tokens = max_tokens
        self._turns: list[PromptTurn] = []
        self._left: list[PromptTurn] = []
        self._stand_in: ApiMessage | None = None
        self._is_stand_in_accepted = False
        self._settleable: dict[str, ApiMessage] = {}
        self._refusals = 0
        self._tokens_per_byte = 1 / BYTES_PER_TOKEN
        self._asked_bytes = 0
        self._was_stand_in_asked = False
        self._uncut: tuple[str, list[ApiMessage]] = ("", [])
        self._left_out: LeftOut | None = None
        self._names_content = False
        self._is_older_doubted = False
        self._has_failed = False
        self._refused: list[PromptTurn] = []
        self._halved: list[PromptTurn] = []
        self._writes: set[str] = set()
        self._superseded: set[str] = set()
        self.message_count = 0
        self.left_upto = ""
        self.summary = ""

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

    def begin_turn(self, turn_id: str, position: int = 0) -> None:
        """Open a turn; all that is added from now on belongs to it.

        Args:
            turn_id: The turn.
            position: Where its first message stands in the store, or a place before that.
        """
        while self._turns and not self._turns[-1].messages:
            self._turns.pop()
        if self._superseded:
            self._turns = [turn for turn in self._turns if turn.turn_id not in self._superseded]
        self._settleable.clear()
        self.make_room()
        self._turns.append(PromptTurn(turn_id, position))

    def tell_of_user(self, text: str) -> None:
        """Put what is known of the user behind the rules, in the place of what was told of them before."""
        self._system = {"role": "system", "content": f"{self._rules}\n\n{text}" if text else self._rules}

    def restore_turn(self, turn_id: str, messages: Sequence[ApiMessage], position: int = 0) -> None:
        """Add a turn of an earlier life of the session, if the API would take it."""
        if messages and not validate(messages):
            count = len(messages)
            # What was answered, the service took; of the rest nobody knows.
            accepted = count if is_speech(messages[-1]) else 0
            self._has_failed |= not accepted
            self._turns.append(PromptTurn(turn_id, position, list(messages), accepted, count))

    def take_unwritten(self) -> list[ApiMessage]:
        """Return what entered the newest turn since this was asked last, but for the user's text."""
        turn = self._turns[-1]
        fresh = turn.messages[turn.written :]
        turn.written = len(turn.messages)
        return [message for message in fresh if message["role"] != "user"]

    def add_user(self, text: str) -> None:
        """Add what the user said."""
        self._add({"role": "user", "content": text})

    def add_note(self, text: str, kind: NoteKind = "context") -> None:
        """Add what the operator's back end wants the model to know, or to do; clients cannot."""
        self._add({"role": "system", "content": text, "note": kind})

    def add_assistant(self, text: str, extras: Extras | None = None) -> None:
        """Add what the agent said; nothing said adds nothing, since the API refuses an empty message."""
        if text.strip():
            self._add({"role": "assistant", "content": text} | ({"extras": extras} if extras else {}))

    def add_calls(self, text: str, calls: Sequence[CallRecord], extras: Extras | None = None) -> None:
        """Add tool calls, with what was said before them, and a message that each of them is running.

        `settle` may replace that message until the next prompt has been built. `extras` is what the service
        gave with all of it.
        """
        self._add(calling(text, calls, extras))
        self._writes.update(call.call_id for call in calls if call.is_write)
        for call in calls:
            content = {"status": RUNNING, "call_id": call.call_id}
            message = tool_message(call.call_id, content | ({"note": call.note} if call.note else {}))
            self._settleable[call.call_id] = message
            self._add(message)

    def settle(self, call_id: str, content: dict[str, Any]) -> None:
        """Put a call's ending in the place of its "running" message.

        Raises:
            KeyError: The model has been told already that the call runs; that is never rewritten.
        """
        self._settleable.pop(call_id)["content"] = tool_message(call_id, content)["content"]
        self._turns[-1].touch()

    def can_settle(self, call_id: str) -> bool:
        """Return whether a call's "running" message may still be replaced."""
        return call_id in self._settleable

    def cut_speech(self, heard_chars: int) -> None:
        """Keep of what the agent said in the newest turn just what the user heard; call stay.

        Args:
            heard_chars: Characters of the turn's chunks that left, with the empty line between two rounds.
        """
        turn = self._turns[-1]
        self._uncut = (turn.turn_id, [dict(message) for message in turn.messages])
        self.message_count -= turn.cut_speech(heard_chars)

    def recut_speech(self, turn_id: str, heard_chars: int) -> str | None:
        """Cut a turn anew: the user heard more of it, or less. Of one that was not cut last, only less.

        Returns:
            What of it stands there now; None where the turn has left.
        """
        turn = next((each for each in self._turns if each.turn_id == turn_id), None)
        if turn is None:
            return None
        if self._uncut[0] != turn_id:
            self._uncut = (turn_id, [dict(message) for message in turn.messages])
        messages = self._uncut[1]
        self.message_count += len(messages) - len(turn.messages)
        turn.messages[:] = [dict(message) for message in messages]
        self.message_count -= turn.cut_speech(heard_chars)
        turn.written = len(turn.messages)
        said = [message["content"] for message in turn.messages if message["role"] == "assistant"]
        return ROUND_BREAK.join(text for text in said if text)

    def said_in(self, turn_id: str) -> list[ApiMessage]:
        """Return what a turn added, but for the user's text."""
        turn = next((each for each in self._turns if each.turn_id == turn_id), None)
        return [message for message in turn.messages if message["role"] != "user"] if turn else []

    def forget_turn(self, turn_id: str) -> None:
        """Take out all of the newest turn, in whose place another comes."""
        if self._turns and self._turns[-1].turn_id == turn_id:
            turn = self._turns[-1]
            self.message_count -= sum(message["role"] in _COUNTED for message in turn.messages)
            turn.messages.clear()
            turn.accepted = turn.written = 0
            turn.touch()

    def take_out_words(self, turn_id: str, role: Literal["user", "assistant"]) -> None:
        """Take out what one side said in a turn; calls and their results stay."""
        for turn in self._turns:
            if turn.turn_id == turn_id:
                self.message_count -= turn.take_out_words(role)

    def supersede(self, turn_ids: Collection[str]) -> None:
        """Turns that leave when the next one begins, when none of them runs any more; no summary has them."""
        self._superseded.update(turn_ids)

    def add_written(self, messages: Sequence[ApiMessage]) -> None:
        """Add what an earlier life of the session wrote down of the newest turn, if the API takes it."""
        turn = self._turns[-1]
        if messages and not validate([*turn.messages, *messages]):
            for message in messages:
                self._add(message)
            turn.written = len(turn.messages)

    def add_result(self, call: CallRecord, content: dict[str, Any]) -> None:
        """Add a background call's ending as a new pair of call and result; `call` has a new id."""
        self._add(calling("", [call]))
        self._writes.update([call.call_id] if call.is_write else ())
        self._add(tool_message(call.call_id, content))

    def take_out(self, call_ids: Collection[str]) -> None:
        """Take results out of the newest turn that `add_result` put there; what it did with them stays."""
        turn = self._turns[-1]
        self.message_count -= turn.take_out(call_ids)
        if self._uncut[0] == turn.turn_id:
            self._uncut = (turn.turn_id, without_calls(self._uncut[1], call_ids))

    def _add(self, message: ApiMessage) -> None:
        self._turns[-1].messages.append(message)
        self._turns[-1].touch()
        self.message_count += message["role"] in _COUNTED

    def take_left(self) -> list[PromptTurn]:
        """The turns that have left since this was asked last, oldest first: each is given out once."""
        left, self._left = self._left, []
        return left

    def set_summary(self, summary: str, content: str) -> None:
        """Put a summary in the place of the turns that have left.

        Args:
            summary: The summary itself.
            content: The same as the prompt has it: marked as what it is.
        """
        self.summary = summary
        self._stand_in = {"role": "system", "content": content, "note": "summary"}
        self._is_stand_in_accepted = self._was_stand_in_asked = False

    def for_api(self, tools_bytes: int = 0, without: LeftOut | None = None) -> list[ApiMessage]:
        """Return the next prompt: system prompt, summary, and as many of the newest whole turns as fit.

        Args:
            tools_bytes: Size of the tools' schemas that go with it, which the service counts too.
            without: What is left out for once, and doubted from then on if the service takes that prompt.

        Raises:
            ContextTooLong: The newest turn's texts alone are over the budget.
        """
        self._settleable.clear()
        self._was_stand_in_asked = False
        self._left_out = without
        self._fit_newest()
        self.make_room()
        head = self._head()
        # A summary never keeps the newest turn from being asked about.
        if len(head) > 1 and self._tokens(self._weight()) > self._max_tokens:
            del head[1]
        if without == "older":
            del head[1:]
        self._was_stand_in_asked = len(head) > 1
        self._asked_bytes = weight_of(head) + sum(turn.weight for turn in self._turns) + tools_bytes
        return [*head, *(self if without is None else self._without(without))]

    @property
    def last_said(self) -> str:
        """What the agent has said last; empty where somebody or something has come after it."""
        messages = self._turns[-1].messages if self._turns else []
        return messages[-1]["content"] or "" if messages and is_speech(messages[-1]) else ""

    def preview(self, text: str, tools_bytes: int = 0) -> tuple[list[ApiMessage], int] | None:
        """Return the prompt of a turn that would begin with this text now, and its tokens as estimated.

        Nothing changes by it. The messages are copies: what is done to the history later leaves them alone.

        Returns:
            None where turns would have to leave, or to be cut, to make room for the text.
        """
        newest: ApiMessage = {"role": "user", "content": text}
        weight = self._weight() + weight_of([newest])
        if self._tokens(weight) > self._max_tokens:
            return None
        messages = [dict(message) for message in (*self._head(), *self, newest)]
        return messages, round(self._tokens(weight + tools_bytes))

    def doubted(self, *, is_refused: bool, names_content: bool = False) -> Iterator[LeftOut]:
        """What the newest turn may be asked without, in this order, since its prompt was refused or failed.

        One prompt that goes well without something shows little: an outage may have ended between the two,
        or a refusal was chance. What was left out is only doubted then; the next prompt has it again, and if
        that fails too, and goes well without it, it leaves for good.

        Args:
            is_refused: The service has said that it is the prompt; else the service may just be down, and
                then nothing leaves that it has taken before.
            names_content: It has said that it is what was said: of what it has never taken, one prompt that
                goes well without it is proof.
        """
        self._names_content = names_content
        older = self._turns[:-1]
        has_failed, self._has_failed = self._has_failed, True
        is_doubtful = is_refused or has_failed or any(turn.is_doubted for turn in older)
        if is_doubtful and any(not is_speech(message) for turn in older for message in turn.unaccepted):
            yield "unaccepted"
        has_older = bool(older) or self._stand_in is not None
        if is_refused and has_older and (self._refusals or self._is_older_doubted):
            yield "older"

    def take_refused(self) -> list[PromptTurn]:
        """The turns of which something left for good, since prompts went well only without it; each once."""
        refused, self._refused = self._refused, []
        return refused

    def _without(self, without: LeftOut) -> Iterator[ApiMessage]:
        *older, newest = self._turns
        if without == "unaccepted":
            for turn in older:
                yield from self._kept(turn)
        yield from newest.messages

    def accepted(self) -> None:
        """The service has begun to answer: what the last prompt held is harmless."""
        self._refusals = 0
        self._has_failed = False
        self._halved.clear()
        left_out, self._left_out = self._left_out, None
        older = self._turns[:-1]
        if left_out == "older":
            self._doubt_older(older)
        else:
            self._is_older_doubted = False
            self._is_stand_in_accepted |= self._was_stand_in_asked
            for turn in older:
                if left_out is None or not self._doubt_unaccepted(turn):
                    turn.mark_accepted()
        self._turns[-1].mark_accepted()

    def _doubt_older(self, older: Sequence[PromptTurn]) -> None:
        """The newest turn was taken only without all that is older: once may be chance."""
        if self._is_older_doubted:
            self.summary, self._stand_in = "", None
            for turn in older:
                self._drop(turn, [])
        self._is_older_doubted = not self._is_older_doubted

    def _doubt_unaccepted(self, turn: PromptTurn) -> bool:
        """The newest turn was taken only without what is new in this one; return whether that stays."""
        kept = self._kept(turn)
        if list(map(id, kept)) == list(map(id, turn.messages)):
            return False
        if turn.is_doubted or self._names_content:
            self._drop(turn, kept)
            return False
        turn.is_doubted = True
        return True

    def _drop(self, turn: PromptTurn, kept: list[ApiMessage]) -> None:
        """Let all but these messages of a turn go, for good."""
        kept_ids = set(map(id, kept))
        gone = [message for message in turn.messages if id(message) not in kept_ids]
        if gone:
            self._refused.append(PromptTurn(turn.turn_id, turn.position, gone))
            self.message_count += _count(kept) - _count(turn.messages)
            turn.messages[:] = kept
            turn.touch()
        turn.mark_accepted()

    @property
    def asked_tokens(self) -> int:
        """What the last prompt holds, as estimated."""
        return round(self._tokens(self._asked_bytes))

    def observe(self, usage: TokenUsage, more_bytes: int = 0) -> None:
        """Correct the estimate by what the service counted for the last prompt.

        `more_bytes`: what it was sent beside that prompt.
        """
        if self._asked_bytes and usage.prompt_tokens > 0:
            measured = usage.prompt_tokens / (self._asked_bytes + more_bytes)
            self._tokens_per_byte = min(_MOST_TOKENS_PER_BYTE, max(_LEAST_TOKENS_PER_BYTE, measured))

    def drop_rejected(self) -> None:
        """Take out the texts and tool results that entered since the last accepted prompt.

        Otherwise every later prompt would be refused as well. Of writes it stays known that they were
        ordered, and how they ended. What the agent said and a new summary stay at first; if the next prompt
        is refused too, they go as well. Where the last prompt was asked without what is older, that is not
        to blame, and stays.
        """
        self._refusals += 1
        if self._refusals > 1 and self._was_stand_in_asked and not self._is_stand_in_accepted:
            self.summary, self._stand_in = "", None
        for turn in self._turns[-1:] if self._left_out is not None else self._turns:
            tail = turn.unaccepted
            if tail:
                turn.touch()
            kept = without_words(tail, self._writes, keeps_speech=self._refusals == 1)
            turn.messages[turn.accepted :] = kept
            self.message_count += _count(kept) - _count(tail)

    def _kept(self, turn: PromptTurn) -> list[ApiMessage]:
        """Return what a turn has that the service took, or that the agent said or did."""
        words = without_words(turn.unaccepted, self._writes, keeps_speech=True)
        return [*turn.messages[: turn.accepted], *words]

    def holds(self, call_id: str | None) -> bool:
        """Return whether the newest turn has a tool message for this call."""
        if call_id is None or not self._turns:
            return False
        return any(message.get("tool_call_id") == call_id for message in self._turns[-1].messages)

    def drop_older_half(self) -> bool:
        """Let the oldest whole turns go until half of the prompt has left; False if only one is left.

        They have left for good once a prompt without them is accepted; until then `take_back` undoes it.
        """
        if len(self._turns) < 2:
            return False
        self._halved += self._leave_until(self._tokens(self._weight()) / 2)
        return True

    def take_back(self) -> None:
        """Put back what left for nothing: without it, too, the service found the prompt too long."""
        while self._halved and self._left and self._left[-1] is self._halved[-1]:
            self._turns.insert(0, self._left.pop())
            self._halved.pop()
        self._halved.clear()

    def make_room(self) -> None:
        """Let the oldest whole turns go where there is more than the budget allows; the newest stays."""
        if self._tokens(self._weight()) > self._max_tokens:
            self._leave_until(self._max_tokens * KEPT_SHARE)

    def _leave_until(self, max_tokens: float) -> list[PromptTurn]:
        weight = self._weight()
        gone: list[PromptTurn] = []
        while self._tokens(weight) > max_tokens and len(self._turns) > 1:
            turn = self._turns.pop(0)
            weight -= turn.weight
            self.left_upto = turn.turn_id
            if turn.messages and turn.turn_id not in self._superseded:
                self._left.append(turn)
                del self._left[:-MAX_LEFT]
                gone.append(turn)
        return gone

    def _head(self) -> list[ApiMessage]:
        return [self._system] if self._stand_in is None else [self._system, self._stand_in]

    def _weight(self) -> int:
        return weight_of(self._head()) + sum(turn.weight for turn in self._turns)

    def _tokens(self, weight: int) -> float:
        return weight * self._tokens_per_byte

    def _fit_newest(self) -> None:
        """See to it that system prompt and newest turn alone are within the budget."""
        weight = weight_of([self._system]) + self._turns[-1].weight
        if self._tokens(weight) > self._max_tokens:
            self._turns[-1].cut_results(weight - int(self._max_tokens / self._tokens_per_byte))


def _count(messages: Sequence[ApiMessage]) -> int:
    return sum(message["role"] in _COUNTED for message in messages)
