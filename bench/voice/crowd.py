"""Spoken talks side by side: how many a machine holds, and what becomes of those that are too many.

Each talker asks one recorded question after the other, as people do: when the answer has been heard, and
after a pause that is drawn.
"""

import asyncio
import random
import re
import statistics
import sys
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bench.voice.shares import share_of
from bench.voice.stages import StageLog, row, table
from bench.voice.talks import Talker, note_stages, talking

TURNS: Final = 4
GAP_S: Final = 0.15
"""Silence inside an answer from which on people hear that something is missing."""

_ANSWER_RATE_BYTES: Final = 48_000
_PATIENCE_S: Final = 30
_VOICES: Final = re.compile(r'^voice_agent_voice_answers_total\{voice="(\w+)"\} (\S+)$', re.MULTILINE)


@dataclass
class Crowd:
    """What so many talkers at a time heard.

    Attributes:
        gaps: Answers in which the sound stopped for longer than `GAP_S`.
        refused: Errors instead of sound.
        unheard: Questions without a transcript or without sound in time.
        voices: Answers by the voice that began them.
    """

    talkers: int
    transcripts_s: list[float] = field(default_factory=list)
    sounds_s: list[float] = field(default_factory=list)
    answers: int = 0
    gaps: int = 0
    worst_gap_s: float = 0.0
    refused: int = 0
    unheard: int = 0
    voices: dict[str, int] = field(default_factory=dict)
    stages: list[dict[str, float]] = field(default_factory=list)
    log: StageLog | None = None
    each: bool = False

    def as_line(self) -> str:
        def middle(values: Sequence[float]) -> str:
            if not values:
                return "none"
            return f"{statistics.median(values):.2f} / {share_of(values, 0.95):.2f} s"

        spoken = ", ".join(f"{name} {count}" for name, count in sorted(self.voices.items()) if count)
        return (
            f"{self.talkers} talks: transcript p50 / p95 {middle(self.transcripts_s)}, "
            f"first sound {middle(self.sounds_s)}, gaps in {self.gaps} of {self.answers} answers "
            f"(longest {self.worst_gap_s:.2f} s), refused {self.refused}, unheard {self.unheard}; {spoken}"
        )


def longest_gap_s(arrivals: Sequence[tuple[float, int]], words: Sequence[float] = ()) -> float:
    """For how long a player, which begins with the first piece, had nothing to play, at the most.

    A silence in which there was nothing to say, since a tool was at work, counts from when there was.

    Args:
        arrivals: When each piece of one answer came, in seconds, and its length in bytes.
        words: When the answer's text came.
    """
    longest, played_until = 0.0, arrivals[0][0] if arrivals else 0.0
    for at, length in arrivals:
        said = max((word for word in words if word <= at), default=0.0)
        longest = max(longest, at - max(played_until, said))
        played_until = max(at, played_until) + length / _ANSWER_RATE_BYTES
    return longest


async def _holds(url: str, questions: Sequence[Any], crowd: Crowd, chance: random.Random) -> None:
    async with talking(url, questions[0].language) as talker:
        for one in questions:
            await asyncio.sleep(chance.uniform(0.2, 2.5))
            await _asks(talker, one, crowd)


async def _asks(talker: Talker, one: Any, crowd: Crowd) -> None:
    heard = talker.heard
    before = len(heard.messages)
    sounds = len(heard.sounds)
    ended = await talker.says(one.pcm)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + _PATIENCE_S

    def new(kind: str, **fields: Any) -> list[tuple[float, dict[str, Any]]]:
        return [
            (at, m)
            for at, m in heard.messages[before:]
            if m["type"] == kind and all(m.get(name) == value for name, value in fields.items())
        ]

    while not (new("audio_complete") or new("error")) and loop.time() < deadline:  # noqa: ASYNC110  # real time
        await asyncio.sleep(0.02)
    finals = new("transcript", final=True)
    # What still sounds of the answer before, where somebody speaks over it, is none to this.
    arrivals = [(at, length) for at, length in heard.arrivals[sounds:] if at >= ended]
    crowd.refused += bool(new("error"))
    if finals:
        crowd.transcripts_s.append(finals[-1][0] - ended)
    if not finals or not (arrivals or new("error")):
        crowd.unheard += 1
    if arrivals:
        gap_s = longest_gap_s(arrivals, [at for at, _ in new("response_chunk")])
        crowd.sounds_s.append(arrivals[0][0] - ended)
        crowd.answers += 1
        crowd.gaps += gap_s > GAP_S
        crowd.worst_gap_s = max(crowd.worst_gap_s, gap_s)
        note_stages(crowd.log, talker, ended, arrivals[0][0], crowd.stages)
        if crowd.each and crowd.stages:
            sys.stdout.write(f"    gap {gap_s:.2f} {row(crowd.stages[-1])}  {one.text}\n")


def _voices(url: str) -> dict[str, int]:
    address = url.replace("ws://", "http://").removesuffix("/ws")
    with urllib.request.urlopen(f"{address}/metrics", timeout=5) as answer:
        return {name: int(float(count)) for name, count in _VOICES.findall(answer.read().decode())}


async def measure_crowds(
    url: str,
    corpus: Sequence[Any],
    sizes: Sequence[int],
    log: StageLog | None = None,
    *,
    each: bool = False,
) -> list[Crowd]:
    """Crowds one after the other, each with its line; `log` and `each` as in `talks.measure`."""
    found: list[Crowd] = []
    for size in sizes:
        chance = random.Random(size)
        crowd = Crowd(size, log=log, each=each)
        before = await asyncio.to_thread(_voices, url)
        languages = sorted({one.language for one in corpus})
        async with asyncio.TaskGroup() as group:
            for number in range(size):
                language = languages[number % len(languages)]
                own = [one for one in corpus if one.language == language]
                group.create_task(_holds(url, chance.choices(own, k=TURNS), crowd, random.Random(number)))
        after = await asyncio.to_thread(_voices, url)
        crowd.voices = {name: count - before.get(name, 0) for name, count in after.items()}
        sys.stdout.write("".join(f"{line}\n" for line in [crowd.as_line(), *table(crowd.stages)]))
        sys.stdout.flush()
        found.append(crowd)
    return found
