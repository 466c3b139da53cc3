"""Runs the fuzzer: draws talks until so many messages have been sent, then counts what is left."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, Phase, example, given, settings

from tests.fuzz.found import FOUND
from tests.fuzz.messages import MESSAGES_PER_TALK, DrawnTalk, talks
from tests.fuzz.world import Counts, World, fuzzed_world

SENT_PER_TALK = MESSAGES_PER_TALK / 1.25
"""The others are drops."""

WARM_UP = 0.3
"""The part of the talks after which the server's memory is compared with the end's."""


def fuzz(
    messages: int, folder: Path, report: Callable[[str], None] = lambda line: None, *, shrinks: bool = True
) -> tuple[World, Counts]:
    """Sends so many drawn messages. A talk that fails is shown, and kept in `.hypothesis/`.

    With `shrinks` it is made small first, which may take minutes.
    """
    phases = [Phase.explicit, Phase.reuse, Phase.generate, *([Phase.shrink] if shrinks else [])]
    count = round(messages / SENT_PER_TALK)
    # One loop for all talks: the stand-in and the server go on between them.
    with asyncio.Runner() as runner:
        around = fuzzed_world(folder)
        world = runner.run(around.__aenter__())

        @settings(
            max_examples=count,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            phases=phases,
            print_blob=True,
        )
        @given(talks())
        def holds(talk: DrawnTalk) -> None:
            runner.run(world.holds(talk))
            if world.warm is None and world.talks >= count * WARM_UP:
                world.warm = runner.run(world.counts())
            if world.talks % 400 == 0:
                report(f"{world.messages} messages")

        for talk in FOUND:
            holds = example(talk)(holds)
        try:
            holds()
            return world, runner.run(world.check_growth())
        finally:
            runner.run(around.__aexit__(None, None, None))
