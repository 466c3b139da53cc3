"""Talks as chance makes them: what people say and do, and how their connections break."""

from random import Random

from tests.support.relay import Direction, Fault, Kind
from tests.talks.plans import UPGRADE_BYTES, Step, TalkPlan, TextPlan, ToolPlan

TOOL_MS = (0, 0, 5, 30, 290, 310, 500, 1000, 2500, 4000, 9000)
"""Fast, as slow as a turn just waits for, slow, and beyond the time that a tool has."""

FAILURES = ("refused", "limited", "torn", "torn", "stalled")

DEEDS = ("says",) * 8 + ("says over", "interrupts", "stops", "cancels")

BREAKS: tuple[Kind, ...] = ("cut", "cut", "cut", "reset", "reset", "reset", "stall", "trickle", "delay")


def talk(dice: Random) -> TalkPlan:
    """A talk of some steps; its first connections all break."""
    steps = tuple(_step(dice) for _ in range(dice.randint(3, 7)))
    return TalkPlan(steps, tuple(_fault(dice) for _ in range(dice.randint(0, 5))))


def _step(dice: Random) -> Step:
    does = dice.choice(DEEDS)
    waits_for = dice.choice(("nothing", "nothing", "chunk", "tool", "ending"))
    return Step(does, waits_for, _text(dice) if does.startswith("says") else None)


def _text(dice: Random) -> TextPlan:
    failure = dice.choice(FAILURES) if dice.random() < 0.08 else None
    tools = () if failure else tuple(_tool(dice) for _ in range(dice.choice((0, 0, 0, 1, 1, 2, 3))))
    words = dice.randint(0 if tools else 1, 30)
    return TextPlan(words, dice.choice((0, 5, 20, 50)), failure, tools)


def _tool(dice: Random) -> ToolPlan:
    return ToolPlan(
        dice.choice(("read", "write")), dice.choice(TOOL_MS), dice.random() < 0.2, dice.random() < 0.3
    )


def _fault(dice: Random) -> Fault:
    kind = dice.choice(BREAKS)
    direction: Direction = dice.choice(("up", "down", "down"))
    most = 500 if direction == "up" else 2500
    after = UPGRADE_BYTES[direction] + dice.randint(0, most)
    if dice.random() < 0.1:
        after = dice.randint(0, UPGRADE_BYTES[direction])
    return Fault(kind, direction, after, delay_s=0.02)
