"""What a generated talk is: what the person does, what the model and the tools do, and how the network fails.

A text carries its own plan as JSON, so that the model's part follows from the text alone, and the same talk
can be held again without any drop.
"""

from dataclasses import dataclass
from typing import Any

import orjson
from hypothesis import strategies as st

from tests.support.relay import Direction, Fault, Kind

WORDS = ("uno ", "dös ", "tres€ ", "кот ", "fünf😀 ", "y\nsí ", "más ")


@dataclass(frozen=True)
class ToolPlan:
    """One tool call; `effect` is also the tool's name."""

    effect: str
    ms: int
    fails: bool
    reports: bool

    def arguments(self, tag: str) -> dict[str, Any]:
        """What the model calls it with."""
        result = "reports" if self.reports else "ok"
        return {"seconds": self.ms / 1000, "fails": self.fails, "tag": tag, "result": result}


@dataclass(frozen=True)
class TextPlan:
    """What the model makes of a text.

    Attributes:
        words: How many pieces of text it says first.
        pause_ms: Between them.
        failure: `refused` and `limited` fail before the first, `cut` and `stalled` after the last of them;
            `torn` too, but the connection goes down behind them and may take the last ones with it.
        tools: What it calls then.
    """

    words: int
    pause_ms: int
    failure: str | None
    tools: tuple[ToolPlan, ...]

    def said(self, number: int) -> str:
        """What the model says before its tools."""
        return "".join(self.pieces(number))

    def pieces(self, number: int) -> list[str]:
        """The same, piece by piece."""
        count = 0 if self.failure in ("refused", "limited") else self.words
        return [f"{number}.{n} {WORDS[(number + n) % len(WORDS)]}" for n in range(count)]

    def tags(self, number: int) -> list[str]:
        """What its tool calls are known by."""
        return [f"{number}/{n}" for n in range(len(self.tools))]

    def written(self, number: int) -> str:
        """The text that asks for it."""
        tools = [[t.effect, t.ms, t.fails, t.reports] for t in self.tools]
        plan = [number, self.words, self.pause_ms, self.failure, tools]
        return orjson.dumps(plan).decode()


def newest_text(content: str) -> str:
    """What a user's message ends with: texts that nobody has answered stand before it, in the same one."""
    return content.rsplit("\n\n", 1)[-1]


def read_plan(content: str) -> tuple[int, TextPlan]:
    """The number and plan of a message's newest text, as `written` wrote them."""
    number, words, pause_ms, failure, tools = orjson.loads(newest_text(content))
    return number, TextPlan(words, pause_ms, failure, tuple(ToolPlan(*tool) for tool in tools))


@dataclass(frozen=True)
class Step:
    """What the person does next.

    Attributes:
        does: `says`, `says over` (a text that interrupts), `interrupts` the turn that is heard, `stops` (an
            interruption that names no turn), `cancels` the tool that is heard of last.
        waits_for: What is heard before it, if it comes at all: `nothing`, a `chunk`, a `tool`, an `ending`.
        text: What is said.
    """

    does: str
    waits_for: str
    text: TextPlan | None


@dataclass(frozen=True)
class TalkPlan:
    """One talk and the connections that break under it."""

    steps: tuple[Step, ...]
    faults: tuple[Fault, ...]


tools = st.builds(
    ToolPlan,
    effect=st.sampled_from(["read", "write"]),
    ms=st.sampled_from([0, 2, 10, 28, 30, 32, 60, 150]),
    fails=st.sampled_from([False, False, True]),
    reports=st.booleans(),
)


@st.composite
def texts(draw: st.DrawFn) -> TextPlan:
    """What the model may make of a text: each ends in words, in tools, or in a failure."""
    failure = draw(st.sampled_from([None, None, None, None, "refused", "cut"]))
    wanted = draw(st.lists(tools, max_size=3)) if failure is None else []
    words = draw(st.integers(0 if wanted else 1, 12))
    return TextPlan(words, draw(st.sampled_from([0, 0, 1, 5])), failure, tuple(wanted))


@st.composite
def steps(draw: st.DrawFn) -> Step:
    """What a person may do."""
    kinds = ["says"] * 8 + ["says over", "interrupts", "stops", "cancels"]
    does = draw(st.sampled_from(kinds))
    waits_for = draw(st.sampled_from(["nothing", "nothing", "chunk", "tool", "ending"]))
    return Step(does, waits_for, draw(texts()) if does.startswith("says") else None)


UPGRADE_BYTES = {"up": 270, "down": 150}
"""About what the upgrade takes; a message takes about 100."""


@st.composite
def faults(draw: st.DrawFn) -> Fault:
    """How a connection breaks; seldom before it has become a WebSocket."""
    # A stalled connection costs the client two heartbeats before it comes back, so there are few of them.
    kinds: list[Kind] = ["cut"] * 5 + ["reset"] * 5 + ["trickle", "delay", "stall"]
    kind = draw(st.sampled_from(kinds))
    direction: Direction = draw(st.sampled_from(["up", "down", "down"]))
    upgrade, most = UPGRADE_BYTES[direction], 400 if direction == "up" else 1000
    is_early = draw(st.integers(0, 9)) == 9
    after = draw(st.integers(0, upgrade) if is_early else st.integers(upgrade, upgrade + most))
    return Fault(kind, direction, after, delay_s=0.005)


talks = st.builds(
    TalkPlan,
    steps=st.lists(steps(), min_size=2, max_size=7).map(tuple),
    faults=st.lists(faults(), min_size=2, max_size=6).map(tuple),
)


def describe(plan: TalkPlan) -> str:
    """A talk as a failing test shows it."""
    lines: list[Any] = [*plan.steps, *plan.faults]
    return "\n".join(map(repr, lines))
