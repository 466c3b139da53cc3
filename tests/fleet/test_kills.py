"""No process of a fleet is needed: each may be killed at any moment (`make fleet-kills` for many times)."""

import os
import random
from pathlib import Path

import pytest

from tests.fleet.kills import run

KILLS = int(os.environ.get("FLEET_KILLS", "6"))
GOAL_S, FACTOR = 3, 10


@pytest.mark.e2e
@pytest.mark.timeout(600 + 60 * KILLS)
async def test_what_was_acknowledged_survives_kills_of_any_process(postgres_address: str, tmp_path: Path):
    seed = random.randrange(10**6)
    print(f"seed {seed}")

    waits = await run(tmp_path, postgres_address, KILLS, 3, seed, 4)

    assert max(waits, default=0) < GOAL_S * FACTOR
