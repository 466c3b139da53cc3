"""The benchmark runs and counts right. How fast anything is, only the benchmark itself says."""

import os
import sys
from dataclasses import replace

import pytest

if sys.platform != "linux":
    pytest.skip("the benchmark reads /proc and pins processes to cores", allow_module_level=True)

from app.conversation.summary_prompt import summary_request
from bench.load import LoadError, MetricsRecorder, connect
from bench.load_v2 import Ticket, V2Client, resume
from bench.measure import (
    OURS,
    Crowd,
    LongTalk,
    MemoryResult,
    Plan,
    PlanV2,
    cpu,
    latency,
    percentile_ms,
    servers,
)
from bench.measure_access import HandshakeResult, handshakes
from bench.measure_connections import ConnectionsResult, connections
from bench.measure_guards import GuardsResult, ScrapesResult, guards, scrapes
from bench.measure_realtime import RealtimePlan, RealtimeResult, measure_realtime
from bench.measure_turns import Spread, TurnsResult, turns
from bench.measure_v2 import (
    LongTalkResult,
    PairResult,
    ResumeResult,
    V2Result,
    long_talk,
    pairs,
    resuming,
)
from bench.processes import Cores
from bench.report import Results, this_machine
from bench.upstream import Order

TINY = Plan(
    cpu_rounds=1,
    cpu_crowd=Crowd(2, 1, 10),
    crowds=(Crowd(2, 2, 5),),
    burst=Crowd(3, 1, 3),
    sessions=2,
    scraped=Crowd(2, 1, 5),
    v2=PlanV2(2, Crowd(2, 1, 10), ring=50, resumes=3, long_talk=LongTalk(2, 2, 6, 2, 2)),
)


@pytest.fixture
def cores() -> Cores:
    usable = sorted(os.sched_getaffinity(0))
    return Cores(server=usable[-1], load=usable[0])


def test_order_reads_back_as_written():
    for order in (Order(200, 20_000), Order(1, 1, is_stamped=True)):
        assert Order.parse(order.text()) == order


def test_request_for_a_summary_is_answered_with_some_words():
    [_, request] = summary_request("", [[("user", Order(5, 1000).text()), ("agent", "Vale.")]], 100, "es")

    assert Order.parse(request["content"]) == Order(20, 1000)


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


@pytest.mark.e2e
async def test_three_ways_to_relay_take_turns(cores: Cores):
    v2_to_v1, sqlite_to_none = await pairs(TINY.v2, cores)

    for pair in (v2_to_v1, sqlite_to_none):
        assert pair.rounds == 2
        assert 0 < pair.lowest <= pair.ratio <= pair.highest
    assert v2_to_v1.base_us == sqlite_to_none.base_us


@pytest.mark.e2e
async def test_each_return_gets_the_whole_ring(cores: Cores):
    result = await resuming(TINY.v2, cores)

    assert (result.messages, result.resumes) == (50, 3)
    assert 0 < result.p50_ms <= result.highest_ms


@pytest.mark.e2e
async def test_refused_return_is_no_measurement(cores: Cores):
    async with servers(cores, OURS) as (server,):
        client = V2Client(MetricsRecorder())
        await connect(server.port, client)
        assert client.ticket is not None
        client.drop()

        with pytest.raises(LoadError, match="an error"):
            await resume(server.port, Ticket(client.ticket.session_id, "wrong"), 0)


@pytest.mark.e2e
async def test_turns_of_a_long_talk_have_a_cost(cores: Cores):
    result = await long_talk(TINY.v2.long_talk, cores)

    assert (result.talks, result.early, result.late) == (2, 2, 6)
    assert result.early_ms > 0
    assert result.ratio > 0


@pytest.mark.e2e
async def test_handshakes_with_either_token_have_a_time(cores: Cores):
    result = await handshakes(2, cores)

    assert result.connects == 2
    assert min(result.api_token_p50_ms, result.jwt_p50_ms) > 0


@pytest.mark.e2e
async def test_connections_are_counted_beside_the_straight_relays(cores: Cores):
    ours, straight = await connections(2, 20, cores, None)

    assert (ours.name, straight.name) == ("ours", "straight relay")
    for result in (ours, straight):
        assert (result.rounds, result.connections) == (2, 20)
        assert 0 < result.slowest <= result.per_s <= result.fastest
        assert result.cpu_us > 0


@pytest.mark.e2e
async def test_limits_and_checks_are_compared_with_none_in_turns(cores: Cores):
    result = await guards(2, Crowd(2, 1, 10), cores, None)

    assert not result.is_older
    assert result.pair.rounds == 2
    assert 0 < result.pair.lowest <= result.pair.ratio <= result.pair.highest


@pytest.mark.e2e
async def test_whole_turns_are_measured_after_short_and_long_histories(cores: Cores):
    short, long = await turns(2, [(Crowd(2, 1, 3), 2), (Crowd(2, 2, 3), 10)], cores, None)

    assert (short.talks, short.messages, long.messages, long.is_older) == (2, 2, 10, False)
    assert 0 < long.cpu_ms.lowest <= long.cpu_ms.median <= long.cpu_ms.highest
    assert long.first_chunk_p50_ms.lowest <= long.first_chunk_p50_ms.highest


