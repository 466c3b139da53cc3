"""The talk by text: lines in, answers out."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Final

from voice_agent_client import AgentError, Event, ReconnectingClient, SessionReplaced, TurnStarted

from app.cli.cli_error import Exit
from app.cli.open_calls import OpenCalls
from app.cli.terminal_renderer import TerminalRenderer

_MAX_OPEN: Final = 8
"""So many texts may wait for their answers; the server's own default is as much."""

_GOODBYE_LIMIT_S: Final = 3.0


class Console:
    """One talk by text.

    Args:
        client: The talk.
        lines: What the user types; where it ends, the talk ends after the answers that are due.
        renderer: Shows what comes.
    """

    def __init__(
        self, client: ReconnectingClient, lines: AsyncGenerator[str, None], renderer: TerminalRenderer
    ) -> None:
        self._client = client
        self._lines = lines
        self._renderer = renderer
        self._calls = OpenCalls()
        self._has_failed = False
        self._is_interrupting = False
        self._changed = asyncio.Event()

    async def run(self) -> Exit:
        """Talk until the user or the server ends it.

        Raises:
            VoiceAgentError: The server cannot be reached, or does not want the talk.
        """
        hearing = asyncio.create_task(self._hear(), name="hearing")
        typing = asyncio.create_task(self._type(), name="typing")
        try:
            await asyncio.wait({hearing, typing}, return_when=asyncio.FIRST_COMPLETED)
            if typing.done():
                typing.result()
                await self._client.end()
                await asyncio.wait({hearing}, timeout=_GOODBYE_LIMIT_S)
            if hearing.done():
                hearing.result()
        finally:
            for task in (hearing, typing):
                task.cancel()
            await asyncio.gather(hearing, typing, return_exceptions=True)
        return Exit.FAILED if self._has_failed else Exit.OK

    async def interrupt(self) -> bool:
        """Interrupt the agent; false where there is nothing to interrupt, or it was asked to stop before."""
        if self._client.turn_id is None or self._is_interrupting:
            return False
        self._is_interrupting = await self._client.interrupt()
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
                    await self._until(lambda: len(self._client.open_texts) < _MAX_OPEN)
                    self._client.say(line.removeprefix("/"))
        await self._until(lambda: not self._client.open_texts and self._client.state == "idle")

    async def _command(self, line: str) -> None:
        command, _, given = line.partition(" ")
        if command == "/help":
            self._renderer.warn("commands")
        elif command == "/interrupt":
            await self.interrupt()
        elif command not in ("/cancel", "/approve", "/deny"):
            self._renderer.warn("unknown_command", command=command)
        else:
            await self._answer_call(command, given.strip())

    async def _answer_call(self, command: str, given: str) -> None:
        chosen = self._calls.chosen(given, only_asked=command != "/cancel")
        if not chosen:
            self._renderer.warn("needs_id", command=command)
        elif len(chosen) > 1:
            self._renderer.warn("several_ids", command=command, ids=", ".join(chosen))
        elif command == "/cancel":
            await self._client.cancel_tool(chosen[0])
        else:
            await self._client.approve_tool(chosen[0], approved=command == "/approve")

    async def _until(self, holds: Callable[[], bool]) -> None:
        while not holds():
            self._changed.clear()
            await self._changed.wait()

    # What comes

    async def _hear(self) -> None:
        async with aclosing(self._client.events()) as events:
            async for event in events:
                self._renderer.write(event)
                self._calls.follow(event)
                self._follow(event)
                self._changed.set()

    def _follow(self, event: Event) -> None:
        match event:
            case SessionReplaced(lost=[_, *_]):
                self._renderer.warn("lost_answer")
                self._has_failed = True
            case TurnStarted():
                self._is_interrupting = False
            case AgentError():
                self._has_failed = True
            case _:
                pass
