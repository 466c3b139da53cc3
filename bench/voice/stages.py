"""Where the time of a spoken answer goes: the stages that the server wrote down, after the end of speech."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from bench.voice.shares import share_of

Moments = Sequence[tuple[float, str]]
"""When which stage was reached, in order, on the clock that all processes of a machine share."""

NAMES: Final = {
    "pass": "the recogniser's last pass begins",
    "understood": "its words are known",
    "asked": "the model is asked early",
    "token": "its first word",
    "text": "the turn has ended: the words are a text",
    "clause": "the answer's first clause is whole",
    "front": "what its sound is made from (Kokoro's front)",
    "piece": "its first piece of sound is made",
    "frame": "the first frame has left",
    "heard": "and is with the client",
}


class StageLog:
    """The server's log, in lines of JSON at DEBUG."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def of(self, session_id: str) -> Moments:
        """The stages of one session so far."""
        return [
            (line["at"], line["stage"])
            for line in self._lines()
            if line.get("event") == "voice_stage" and line.get("session_id") == session_id
        ]

    def _lines(self) -> Iterator[dict[str, object]]:
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for text in file:
                if '"voice_stage"' in text and text.endswith("\n"):
                    yield json.loads(text)


def stages_of(moments: Moments, ended: float, heard: float | None) -> dict[str, float]:
    """The stages that led to the first sound after `ended`, in seconds after it; those it had.

    Args:
        moments: Of the session.
        ended: When the user had said all.
        heard: When the first sound came.
    """
    frame = next((at for at, stage in moments if stage == "frame" and at > ended), None)
    if frame is None:
        return {}

    def last(stage: str, until: float) -> float | None:
        return max((at for at, name in moments if name == stage and at <= until), default=None)

    def first(stage: str, since: float) -> float | None:
        return min((at for at, name in moments if name == stage and since <= at <= frame), default=None)

    text = last("text", frame)
    clause = last("clause", frame)
    understood = last("understood", text or frame)
    found = {
        "pass": last("pass", understood or frame),
        "understood": understood,
        "asked": last("asked", text or frame),
        "token": last("token", text or frame),
        "text": text,
        "clause": clause,
        "front": first("front", clause or frame),
        "piece": first("piece", clause or frame),
        "frame": frame,
        "heard": heard,
    }
    # What is older belongs to another utterance.
    return {stage: at - ended for stage, at in found.items() if at is not None and at > ended - 0.5}


def table(answers: Sequence[Mapping[str, float]]) -> list[str]:
    """A line for each stage: how many answers had it, and when, at the median and the 95th percentile."""
    lines: list[str] = []
    for stage, name in NAMES.items():
        values = sorted(answer[stage] for answer in answers if stage in answer)
        if values:
            p95 = share_of(values, 0.95)
            lines.append(f"{name} ({len(values)}): p50 {statistics.median(values):.2f} s, p95 {p95:.2f} s")
    return lines


def row(answer: Mapping[str, float]) -> str:
    """One answer, in a line."""
    return " ".join(f"{stage} {answer[stage]:.2f}" for stage in NAMES if stage in answer)
