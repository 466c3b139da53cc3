"""What a terminal shows of a talk: answers on stdout, all else on stderr, never in the midst of a line."""

import json
from collections import deque
from typing import Final, TextIO

from app.cli.ledger import Message
from app.cli.link import Dropped, Item, Returned
from app.cli.wording import Locale, word
from app.protocol.asking import shown_arguments

_QUIET_STATES: Final = {"idle", "speaking"}
_REMEMBERED_TURNS: Final = 200


class Paper:
    """Writes down what comes.

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
        """Notes a sentence, unless it is quiet here."""
        if not self._is_quiet:
            self.warn(name, **fields)

    def warn(self, name: str, /, **fields: object) -> None:
        """Notes a sentence in any case."""
        if self._is_shared:
            self._break_line()
        print(f"· {word(self._locale, name, **fields)}", file=self._notes, flush=True)

    def write(self, item: Item) -> None:
        """Writes down one item of the talk."""
        match item:
            case bytes():
                pass
            case Dropped(retry_in_s):
                self.note("dropped", seconds=retry_in_s)
            case Returned(is_new):
                self.note("renewed" if is_new else "returned")
            case _:
                self._write_message(item)

    def _write_message(self, message: Message) -> None:
        match message:
            case {"type": "response_chunk", "turn_id": str(turn_id), "content": str(content)}:
                self._write_chunk(turn_id, content)
            case {"type": "response_complete"}:
                self._end_turn(message)
            case {"type": "system", "content": str(content)}:
                self._plain(content)
            case {"type": "error"}:
                self._write_error(message)
            case {"type": "state", "state": str(state)} if state not in _QUIET_STATES:
                self.note(f"state_{state}")
            case {"type": "transcript", "final": True, "content": content}:
                self._plain(word(self._locale, "you", text=content))
            case {"type": "going_away"}:
                self.note("going_away")
            case {"type": "history"}:
                self._write_history(message)
            case _:
                self._write_tool(message)

    def _write_chunk(self, turn_id: str, content: str) -> None:
        if turn_id != self._turn_id:
            self._break_line()
        self._turn_id = turn_id
        self._say(content)

    def _write_error(self, message: Message) -> None:
        content = message["content"]
        if message.get("code") == "refused_on_wire":
            content = word(self._locale, "refused_on_wire", code=content)
        self.warn("error", content=content)

    def _write_tool(self, message: Message) -> None:
        name = message.get("name")
        match message["type"]:
            case "tool_started":
                self.note("tool_started", name=name, call_id=message["call_id"])
            case "tool_progress":
                self.note("tool_progress", name=name, seconds=message["elapsed_s"])
            case "tool_finished":
                self.note(f"tool_{message['status']}", name=name, seconds=message["elapsed_s"])
                if message.get("reason") == "outcome_unknown":
                    self.warn("outcome_unknown", name=name)
            case "approval_requested":
                arguments = shown_arguments(json.dumps(message.get("arguments", {}), ensure_ascii=False))
                if message.get("earlier"):
                    self.warn("approval_earlier", name=name)
                self.warn("approval", name=name, call_id=message["call_id"], arguments=arguments)
            case _:
                pass

    def _write_history(self, message: Message) -> None:
        """Writes the answers that were missed, and the beginning of the one that runs."""
        self.note("gap")
        self._break_line()
        self._turn_id = None
        # What waits is said anew, and whole, also where something of it was said before.
        known = {*self._told, *message.get("waiting", ())}
        for entry in message["messages"]:
            if entry["role"] == "assistant" and entry["turn_id"] not in known:
                self._break_line()
                self._say(entry["content"])
                self._break_line()
                if entry.get("truncated"):
                    self.note("truncated")
                self._told.append(entry["turn_id"])
        if turn := message.get("turn"):
            self._break_line()
            if turn.get("truncated"):
                self.note("truncated")
            self._say(turn["text"])

    def _say(self, text: str) -> None:
        if text:
            self._answers.write(text)
            self._answers.flush()
            self._is_in_line = not text.endswith("\n")

    def _end_turn(self, message: Message) -> None:
        self._break_line()
        if "turn_id" in message:
            self._told.append(message["turn_id"])
        if (reason := message.get("finish_reason")) in ("interrupted", "length", "content_filter"):
            self.note(reason)

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
