"""Everything breaks at once, in any mix, and each talk keeps its promises (`make fleet-talks` for many)."""

import copy
import os
import random
from pathlib import Path

import pytest

from tests.fleet.judge import faults_of
from tests.fleet.mix import Mix, run

TALKS = int(os.environ.get("FLEET_TALKS", "12"))


@pytest.mark.e2e
@pytest.mark.alone
@pytest.mark.timeout(300 + 10 * TALKS)
@pytest.mark.parametrize("processes", [2, 3])
async def test_talks_keep_their_promises_whatever_breaks(
    postgres_address: str, tmp_path: Path, processes: int
) -> None:
    seed = random.randrange(10**6)
    print(f"seed {seed}")

    outcome = await run(
        tmp_path, postgres_address, Mix(TALKS // 2, processes, pace_s=0.5, texts=(2, 6)), seed
    )

    assert outcome.faults == []
    assert len(outcome.records) + outcome.unpromised == TALKS // 2
    assert sum(outcome.broke.values()) > 0
    # What these very records would have looked like, had a promise been broken.
    spoilt = copy.deepcopy(outcome.records[0])
    spoilt.log += [entry for entry in spoilt.log if entry[1]["type"] in ("response_complete", "error")]
    assert {"endings", "numbers"} <= {fault.partition(":")[0] for fault in faults_of(spoilt)}
