"""The benchmark runs and counts right. How fast anything is, only the benchmark itself says."""

import os
import sys

import pytest

if sys.platform != "linux":
    pytest.skip("the benchmark reads /proc and pins processes to cores", allow_module_level=True)

from bench.measure import Crowd, MemoryResult, Plan, cpu, latency, percentile_ms
from bench.processes import Cores
from bench.report import Results, this_machine
from bench.upstream import Order

TINY = Plan(
    cpu_rounds=1, cpu_crowd=Crowd(2, 1, 10), crowds=(Crowd(2, 2, 5),), burst=Crowd(3, 1, 3), sessions=2
)


@pytest.fixture
def cores() -> Cores:
    usable = sorted(os.sched_getaffinity(0))
    return Cores(server=usable[-1], load=usable[0])


def test_order_reads_back_as_written():
    for order in (Order(200, 20_000), Order(1, 1, is_stamped=True)):
        assert Order.parse(order.text()) == order


def test_percentile_is_a_value_that_was_measured():
    times_ns = [milliseconds * 1_000_000 for milliseconds in range(100, 0, -1)]

    assert percentile_ms(times_ns, 50) == 50
    assert percentile_ms(times_ns, 99) == 99
    assert percentile_ms(times_ns[:1], 99) == 100


@pytest.mark.e2e
async def test_both_servers_relay_every_token_while_their_cpu_time_is_read(cores: Cores):
    result = await cpu(TINY, cores)

    assert result.ours_us > 0
    assert result.straight_us > 0
    assert result.lowest <= result.ratio <= result.highest
    assert 0 < result.ours_alone <= 1
    assert 0 < result.straight_alone <= 1


@pytest.mark.e2e
async def test_every_turn_has_a_first_chunk_and_every_other_token_a_latency(cores: Cores):
    crowd, burst = await latency(TINY, cores)

    assert (crowd.turns, crowd.tokens, crowd.is_burst) == (4, 16, False)
    assert (burst.turns, burst.tokens, burst.is_burst) == (3, 6, True)
    assert 0 < crowd.first_chunk_p50_ms <= crowd.first_chunk_p99_ms
    assert 0 < crowd.token_p50_ms <= crowd.token_p99_ms


def test_report_holds_only_what_was_measured():
    results = Results(this_machine(file_limit=1024), memory=MemoryResult(1000, 100_000, 140_000))

    table = results.table().splitlines()

    assert results.machine.date in table[0]
    assert table[-1].startswith("| memory per idle session (1000 sessions after one turn) | 40.0 KiB |")
    assert len(table) == 5
    assert results.as_json()["memory"]["kib_per_session"] == 40
    assert results.as_json()["cpu"] is None
