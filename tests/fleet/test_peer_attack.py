"""The port for the other processes under attack (`python -m tests.fleet.peer_attack` for longer)."""

from pathlib import Path

import pytest

from tests.fleet.peer_attack import ATTACKS, run

FAST_S, FACTOR = 0.5, 10
"""How long a process of the fleet waits for an answer meanwhile, at most."""

MOST_GROWN_KIB = 20 * 1024


@pytest.mark.e2e
@pytest.mark.alone
@pytest.mark.timeout(240)
async def test_nobody_else_gets_in_and_the_other_processes_are_answered_meanwhile(
    postgres_address: str, tmp_path: Path
) -> None:
    report = await run(tmp_path, postgres_address, times=3, at_once=12)

    assert report.wrong == []
    assert report.made == dict.fromkeys(ATTACKS, 4)
    assert report.slowest_probe_s < FAST_S * FACTOR
    assert report.grown_kib < MOST_GROWN_KIB
