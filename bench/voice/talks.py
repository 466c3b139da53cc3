"""Talks with a server as people do, in real time. Times run from the end of a recording's last sound."""

import asyncio
import json
import random
import statistics
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from bench.voice.shares import share_of
from bench.voice.stages import StageLog, row, stages_of, table
from bench.voice.word_errors import WordErrors, word_errors

RATE_HZ: Final = 16_000
FRAME_S: Final = 0.02
FRAME_BYTES: Final = round(RATE_HZ * FRAME_S) * 2
_QUIET: Final = 300
"""Samples below it are the recording's margin, not its speech."""

_IN_TIME_S: Final = 0.5
_JUDGED_WITHIN_S: Final = 4
"""After the speech: a busy machine knows its words late, and what comes then is no miss."""

LONG_ANSWER: Final = "Analiza este texto: " + "La playa estaba tranquila y el mar en calma. " * 8


@dataclass
class Heard:
    """What came back, with when it came, in seconds on the loop's clock."""

    messages: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    arrivals: list[tuple[float, int]] = field(default_factory=list)
    """Of each piece of sound: when it came, and its length in bytes."""

    @property
    def session_id(self) -> str:
        """Empty before there is one."""
        return next((m["session_id"] for _, m in self.messages if m["type"] == "session_created"), "")

    @property
    def sounds(self) -> list[float]:
        return [at for at, _ in self.arrivals]

    def all(self, kind: str, **fields: Any) -> list[tuple[float, dict[str, Any]]]:
        return [
            (at, m)
            for at, m in self.messages
            if m["type"] == kind and all(m.get(name) == value for name, value in fields.items())
        ]