@pytest.mark.e2e
async def test_metrics_are_read_while_talks_go_on(cores: Cores):
    result = await scrapes(7, 2, Crowd(2, 2, 10), cores)

    assert (result.scrapes, result.rounds) == (7, 2)
    assert 0 < result.with_p50_ms <= result.with_p99_ms
    assert 0 < result.without_p50_ms <= result.without_p99_ms


def test_report_says_what_limits_and_readers_cost():
    pair = PairResult(10, 20, base_us=100, other_us=102, ratio=1.02, lowest=0.9, highest=1.1)
    results = Results(
        this_machine(file_limit=1024),
        guards=GuardsResult(pair, is_older=True),
        scrapes=ScrapesResult(1000, 3, 0.2, 2.0, 0.21, 2.1),
    )

    table = results.table()

    assert "| CPU per token, with every limit and check / an older tree | **1.02** (0.90 to" in table
    assert "| p50 0.21 ms, p99 2.1 ms; p50 0.20 ms, p99 2.0 ms | the same |" in table


def test_report_says_what_a_turn_costs_in_each_tree():
    ours = TurnsResult(False, 10, 100, 2, Spread(2.5, 2.4, 2.75), Spread(250.0, 240.0, 260.0))
    table = Results(this_machine(file_limit=1024), turns=[ours, replace(ours, is_older=True)]).table()

    what = "| CPU per turn, 100 texts in the same moment, each after 2 messages"
    assert f"{what} | **2.50 ms** (2.40 to 2.75 in 10 rounds) |" in table
    assert f"{what}, an older tree | **2.50 ms**" in table


def test_report_says_what_a_signed_token_costs_more():
    results = Results(this_machine(file_limit=1024), handshakes=HandshakeResult(200, 1.5, 1.75, 0.251))

    assert "| 0.25 ms (p50 1.8 ms and 1.5 ms) | < 2 ms |" in results.table()


def test_report_says_how_many_connections_a_core_takes():
    ours = ConnectionsResult("ours", 20, 300, 1234.5, 1100, 1300, 812.4, 0.991)
    results = Results(this_machine(file_limit=1024), connections=[ours])

    assert "| **1234** (1100 to 1300), 812 µs of CPU each, 99% of the core | ≥ 1000 |" in results.table()


def test_report_holds_only_what_was_measured():
    results = Results(this_machine(file_limit=1024), memory=MemoryResult(1000, 100_000, 140_000))

    table = results.table().splitlines()

    assert results.machine.date in table[0]
    assert table[-1].startswith("| memory per idle session (1000 sessions after one turn) | 40.0 KiB |")
    assert len(table) == 5
    assert results.as_json()["memory"]["kib_per_session"] == 40
    assert results.as_json()["cpu"] is None


def test_report_compares_v2_and_the_store_with_what_was_without_them():
    pair = PairResult(5, 20, base_us=100, other_us=110, ratio=1.1, lowest=1.0, highest=1.2)
    v2 = V2Result(
        v2_to_v1=pair,
        sqlite_to_none=pair,
        resume=ResumeResult(1000, 40, 6.04, 9.96),
        memory_v1=MemoryResult(1000, 100_000, 140_000),
        memory_v2=MemoryResult(1000, 100_000, 148_000),
        long_talk=LongTalkResult(4, 20, 500, early_ms=4, late_ms=5),
    )
    results = Results(this_machine(file_limit=1024), v2=v2)

    table = results.table()

    assert "| CPU per token, v2 / v1 | **1.10** (1.00 to 1.20 in 5 rounds) | ≤ 1.15 |" in table
    assert "| CPU per token, v1 with SQLite and without (20 streams) | 110 µs and 100 µs |" in table
    assert "p50 6.0 ms, max 10.0 ms | < 50 ms |" in table
    assert "| 8.0 KiB (48.0 and 40.0) | ≤ 20 KiB |" in table
    assert "**1.25** (5.0 ms and 4.0 ms)" in table
    assert results.as_json()["v2"]["more_kib_per_session"] == 8
    assert results.as_json()["v2"]["long_talk"]["ratio"] == 1.25


@pytest.mark.e2e
@pytest.mark.timeout(120)
async def test_foreign_protocols_are_measured_beside_v2(cores: Cores):
    plan = RealtimePlan(1, 2, 10, first_sounds=2, calls=2, words=30, answers=1, barge_ins=1)
    result: RealtimeResult = await measure_realtime(plan, cores)

    assert result.pair.rounds == 1 and result.pair.ratio > 0
    assert min(result.first_sound.v2_ms, result.first_sound.realtime_ms) > 0
    assert result.phone.frames >= 2 * 200 and result.phone.barge_ins == 2
    assert 0 <= result.phone.jitter_p50_ms <= result.phone.jitter_p99_ms
    assert 0 < result.phone.clear_p50_ms <= result.phone.clear_highest_ms
    table = Results(this_machine(1024), realtime=result).table()
    assert "CPU per token, Realtime / v2" in table and "`clear`" in table
