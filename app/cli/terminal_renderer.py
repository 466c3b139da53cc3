"""What a terminal shows of a talk: answers on stdout, all else on stderr, never in the midst of a line."""

import json
from collections import deque
from typing import Final, TextIO

from voice_agent_client import (
    AgentError,
    ApprovalRequested,
    ConnectionLost,
    Event,
    GoingAway,
    History,
    Notice,
    ResponseChunk,
    ResponseComplete,
    SessionReplaced,
    SessionResumed,
    StateChanged,
    ToolFinished,
    ToolProgress,
    ToolStarted,
    Transcript,
)

from app.cli.messages import MESSAGES, Locale, message_text
from app.protocol.asking import shown_arguments

_SHOWN_REASONS: Final = {"interrupted", "length", "content_filter"}
_REMEMBERED_TURNS: Final = 200


class TerminalRenderer:
    """Show what comes.

    Args:
        answers: Where the agent's words go.
        notes: Where states, tools and errors go.
        is_quiet: Whether only errors are noted.
        is_shared: Whether both go to one screen, where a note must not stand in the midst of a line.
    """

    def __init__(
        self,
        answers: TextIO,
        notes: TextIO,
        locale: Locale,
        *,
        is_quiet: bool = False,
        is_shared: bool = True,
    ) -> None:
        self._answers = answers
        self._notes = notes
        self._locale: Locale = locale
        self._is_quiet = is_quiet
        self._is_shared = is_shared
        self._is_in_line = False
        self._turn_id: str | None = None
        self._told: deque[str] = deque(maxlen=_REMEMBERED_TURNS)

    def note(self, name: str, /, **fields: object) -> None:
        """Note a sentence, unless it is quiet here."""
        if not self._is_quiet:
            self.warn(name, **fields)

    def warn(self, name: str, /, **fields: object) -> None:
        """Note a sentence in any case."""
        if self._is_shared:
            self._break_line()
        print(f"· {message_text(self._locale, name, **fields)}", file=self._notes, flush=True)

    def write(self, event: Event) -> None:
        """Show one event of the talk."""
        match event:
            case ResponseChunk(turn_id, content):
                self._write_chunk(turn_id, content)
            case ResponseComplete():
                self._end_turn(event)
            case AgentError():
                self._write_error(event)
            case Notice(content):
                self._plain(content)
            case Transcript(content=content, final=True):
                self._plain(message_text(self._locale, "you", text=content))
            case History():
                self._write_history(event)
            case _:
                self._write_status(event)

    def _write_status(self, event: Event) -> None:
        match event:
            case ConnectionLost(retry_in_s=retry_in_s):
                self.note("dropped", seconds=retry_in_s)
            case SessionResumed():
                self.note("returned")
            case SessionReplaced():
                self.note("renewed")
            case GoingAway():
                self.note("going_away")
            case StateChanged(state) if f"state_{state}" in MESSAGES:
                self.note(f"state_{state}")
            case _:
                self._write_tool(event)

    def _write_chunk(self, turn_id: str, content: str) -> None:
        if turn_id != self._turn_id:
            self._break_line()
        self._turn_id = turn_id
        self._say(content)

    def _write_error(self, error: AgentError) -> None:
        content = error.content
        if error.local and error.code in MESSAGES:
            content = message_text(self._locale, error.code)
        self.warn("error", content=content or error.code)

    def _write_tool(self, event: Event) -> None:
        match event:
            case ToolStarted(call_id, name):
                self.note("tool_started", name=name, call_id=call_id)
            case ToolProgress(_, name, elapsed_s):
                self.note("tool_progress", name=name, seconds=elapsed_s)
            case ToolFinished(_, name, status, elapsed_s):
                if f"tool_{status}" in MESSAGES:
                    self.note(f"tool_{status}", name=name, seconds=elapsed_s)
                if event.reason == "outcome_unknown":
                    self.warn("outcome_unknown", name=name)
            case ApprovalRequested(call_id, name):
                arguments = shown_arguments(json.dumps(event.arguments or {}, ensure_ascii=False))
                if event.earlier:
                    self.warn("approval_earlier", name=name)
                self.warn("approval", name=name, call_id=call_id, arguments=arguments)
            case _:
                pass

    def _write_history(self, history: History) -> None:
        """Show the answers that were missed, and the beginning of the one that runs."""
        self.note("gap")
        self._break_line()
        self._turn_id = None
        # What waits is said anew, and whole, also where something of it was said before.
        known = {*self._told, *history.waiting}
        for entry in history.messages:
            if entry.role == "assistant" and entry.turn_id not in known:
                self._break_line()
                self._say(entry.content)
                self._break_line()
                if entry.truncated:
                    self.note("truncated")
                self._told.append(entry.turn_id)
        if history.turn:
            self._break_line()
            if history.turn.truncated:
                self.note("truncated")
            self._say(history.turn.text)

    def _say(self, text: str) -> None:
        if text:
            self._answers.write(text)
            self._answers.flush()
            self._is_in_line = not text.endswith("\n")

    def _end_turn(self, complete: ResponseComplete) -> None:
        self._break_line()
        self._told.append(complete.turn_id)
        if complete.finish_reason in _SHOWN_REASONS:
            self.note(complete.finish_reason)

    def _plain(self, text: str) -> None:
        if not self._is_quiet:
            if self._is_shared:
                self._break_line()
            print(text, file=self._notes, flush=True)

    def _break_line(self) -> None:
        if self._is_in_line:
            self._answers.write("\n")
            self._answers.flush()
            self._is_in_line = False
