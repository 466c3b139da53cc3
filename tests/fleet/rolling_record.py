"""What was heard in one talk of a rolling deploy, and what is wrong with it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

Kind = Literal["quiet", "streaming", "spoken"]

_TEXT = re.compile(r"(?:quiet|streaming|spoken) \d+\.\d+ \d+")

MS_OFF = 1.5
"""Places are told in whole milliseconds."""


@dataclass
class Record:
    """One talk. Moments are seconds on one clock of the talk's own; no two talks' are compared.

    Attributes:
        client: Who held it: `python`, `node`, or `plain` (Python, without a second connection).
        said: Texts by their id.
        said_at: When each was said.
        accepted: The turn of each text, by the text's id.
        turns: When each turn was told to begin, by the turn's id; the newest.
        endings: What each turn ended with, in order: text and finish reason.
        chunks: When which turn said what.
        starts: When which turn's sound was said to go on from which place, in milliseconds.
        sounds: When which turn sounded, and for how many milliseconds.
        losses: With which codes connections were lost.
        errors: What failed.
        waits: How often a process had no room, or did not reach the owner: the client came again by itself.
        resumes: How often the session was taken up again.
        gaps: How often messages were gone.
    """

    client: str
    kind: Kind
    said: dict[str, str] = field(default_factory=dict)
    said_at: dict[str, float] = field(default_factory=dict)
    accepted: dict[str, str] = field(default_factory=dict)
    endings: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    chunks: list[tuple[float, str, str]] = field(default_factory=list)
    starts: list[tuple[float, str, float]] = field(default_factory=list)
    sounds: list[tuple[float, str, float]] = field(default_factory=list)
    restarts: list[tuple[float, str]] = field(default_factory=list)
    losses: list[int] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    waits: int = 0
    resumes: int = 0
    gaps: int = 0

    @classmethod
    def of(cls, values: dict[str, Any]) -> "Record":
        """What the program in Node has printed."""
        return cls(
            **{
                **values,
                "endings": {
                    turn: [(text, why) for text, why in ends] for turn, ends in values["endings"].items()
                },
                "chunks": [(at, turn, words) for at, turn, words in values["chunks"]],
                "starts": [(at, turn, ms) for at, turn, ms in values["starts"]],
                "sounds": [(at, turn, ms) for at, turn, ms in values["sounds"]],
                "restarts": [(at, turn) for at, turn in values["restarts"]],
            }
        )


def reply_to(request: str) -> str:
    """What the model says to a text: `kind number.place words`, with whatever the server adds to it."""
    content = _TEXT.findall(request)[-1]
    words = int(content.split()[-1])
    return " ".join([f"[{content}]", *(f"p{number}" for number in range(words))])


def wrong_of(record: Record) -> Iterator[tuple[Literal["lost", "doubled", "broken"], str]]:
    """What was promised and not kept."""
    seen: dict[str, str] = {}
    for text_id, content in record.said.items():
        turn = record.accepted.get(text_id)
        if turn is None:
            yield "lost", f"{content}: no receipt"
            continue
        if turn in seen:
            yield "doubled", f"{content}: has the turn of {seen[turn]}"
        seen[turn] = content
        endings = record.endings.get(turn, [])
        if not endings:
            yield "lost", f"{content}: no answer"
        if len(endings) > 1:
            yield "doubled", f"{content}: {len(endings)} endings"
        for text, why in endings:
            if text != reply_to(content) or why not in ("stop", "history"):
                yield "broken", f"{content}: {why} {text[:60]!r}"
        words = _shown(record, turn)
        if endings and endings[0][1] == "stop" and words and words != endings[0][0]:
            yield "broken", f"{content}: shown {words[:80]!r}"
    for turn, where in _misplaced(record):
        yield "broken", f"sound of {turn}: {where}"
    for error in record.errors:
        yield "broken", error


def _shown(record: Record, turn: str) -> str:
    """The words that came of a turn, since it was begun anew last."""
    since = max((at for at, which in record.restarts if which == turn), default=0.0)
    return "".join(words for at, which, words in record.chunks if which == turn and at >= since)


def _misplaced(record: Record) -> Iterator[tuple[str, str]]:
    """Turns whose sound does not go on where what is held of it ends."""
    held: dict[str, float] = {}
    events = sorted(
        [(at, 0, turn, ms) for at, turn, ms in record.starts]
        + [(at, 1, turn, ms) for at, turn, ms in record.sounds],
        key=lambda event: event[0],
    )
    for _, is_sound, turn, ms in events:
        if is_sound:
            held[turn] = held.get(turn, 0.0) + ms
        else:
            if ms > held.get(turn, 0.0) + MS_OFF:
                yield turn, f"{held.get(turn, 0.0):.0f} ms are held, and it goes on at {ms:.0f}"
            held[turn] = min(held.get(turn, 0.0), ms)


def stalls_ms(record: Record, pace_s: float) -> list[float]:
    """How much longer than the pace each token was waited for, within its turn, in milliseconds."""
    found: list[float] = []
    restarts = {(turn, at) for at, turn in record.restarts}
    for (before, turn, _), (at, same, _) in pairwise(record.chunks):
        begun_anew = any(turn == which and before <= when <= at for which, when in restarts)
        if turn == same and not begun_anew:
            found.append(max(0.0, (at - before - pace_s) * 1000))
    return found


def waits_ms(record: Record) -> list[float]:
    """How long each text waited for the first word of its answer, in milliseconds."""
    first: dict[str, float] = {}
    for at, turn, _ in record.chunks:
        first.setdefault(turn, at)
    turns = {text_id: record.accepted.get(text_id, "") for text_id in record.said}
    return [
        (first[turn] - record.said_at[text_id]) * 1000 for text_id, turn in turns.items() if turn in first
    ]


def audible_gaps_ms(record: Record) -> list[float]:
    """How long a player that plays what comes at once was dry, frame by frame of a turn, in milliseconds."""
    gaps: list[float] = []
    playing, ends_at, held, begun_at = "", 0.0, 0.0, 0.0
    events = sorted(
        [(at, 0, turn, ms) for at, turn, ms in record.starts]
        + [(at, 1, turn, ms) for at, turn, ms in record.sounds],
        key=lambda event: event[0],
    )
    for at, is_sound, turn, ms in events:
        if not is_sound:
            if turn == playing and ms < held:
                # What is held beyond the place goes; what was played of it is played again.
                ends_at, held = max(at, ends_at - (held - ms) / 1000), ms
            continue
        if turn != playing:
            playing, ends_at, held, begun_at = turn, at, 0.0, at
        elif at > begun_at:
            gaps.append(max(0.0, (at - ends_at) * 1000))
        ends_at, held = max(at, ends_at) + ms / 1000, held + ms
    return gaps
