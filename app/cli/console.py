"""The talk by text: lines in, answers out."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from app.cli.endings import Exit
from app.cli.ledger import Message
from app.cli.link import Item, Link, Returned
from app.cli.open_calls import OpenCalls
from app.cli.paper import Paper

_MAX_OPEN: Final = 8
"""So many texts may wait for their answers; the server's own default is as much."""

_GOODBYE_LIMIT_S: Final = 2.0
_REMEMBERED_TURNS: Final = 200

_ENDS_TURN: Final = {"response_complete", "error"}


class Console:
    """One talk by text.

    Args:
        lines: What the user types; where it ends, the talk ends after the answers that are due.
    """

    def __init__(self, link: Link, lines: AsyncGenerator[str, None], paper: Paper) -> None:
        self._link = link
        self._lines = lines
        self._paper = paper
        self._open: dict[str, str | None] = {}
        self._ended: deque[str] = deque(maxlen=_REMEMBERED_TURNS)
        self._calls = OpenCalls()
        self._turn_id: str | None = None
        self._state = "idle"
        self._has_failed = False
        self._is_interrupting = False
        self._changed = asyncio.Event()

    async def run(self) -> Exit:
        """Talks until the user or the server ends it.

        Raises:
            Ending: The server cannot be reached, or does not want the talk.
        """
        hearing = asyncio.create_task(self._hear(), name="hearing")
        typing = asyncio.create_task(self._type(), name="typing")
        try:
            await asyncio.wait({hearing, typing}, return_when=asyncio.FIRST_COMPLETED)
            if typing.done():
                typing.result()
                await self._link.end()
                await asyncio.wait({hearing}, timeout=_GOODBYE_LIMIT_S)
            if hearing.done():
                hearing.result()
        finally:
            for task in (hearing, typing):
                task.cancel()
            await asyncio.gather(hearing, typing, return_exceptions=True)
        return Exit.FAILED if self._has_failed else Exit.OK

    async def interrupt(self) -> bool:
        """Interrupts the agent; false where there is nothing to interrupt, or it was asked to stop before."""
        if self._turn_id is None or self._is_interrupting:
            return False
        self._is_interrupting = await self._link.send({"type": "interrupt", "turn_id": self._turn_id})
        return self._is_interrupting

    # What the user types

    async def _type(self) -> None:
        async with aclosing(self._lines) as lines:
            async for line in lines:
                line = line.strip()
                if line == "/quit":
                    return
                if line.startswith("/") and not line.startswith("//"):
                    await self._command(line)
                elif line:
                    await self._say(line.removeprefix("/"))
        await self._until(lambda: not self._open and self._state == "idle")

    async def _say(self, text: str) -> None:
        await self._until(lambda: len(self._open) < _MAX_OPEN)
        message = self._link.text(text)
        # Before it is sent: sending gives way to the other task, which may hear the receipt.
        self._open[message["id"]] = None
        await self._link.send(message)

    async def _command(self, line: str) -> None:
        command, _, given = line.partition(" ")
        if command == "/help":
            self._paper.warn("commands")
        elif command == "/interrupt":
            await self.interrupt()
        elif command not in ("/cancel", "/approve", "/deny"):
            self._paper.warn("unknown_command", command=command)
        else:
            await self._answer_call(command, given.strip())

    async def _answer_call(self, command: str, given: str) -> None:
        chosen = self._calls.chosen(given, only_asked=command != "/cancel")
        if not chosen:
            self._paper.warn("needs_id", command=command)
        elif len(chosen) > 1:
            self._paper.warn("several_ids", command=command, ids=", ".join(chosen))
        elif command == "/cancel":
            await self._link.send({"type": "cancel_tool", "call_id": chosen[0]})
        else:
            approved = command == "/approve"
            await self._link.send({"type": "approve_tool", "call_id": chosen[0], "approved": approved})

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    # What comes

    async def _hear(self) -> None:
        async with aclosing(self._link.items()) as items:
            async for item in items:
                self._paper.write(item)
                self._calls.follow(item)
                self._follow(item)
                self._changed.set()

    def _follow(self, item: Item) -> None:
        match item:
            case Returned(is_new=True):
                # Only what has no receipt was sent again.
                if any(turn_id is not None for turn_id in self._open.values()):
                    self._paper.warn("lost_answer")
                    self._has_failed = True
                self._open = {text_id: None for text_id, turn_id in self._open.items() if turn_id is None}
                self._turn_id, self._state = None, "idle"
            case {"type": "message_accepted", "id": str(text_id), "turn_id": turn_id}:
                if turn_id in self._ended:
                    self._open.pop(text_id, None)  # its first receipt was lost, and its turn has ended since
                elif text_id in self._open:
                    self._open[text_id] = turn_id
            case {"type": "turn_started", "turn_id": turn_id}:
                self._turn_id = turn_id
                self._is_interrupting = False
            case {"type": "state", "state": state}:
                self._state = state
            case {"type": "history"}:
                self._follow_history(item)
            case {"type": kind} if kind in _ENDS_TURN:
                self._end(item)
            case _:
                pass

    def _end(self, message: Message) -> None:
        if message["type"] == "error":
            self._has_failed = True
        if "turn_id" in message:
            self._ended.append(message["turn_id"])
        ended = {message.get("id"), message.get("turn_id")} - {None}
        self._open = {
            text_id: turn_id for text_id, turn_id in self._open.items() if not {text_id, turn_id} & ended
        }
        if message.get("turn_id") == self._turn_id:
            self._turn_id = None

    def _follow_history(self, message: Message) -> None:
        """After a gap: what was answered meanwhile is in the history."""
        answered = {entry["turn_id"] for entry in message["messages"] if entry["role"] == "assistant"}
        answered |= {entry["turn_id"] for entry in message["messages"] if entry.get("ending")}
        answered -= set(message.get("waiting", ()))
        failed = {entry["turn_id"] for entry in message["messages"] if entry.get("ending") == "failed"}
        self._has_failed |= bool(failed & set(self._open.values()))
        turn: Message = message.get("turn") or {}
        running: str | None = turn.get("turn_id")
        self._open = {
            text_id: turn_id
            for text_id, turn_id in self._open.items()
            if turn_id not in answered or turn_id == running
        }
        self._turn_id = running
        has_tools = any(call["status"] == "running" for call in message.get("tools", ()))
        self._state = "thinking" if running else "processing_tool" if has_tools else "idle"
