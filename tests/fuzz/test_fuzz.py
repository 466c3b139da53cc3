"""The server under drawn messages, for as long as fits among the tests; `make fuzz` goes on for longer."""

from pathlib import Path

import pytest

from tests.fuzz.running import fuzz

MESSAGES = 5000


@pytest.mark.e2e
@pytest.mark.timeout(300)
def test_no_message_breaks_the_server_or_leaves_something_behind(tmp_path: Path) -> None:
    world, _ = fuzz(MESSAGES, tmp_path, shrinks=False)

    assert world.messages >= MESSAGES
