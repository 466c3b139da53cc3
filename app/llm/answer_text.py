"""What of an answer's text is for the user: neither thoughts nor tool calls that the model writes into it.

They are found at an answer's beginning, so that nothing is held back of an ordinary answer: its first
character tells that it is one. Behind that, only a tag may end a thought that had not begun, or begin calls
that end the answer. A text that speaks of the tags, or shows a call, stays what it is.
"""

import re
from collections.abc import Callable
from typing import Final

from app.llm.base import FunctionCall
from app.llm.call_beginnings import may_be_call, may_be_call_in_text
from app.llm.call_places import CallPlaces
from app.llm.held_call import HeldCall
from app.llm.offered_tools import OfferedTools
from app.llm.thinking_habit import ThinkingHabit, guess
from app.llm.thoughts import (
    OpeningTag,
    ShownUntil,
    ThoughtEnd,
    closing_in,
    may_close,
    may_open,
    mentions_opening,
    opening_of,
)
from app.llm.written_calls import written_calls

_BLANKS: Final = " \t\r\n\ufeff\u200b"
_MAX_BLANKS: Final = 1000
_MAX_HELD_CHARS: Final = 256 * 1024
TAG_CHARS: Final = 40
"""As much as is looked at of what was shown before."""

_Step = tuple[str, str | None]
"""What can be shown, and what is left for the next stage; None where nothing is."""


MARKS: Final = ("<", "[", "`", "\u25c1")
"""With these begin tags, and the fences that make what stands in them an example."""


def has_mark(text: str) -> bool:
    """Return whether any of `MARKS` stands in a text."""
    return "<" in text or "[" in text or "`" in text or "\u25c1" in text