class Talker:
    """A client with an open microphone."""

    def __init__(self, socket: ClientConnection) -> None:
        self.heard = Heard()
        self._socket = socket
        self._line = b""
        self._said = asyncio.Event()
        self._tasks = [asyncio.create_task(self._speak()), asyncio.create_task(self._listen())]

    async def sends(self, **message: Any) -> None:
        await self._socket.send(json.dumps(message))

    async def says(self, pcm: bytes) -> float:
        """Speaks; the moment at which the last sound had been said."""
        samples = np.abs(np.frombuffer(pcm, dtype="<i2").astype(np.int32))
        loud = np.flatnonzero(samples > _QUIET)
        margin_s = (samples.size - loud[-1]) / RATE_HZ if loud.size else 0.0
        self._said.clear()
        self._line = pcm
        await self._said.wait()
        return asyncio.get_running_loop().time() - margin_s

    async def until(self, kind: str, seconds: float, **fields: Any) -> bool:
        """Waits for a message; whether it came in time."""
        deadline = asyncio.get_running_loop().time() + seconds
        while not self.heard.all(kind, **fields):
            if asyncio.get_running_loop().time() > deadline:
                return False
            await asyncio.sleep(0.02)
        return True

    async def aclose(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _speak(self) -> None:
        loop = asyncio.get_running_loop()
        start, frames = loop.time(), 0
        while True:
            frame, self._line = self._line[:FRAME_BYTES], self._line[FRAME_BYTES:]
            await self._socket.send(frame.ljust(FRAME_BYTES, b"\0"))
            if not self._line:
                self._said.set()
            frames += 1
            await asyncio.sleep(max(0.0, start + frames * FRAME_S - loop.time()))

    async def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        async for raw in self._socket:
            if isinstance(raw, bytes):
                self.heard.arrivals.append((loop.time(), len(raw)))
            else:
                self.heard.messages.append((loop.time(), json.loads(raw)))


@asynccontextmanager
async def talking(url: str, language: str) -> AsyncIterator[Talker]:
    async with connect(
        url,
        subprotocols=[Subprotocol("voice-agent.v2")],
        compression=None,
        proxy=None,
        max_size=None,
    ) as socket:
        audio = {"in": {"sample_rate_hz": RATE_HZ}, "out": True}
        await socket.send(json.dumps({"type": "start", "locale": language, "audio": audio}))
        talker = Talker(socket)
        try:
            await talker.until("session_created", 10)
            yield talker
        finally:
            await talker.sends(type="end")
            await talker.aclose()


@dataclass
class Figures:
    """What was measured."""

    transcripts_s: list[float] = field(default_factory=list)
    sounds_s: list[float] = field(default_factory=list)
    errors: WordErrors = field(default_factory=WordErrors)
    cut: int = 0
    whole: int = 0
    false_turns: int = 0
    noise_s: float = 0.0
    missed: int = 0
    late: int = 0
    interruptions: int = 0
    stopped: int = 0
    assents: int = 0
    stages: list[dict[str, float]] = field(default_factory=list)

    def as_lines(self) -> list[str]:
        lines: list[str] = []
        for name, values in (("final transcript", self.transcripts_s), ("first sound", self.sounds_s)):
            if values:
                p95 = share_of(values, 0.95)
                middle = statistics.median(values)
                times = f"p50 {middle:.2f} s, p95 {p95:.2f} s"
                lines.append(f"{name} after the end of speech ({len(values)}): {times}")
        if self.errors.words:
            lines.append(f"words wrong: {self.errors.count} of {self.errors.words} ({self.errors.rate:.1%})")
        if self.whole:
            lines.append(f"sentences with a pause cut into two answers: {self.cut} of {self.whole}")
        if self.noise_s:
            lines.append(f"turns begun by {self.noise_s:.0f} s of noise: {self.false_turns}")
        if self.interruptions:
            late = f"; {self.late} came late" if self.late else ""
            lines.append(f"interruptions missed: {self.missed} of {self.interruptions}{late}")
        if self.assents:
            lines.append(f"assents taken for interruptions: {self.stopped} of {self.assents}")
        return [*lines, *(f"  {line}" for line in table(self.stages))]


async def sentence(url: str, one: Any, figures: Figures, log: StageLog | None = None) -> None:
    async with talking(url, one.language) as talker:
        ended = await talker.says(one.pcm)
        await talker.until("transcript", 15, final=True)
        await talker.until("audio_started", 15)
        finals = talker.heard.all("transcript", final=True)
        if finals:
            at, last = finals[-1]
            figures.transcripts_s.append(at - ended)
            figures.errors += word_errors(one.text, last["content"], one.language)
        else:
            figures.errors += word_errors(one.text, "", one.language)
        if talker.heard.sounds:
            figures.sounds_s.append(talker.heard.sounds[0] - ended)
            note_stages(log, talker, ended, talker.heard.sounds[0], figures.stages)


def note_stages(
    log: StageLog | None, talker: Talker, ended: float, heard: float, rows: list[dict[str, float]]
) -> None:
    """Adds the stages of an answer, where the server wrote them down."""
    if log is not None:
        rows.append(stages_of(log.of(talker.heard.session_id), ended, heard))


async def pause(url: str, one: Any, figures: Figures) -> None:
    async with talking(url, one.language) as talker:
        await talker.says(one.pcm)
        await talker.until("response_complete", 20, finish_reason="stop")
        await asyncio.sleep(1.5)
        figures.whole += 1
        figures.cut += len(talker.heard.all("response_complete", finish_reason="stop")) > 1


async def noise(url: str, one: Any, figures: Figures) -> None:
    async with talking(url, one.language) as talker:
        await talker.says(one.pcm)
        await asyncio.sleep(2)
        figures.noise_s += len(one.pcm) / RATE_HZ / 2
        figures.false_turns += len(talker.heard.all("message_accepted"))


async def over(url: str, one: Any, figures: Figures, *, is_assent: bool) -> None:
    async with talking(url, one.language) as talker:
        await talker.sends(type="text", content=LONG_ANSWER)
        if not await talker.until("audio_started", 15):
            return
        await asyncio.sleep(0.8)
        await talker.says(one.pcm)
        await talker.until("speech_stopped", 6)
        was_in_time = await talker.until("interrupted", _IN_TIME_S)
        was_stopped = was_in_time or await talker.until("interrupted", _JUDGED_WITHIN_S)
        if is_assent:
            figures.assents += 1
            figures.stopped += was_stopped
        else:
            figures.interruptions += 1
            figures.missed += not was_stopped
            figures.late += was_stopped and not was_in_time


async def measure(
    url: str,
    corpus: Sequence[Any],
    groups: dict[str, str],
    most: int,
    *,
    counts_words: bool = True,
    log: StageLog | None = None,
    each: bool = False,
) -> dict[str, Figures]:
    """All groups, one talk after another; the figures by voice, group and kind.

    Args:
        log: Has the stages of each answer.
        each: Prints them for each answer, not for all together alone.
    """
    found: dict[str, Figures] = {}
    by_group: dict[str, list[Any]] = {}
    for one in corpus:
        by_group.setdefault(f"{groups[one.id]} {one.kind}", []).append(one)
    chosen = random.Random(1)
    for name, entries in by_group.items():
        figures = found.setdefault(name, Figures())
        for one in chosen.sample(entries, min(most, len(entries))):
            group = groups[one.id].split()[0]
            match group:
                case "sentence":
                    await sentence(url, one, figures, log)
                    if each and figures.stages:
                        sys.stdout.write(f"    {row(figures.stages[-1])}  {one.text}\n")
                case "pause":
                    await pause(url, one, figures)
                case "noise":
                    await noise(url, one, figures)
                case _:
                    await over(url, one, figures, is_assent=group == "assent")
        if not counts_words:
            figures.errors = WordErrors()
        sys.stdout.write(f"{name}\n" + "".join(f"  {line}\n" for line in figures.as_lines()))
        sys.stdout.flush()
    return found
