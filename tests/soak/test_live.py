"""What is alive in a process, and how it is told to another."""

import gc
from pathlib import Path

from tests.soak.live import Live, live_of, tell

MANY = 20_000
"""More than anything else in the process makes or drops meanwhile."""


class Knot:
    """Something that only the collector frees."""

    def __init__(self) -> None:
        self.itself = self


async def test_process_tells_another_what_is_alive_in_it_again_and_again(tmp_path: Path) -> None:
    with tell(tmp_path):
        before = await live_of(tmp_path)
        kept = [object() for _ in range(MANY)]
        during = await live_of(tmp_path)
        del kept
        after = await live_of(tmp_path)

    assert during.blocks - before.blocks > MANY / 2
    assert during.blocks - after.blocks > MANY / 2


def test_large_objects_are_counted_in_bytes() -> None:
    before = Live.now()
    kept = [bytes(100_000) for _ in range(200)]
    during = Live.now()
    del kept

    assert during.large_bytes - before.large_bytes > 10_000_000
    assert during.blocks - before.blocks < MANY / 2


def test_garbage_is_not_alive() -> None:
    before = Live.now()
    gc.disable()
    try:
        for _ in range(MANY):
            Knot()
        after = Live.now()
    finally:
        gc.enable()

    assert after.blocks - before.blocks < MANY / 2