class AnswerText:
    """The text of one answer, as far as it has come.

    Args:
        tools: What the request offers.
        habit: What is known of the model; it learns from this answer.

    Attributes:
        is_plain: Nothing is held back: a piece without any of `MARKS` may be shown without asking.
        calls: The calls that the text consisted of, after its end.
        is_recalled: What was shown until now was a thought. Set when its end came; the caller resets it.
    """

    def __init__(self, tools: OfferedTools, habit: ThinkingHabit) -> None:
        self.is_plain = False
        self.calls: tuple[FunctionCall, ...] = ()
        self.is_recalled = False
        self._tools = tools
        self._habit = habit
        self._stage: Callable[[str], _Step] = self._open
        self._held = ""
        self._blanks = 0
        self._tail = ""
        self._call = HeldCall(tools)
        self._places = CallPlaces(tools)
        self._is_behind_thought = False
        self._has_opened = False
        self._thought = ThoughtEnd(OpeningTag(0))
        self._wrapped = ShownUntil(())
        self._is_fresh = False
        self._unshown = ""

    def feed(self, text: str, before: str = "") -> str:
        """Take the next piece; return what can be shown of it and of what was held back.

        Args:
            text: The piece.
            before: The last piece that was shown without asking.
        """
        if self.is_plain:
            self._tail = before[-TAG_CHARS:]
            self._places.pass_over(self._tail)
        shown, rest = self._stage(text)
        while rest is not None:
            more, rest = self._stage(rest)
            shown += more
        return shown

    def thinks_apart(self) -> None:
        """Note that the service tells thoughts from text by itself."""
        self._has_opened = True
        self._habit.saw_apart()

    def finish(self, *, is_cut: bool, has_calls: bool = False) -> str:
        """Return what was held back and is text after all; `calls` are known from here on.

        Args:
            is_cut: The answer is over its limit.
            has_calls: It calls tools beside its text.
        """
        if has_calls:
            self._unshown = ""  # something stands behind it
        shown = ""
        while self._stage == self._think and (rest := self._thought.finish()) is not None:
            self._begin_anew()
            shown += self.feed(rest)
        return shown + self._rest(is_cut)

    def _rest(self, is_cut: bool) -> str:
        held, self._held = self._held or self._call.text, ""
        if self._unshown and not is_cut and self._stage in (self._think, self._open) and not held.strip():
            return self._unshown  # with nothing behind it
        if self._stage == self._think:
            return ""
        if self._stage == self._show_wrapped:
            return self._wrapped.finish()
        if self._stage == self._think_unopened and is_cut and self._habit.is_unopened:
            return ""
        if self._stage == self._pass_on and closing_in(self._tail + held, len(self._tail)):
            held = ""  # all of it was a thought
        if not (is_cut or self._is_behind_thought) and (held.strip() or self._stage == self._pass_on):
            self._habit.saw_apart()
        if held and self._tools and self._stage != self._pass_on:
            self.calls = written_calls(held, self._tools, is_cut=is_cut)
        self._stage = self._pass_on
        return "" if self.calls else self._without_blanks(held)

    def _open(self, text: str) -> _Step:
        """Return the beginning: of the answer, or of what follows a thought."""
        if not self._held:
            self._blanks = 0
        if len(self._held) == self._blanks:  # nothing but blanks so far: of many, only new ones are looked at
            self._blanks += len(text) - len(text.lstrip(_BLANKS))
        self._held += text
        lead = self._held[self._blanks :]
        if not lead and len(self._held) <= _MAX_BLANKS:
            return "", None
        opening = opening_of(lead, is_behind_thought=self._is_behind_thought)
        if opening is not None:
            self._held = ""
            self._enter(opening)
            self._unshown = lead[: opening.length] if opening.is_word else ""
            return "", lead[opening.length :]
        if may_open(lead, is_behind_thought=self._is_behind_thought):
            return "", None
        if self._may_be_unopened(lead):
            self._held, self._stage = "", self._think_unopened
            return "", lead
        if self._stage == self._open and self._tools and may_be_call(lead, self._tools):
            held, self._held = self._held, ""
            self._call, self._stage = HeldCall(self._tools), self._hold_call
            return "", held
        if self._is_unsure(lead):
            return "", None
        return self._show_held()

    def _enter(self, opening: OpeningTag) -> None:
        if opening.is_shown:
            self._wrapped, self._stage = ShownUntil(opening.ends), self._show_wrapped
            self._is_fresh = True
            return
        self._has_opened = True
        self._habit.saw_apart()
        if opening.tag or opening.ends:
            self._thought, self._stage = ThoughtEnd(opening), self._think
        else:
            self._begin_anew()

    def _may_be_unopened(self, lead: str) -> bool:
        if self._has_opened or self._is_behind_thought:
            return False
        if self._habit.is_known:
            return self._habit.is_unopened
        closing = closing_in(lead)
        if closing is not None:
            return guess(lead[: closing.start()]) != "answer"
        return guess(lead) == "thought"

    def _is_unsure(self, lead: str) -> bool:
        is_first = not (self._has_opened or self._is_behind_thought or self._habit.is_known)
        return is_first and guess(lead) == "unsure"

    def _think(self, text: str) -> _Step:
        """Inside a thought."""
        if self._unshown:
            self._unshown = self._unshown + text if len(self._unshown) < _MAX_HELD_CHARS else ""
        rest = self._thought.feed(text)
        if rest is not None:
            self._begin_anew()
        return "", rest

    def _think_unopened(self, text: str) -> _Step:
        """Inside what is a thought if a closing tag comes, and an answer if none does."""
        start = max(0, len(self._held) - TAG_CHARS)
        self._held += text
        closing = closing_in(self._held, start)
        if closing is None:
            if len(self._held) > _MAX_HELD_CHARS:
                return self._show_held()
            return "", None
        self._habit.saw_closing()
        rest, self._held = self._held[closing.end() :], ""
        self._begin_anew()
        return "", rest

    def _begin_anew(self) -> None:
        self.is_plain = False
        self._is_behind_thought, self._stage = True, self._open

    def _show_wrapped(self, text: str) -> _Step:
        """Inside what wraps an answer."""
        shown, rest = self._wrapped.feed(text)
        if self._is_fresh:
            shown = shown.lstrip(_BLANKS)
            self._is_fresh = not shown
        if rest is not None:
            self._begin_anew()
        return shown, rest

    def _hold_call(self, text: str) -> _Step:
        """Inside what may be a call."""
        if self._call.feed(text):
            return "", None
        self._held, self._call = self._call.text, HeldCall(self._tools)
        return self._show_held()

    def _hold_call_in_text(self, text: str) -> _Step:
        """Inside what may be a call, behind a text that was shown."""
        if self._call.feed(text):
            return "", None
        held, self._call = self._call.text, HeldCall(self._tools)
        self._places.refuse()
        self._stage = self._pass_on
        return "", held

    def _show_held(self) -> _Step:
        """The text is an ordinary one."""
        text, self._held = self._without_blanks(self._held), ""
        self._unshown = ""
        self._stage = self._pass_on
        return "", text

    def _without_blanks(self, text: str) -> str:
        return text.lstrip(_BLANKS) if self._is_behind_thought else text

    def _pass_on(self, text: str) -> _Step:
        """Return an ordinary text; still it may turn out to have been a thought, or to end in a call."""
        text, self._held = self._held + text, ""
        seen = self._tail + text
        if not has_mark(seen):
            return self._passed(text, seen), None
        new = len(self._tail)
        closing, begun = self._closing_in(seen, new)
        call_at = self._places.first_in(seen, new)
        if call_at is not None and (closing is None or call_at < closing.start()):
            shown = self._passed(seen[new:call_at], seen[:call_at], is_plain=False)
            self._call, self._stage = HeldCall(self._tools, may_be_call_in_text), self._hold_call_in_text
            return shown, seen[call_at:]
        if begun and (closing is None or closing.end() > len(seen) - begun):
            self._held = text[-begun:]
            return self._passed(text[:-begun], seen[:-begun], is_plain=False), None
        if closing is None:
            return self._passed(text, seen), None
        self._habit.saw_closing()
        self.is_recalled = True
        self._begin_anew()
        return "", seen[closing.end() :]

    def _closing_in(self, seen: str, new: int) -> tuple[re.Match[str] | None, int]:
        """Return the end of a thought that had not begun, and how many characters may yet become one."""
        # Who speaks of the tags names the opening one first.
        self._has_opened = self._has_opened or (not self._is_behind_thought and mentions_opening(seen))
        if self._has_opened or self._is_behind_thought:
            return None, 0
        closing = closing_in(seen, is_strict=self._habit.is_known, behind=new)
        return closing, min(may_close(seen), len(seen) - new)

    def _passed(self, text: str, seen: str, *, is_plain: bool = True) -> str:
        self._places.pass_on(text)
        self._tail = seen[-TAG_CHARS:]
        self.is_plain = is_plain and not has_mark(self._tail)
        return text
