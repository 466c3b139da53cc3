"""The talks of a rolling deploy, by the Python client in this process and by the JavaScript one in Node."""

import asyncio
import json
import random
import time
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

from voice_agent_client import (
    AgentError,
    AudioChunk,
    AudioStarted,
    ConnectionLost,
    Event,
    History,
    MessageAccepted,
    ReconnectingClient,
    ResponseChunk,
    ResponseComplete,
    SessionReplaced,
    SessionResumed,
    TurnStarted,
)

from tests.fleet.rolling_record import Kind, Record

ROOT = Path(__file__).parents[2]
PROGRAM = Path(__file__).parent / "rolling_talks.mjs"
PATIENCE_S = 120
PAUSE_S: dict[Kind, float] = {"quiet": 6.0, "streaming": 0.5, "spoken": 0.5}
"""How long a talk rests after an answer, at most."""


class PlainClient(ReconnectingClient):
    """One that opens no second connection: it is closed, and comes back."""

    def _look_for_another(self, event: Event, attachment: Any) -> None:
        return


class Talk:
    """One talk of the Python client.

    Args:
        words: How many tokens an answer has, after the first.
        plain: It opens no second connection.
    """

    def __init__(self, url: str, kind: Kind, number: int, words: int, *, plain: bool = False) -> None:
        self.record = Record("plain" if plain else "python", kind)
        options: Any = {"audio": {"out": True}} if kind == "spoken" else {}
        make = PlainClient if plain else ReconnectingClient
        self._client = make(url, user_id=f"{kind}{number}", give_up_after_s=PATIENCE_S, **options)
        self._name = f"{kind} {number}"
        self._words = words
        self._dice = random.Random(number)
        self.has_begun = asyncio.Event()

    async def hold(self, is_over: asyncio.Event) -> None:
        """Says texts until it is over, and waits for the last answer."""
        hearing = asyncio.create_task(self._hear())
        try:
            while not is_over.is_set():
                record = self.record
                content = f"{self._name}.{len(record.said)} {self._words}"
                said = self._client.say(content)
                record.said[said.id] = content
                record.said_at[said.id] = time.monotonic()
                async with asyncio.timeout(PATIENCE_S):
                    answer = await said.answer()
                if not record.endings.get(answer.turn_id):
                    # Heard from a history alone.
                    record.endings.setdefault(answer.turn_id, []).append((answer.text, "history"))
                    record.accepted.setdefault(said.id, answer.turn_id)
                self.has_begun.set()
                await _rest(is_over, self._dice.uniform(0, PAUSE_S[record.kind]))
        except Exception as exc:
            self.record.errors.append(f"{self._name}: {exc!r}")
        finally:
            self.has_begun.set()
            await self._client.end()
            hearing.cancel()
            await asyncio.wait({hearing})

    async def _hear(self) -> None:
        try:
            async with aclosing(self._client.events()) as events:
                async for event in events:
                    self._note(event, time.monotonic())
        except Exception as exc:
            self.record.errors.append(f"{self._name}: {exc!r}")
            self._client.abandon_texts(exc)

    def _note(self, event: Event, at: float) -> None:
        record = self.record
        match event:
            case MessageAccepted(id=str(text_id), turn_id=turn_id):
                record.accepted[text_id] = turn_id
            case TurnStarted(turn_id):
                record.restarts.append((at, turn_id))
            case ResponseChunk(turn_id=turn_id, content=content):
                record.chunks.append((at, turn_id, content))
            case ResponseComplete(turn_id=turn_id, text=text, finish_reason=why):
                record.endings.setdefault(turn_id, []).append((text, why))
            case AudioStarted(turn_id=turn_id, offset_ms=ms):
                record.starts.append((at, turn_id, ms))
            case AudioChunk(turn_id=turn_id, sample_rate_hz=rate_hz, pcm=pcm):
                record.sounds.append((at, turn_id, len(pcm) / 2 / rate_hz * 1000))
            case _:
                self._note_connection(event)

    def _note_connection(self, event: Event) -> None:
        record = self.record
        match event:
            case ConnectionLost(code):
                record.losses.append(code)
            case SessionResumed():
                record.resumes += 1
            case History():
                record.gaps += 1
            case AgentError(code="server_full"):
                record.waits += 1
            case AgentError(code=code):
                record.errors.append(f"{self._name}: {code}")
            case SessionReplaced():
                record.errors.append(f"{self._name}: another session")
            case _:
                pass


async def _rest(is_over: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await is_over.wait()
    except TimeoutError:
        return


async def hold_in_node(
    url: str, plan: Sequence[tuple[Kind, int, int]], has_begun: asyncio.Event, is_over: asyncio.Event
) -> list[Record]:
    """Holds talks by the JavaScript client until it is over: kind, number and words of each."""
    if not plan:
        has_begun.set()
        return []
    process = await asyncio.create_subprocess_exec(
        "node",
        str(PROGRAM),
        url,
        json.dumps([{"kind": kind, "number": number, "words": words} for kind, number, words in plan]),
        json.dumps({kind: pause_s * 1000 for kind, pause_s in PAUSE_S.items()}),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=2**28,
        cwd=ROOT,
    )
    assert process.stdin is not None and process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_S):
            line = await process.stdout.readline()
        assert line == b"begun\n", line
        has_begun.set()
        await is_over.wait()
        process.stdin.close()
        async with asyncio.timeout(PATIENCE_S):
            said = await process.stdout.read()
        return [Record.of(values) for values in json.loads(said)]
    finally:
        has_begun.set()
        if process.returncode is None:
            process.kill()
        await process.wait()
