"""The long runs in small."""

import sys
from pathlib import Path

import pytest

from bench.load import MetricsRecorder
from tests.soak.crowds import IdleClient, idle, leak
from tests.soak.report import Check, plain_table

if sys.platform != "linux":
    pytest.skip("the soak reads /proc", allow_module_level=True)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(200)]


def broken(found: list[Check], *but: str) -> list[Check]:
    return [check for check in found if not check.is_kept and check.name not in but]


async def test_crowd_of_idle_clients_lives_through_its_pings(tmp_path: Path) -> None:
    found = await idle(tmp_path, 20, ping_s=0.3, probes=1)

    # How fast tokens are is nothing to be judged beside other tests.
    assert broken(found, "a talk's tokens, p99") == []
    assert found[0].figure == "20 of 20"
    assert "| one more is closed with | 1013 |" in plain_table("idle", found)


async def test_sessions_that_come_go_and_break_leave_nothing(tmp_path: Path) -> None:
    found = await leak(tmp_path, 12, turns=4)

    assert broken(found) == []
    assert found[0].figure == "12, 48"


def test_connection_that_ends_is_noticed() -> None:
    client = IdleClient(MetricsRecorder())

    client.connection_lost(None)

    assert client.is_lost
