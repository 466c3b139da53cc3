"""When memory that is free goes back to the system."""

import asyncio

import pytest

from app.services.upkeep.tidying import LOOK_EVERY_S, Tidiness, keep_small
from tests.support.virtual_time import virtual

# What has been worked and is held at each look, ten seconds after the one before, and what is done then.
LOOKS = {
    "at rest": [(0.1, 100, "nothing"), (0.2, 101, "nothing")],
    "busy": [(5.0, 105, "nothing"), (10.0, 110, "nothing"), (15.0, 114, "nothing")],
    "busy, and it grows": [
        (5.0, 110, "nothing"),
        (10.0, 117, "trim"),
        (15.0, 118, "nothing"),
        (20.0, 140, "trim"),
    ],
    "work is over": [(5.0, 110, "nothing"), (5.1, 110, "collect"), (5.2, 110, "nothing")],
    "a little work": [(1.5, 110, "nothing"), (1.6, 110, "nothing")],
    "sessions have ended soon, and expired since": [
        (5.0, 110, "nothing"),
        (5.1, 110, "collect"),
        (5.1, 110, "nothing"),
        (5.1, 110, "collect"),
        (5.1, 110, "collect"),
        (5.1, 110, "nothing"),
        (5.1, 110, "nothing"),
        (5.1, 110, "nothing"),
        (5.1, 110, "nothing"),
    ],
    "what is held sinks by itself": [(0.1, 60, "nothing"), (0.2, 77, "trim")],
}


@pytest.mark.parametrize("name", LOOKS)
def test_it_is_given_back_when_much_more_is_held_and_when_work_is_over(name: str) -> None:
    tidiness = Tidiness(0.0, 0.0, 100.0, window_s=20.0)
    done: list[str] = []
    for number, (cpu_s, held_mib, _) in enumerate(LOOKS[name], 1):
        what = tidiness.look(10.0 * number, cpu_s, held_mib, sessions=10)
        done.append(what)
        if what != "nothing":
            tidiness.tidied(10.0 * number, cpu_s, held_mib)

    assert done == [what for *_, what in LOOKS[name]]


def test_with_many_sessions_nobody_is_held_up_for_the_sake_of_garbage() -> None:
    tidiness = Tidiness(0.0, 0.0, 100.0, window_s=20.0)
    tidiness.look(10.0, 5.0, 100.0, sessions=10_000)

    assert tidiness.look(20.0, 5.1, 100.0, sessions=10_000) == "trim"
    tidiness.tidied(20.0, 5.1, 100.0)
    assert tidiness.look(30.0, 5.2, 100.0, sessions=10_000) == "nothing"


@virtual
async def test_what_breaks_once_is_done_the_next_time() -> None:
    asked = 0

    def count() -> int:
        nonlocal asked
        asked += 1
        if asked == 1:
            raise ZeroDivisionError
        return 0

    keeping = asyncio.create_task(keep_small(count, 20.0))
    await asyncio.sleep(2.5 * LOOK_EVERY_S)
    keeping.cancel()
    await asyncio.wait({keeping})

    assert asked == 2
