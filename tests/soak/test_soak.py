"""A soak in small, and that it sees what it is there to see: `make soak` is the real one."""

import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from tests.soak.counts import MAX_SAMPLES, Counts
from tests.soak.holding import Seen, hold
from tests.soak.live import Live
from tests.soak.load import broken
from tests.soak.memory import ARENA_KIB, MIN_SESSIONS, Growth, growth_between, slope_of
from tests.soak.report import checks, table
from tests.support.resuming_client import Message, ResumingClient
from tests.talks.judge import Told
from tests.talks.plans import TextPlan, ToolPlan
from tests.talks.playing import Played

if sys.platform != "linux":
    pytest.skip("the soak reads /proc", allow_module_level=True)


SOONER = {"resume_window_s": 2, "tool_timeout_s": 2, "llm_stall_timeout_s": 3}
"""A small run must not last as long as what takes long in a great one."""


@pytest.mark.e2e
@pytest.mark.timeout(300)
async def test_ten_sessions_keep_every_promise_for_some_seconds(tmp_path: Path) -> None:
    seen = Seen("sqlite", sessions=10)

    await hold(seen, tmp_path, f"sqlite:///{tmp_path / 'talks.db'}", seconds=8, pause_s=0.3, seed=7, **SOONER)

    assert [check for check in checks(seen) if not check.is_kept] == [], seen
    assert seen.counts.seen["turns"] > 0
    assert seen.upstream["served"] > 0
    assert seen.tasks[0]
    assert [talks for talks, _ in seen.live] == [ANY, seen.counts.seen["talks"]]
    assert all(live.blocks > 0 for _, live in seen.live)


# What the load sees in a talk

PLAN = TextPlan(2, 0, None, (ToolPlan("read", 9, fails=False, reports=False),))
TURN, LATER = "turn_1", "turn_2"


def heard(*messages: Message) -> list[Message]:
    return [{**message, "seq": number} for number, message in enumerate(messages, 1)]


def talk_of(messages: list[Message], rows: list[dict[str, Any]] | None = None) -> dict[str, int]:
    """What is found broken in a talk of one text, by what its client heard."""
    client = ResumingClient("ws://nowhere")
    client.receipts = {"text 5": TURN}
    client.log = [("heard", message) for message in messages]
    for message in messages:
        client.shown.hears(message)
    client.shown.texts = {TURN: PLAN.written(5)}
    if rows is None:
        rows = [{"role": "user", "turn_id": TURN, "content": PLAN.written(5)}]
    answers = [{"role": "assistant", "turn_id": t, "content": a} for t, a in client.shown.answers.items()]
    played = Played(client, {"text 5": (5, PLAN)}, None, rows + answers, {"5/0": 1})
    return {name: count for name, count in broken(played, Told(played)).items() if count}


TIMES = {"queued": 0, "first_token": 1, "total": 2, "first_audio": None}


def chunk(turn_id: str, content: str) -> Message:
    return {"type": "response_chunk", "turn_id": turn_id, "content": content}


def complete(turn_id: str, text: str) -> Message:
    end = {"turn_id": turn_id, "content": "Respuesta completada", "finish_reason": "stop", "text": text}
    return {"type": "response_complete", **end, "usage": None, "timings_ms": TIMES, "durable": True}


FIRST = PLAN.said(5) + "\n\n⟨5/0=running⟩"
TALK = heard(
    {"type": "message_accepted", "id": "text 5", "turn_id": TURN, "durable": True},
    {"type": "turn_started", "turn_id": TURN, "source": "user"},
    {
        "type": "tool_started",
        "turn_id": TURN,
        "call_id": "call_1",
        "name": "read",
        "arguments": PLAN.tools[0].arguments("5/0"),
    },
    chunk(TURN, FIRST),
    complete(TURN, FIRST),
    {"type": "tool_finished", "call_id": "call_1", "name": "read", "status": "done", "elapsed_s": 0.1},
    {"type": "turn_started", "turn_id": LATER, "source": "tool"},
    chunk(LATER, "⟨5/0=done⟩"),
    complete(LATER, "⟨5/0=done⟩"),
)


def test_talk_that_went_well_breaks_nothing() -> None:
    assert talk_of(TALK) == {}


def test_message_that_never_came_is_lost() -> None:
    assert talk_of(TALK[:3] + TALK[4:])["messages lost"] == 1


def test_text_that_is_not_stored_is_lost() -> None:
    assert talk_of(TALK, rows=[])["messages lost"] == 1


def test_message_and_text_that_came_twice_are_doubled() -> None:
    row = {"role": "user", "turn_id": TURN, "content": PLAN.written(5)}

    assert talk_of([*TALK, TALK[-1]])["messages doubled"] == 1
    assert talk_of(TALK, rows=[row, row])["messages doubled"] == 1


def test_turn_that_only_began_has_no_ending() -> None:
    assert talk_of(TALK[:-1]) == {"turns without an ending": 1}


def test_result_that_is_told_never_or_twice_is_told_other_than_once() -> None:
    twice = [*TALK[:-2], *({**chunk(LATER, "⟨5/0=done⟩⟨5/0=done⟩"), "seq": 8}, TALK[-1])]

    assert talk_of(TALK[:6])["results told other than once"] == 1
    assert talk_of(twice)["results told other than once"] == 1


def test_anything_else_that_the_judge_finds_is_counted_too() -> None:
    stranger = {"type": "error", "code": "internal", "content": "Ha fallado.", "retryable": True, "seq": 10}

    assert talk_of([*TALK, stranger]) == {"other promises broken": 1}


def test_counts_of_processes_are_added_and_their_samples_are_few() -> None:
    total = Counts()
    for _ in range(3):
        counts = Counts(Counter(talks=2))
        counts.note("messages lost", 1, "x" * 10**6)
        for number in range(MAX_SAMPLES):
            counts.note("turns without an ending", 1, str(number))
        counts.note("messages doubled", 0, "never")
        total.add(Counts.from_json(counts.as_json()))

    assert total.seen == {"talks": 6}
    assert total.wrong == {"messages lost": 3, "turns without an ending": 3 * MAX_SAMPLES}
    assert len(total.samples) == MAX_SAMPLES
    assert max(map(len, total.samples)) <= 4000


# The memory's slope

WAVES = [(float(at), 100_000 + at % 7 * 40) for at in range(300)]


def test_memory_that_only_waves_is_flat() -> None:
    slope = slope_of(WAVES)

    assert slope is not None
    assert slope.is_flat
    assert abs(slope.kib_per_min) < 10


def test_memory_that_creeps_is_not() -> None:
    slope = slope_of([(at, kib + int(at * 10)) for at, kib in WAVES])

    assert slope is not None
    assert not slope.is_flat
    assert slope.kib_per_min == pytest.approx(600, rel=0.05)


def test_one_more_arena_is_flat_and_a_second_is_not() -> None:
    def risen(*steps: int) -> list[tuple[float, int]]:
        return [(at, kib + ARENA_KIB * sum(at > step for step in steps)) for at, kib in WAVES]

    one, two = slope_of(risen(240)), slope_of(risen(220, 260))

    assert one is not None
    assert one.is_flat
    assert two is not None
    assert not two.is_flat


def test_slow_creep_is_seen_in_a_long_run() -> None:
    creep = [(at * 10, kib + int(at * 10)) for at, kib in WAVES]
    slope = slope_of(creep)

    assert slope is not None
    assert slope.kib_per_min == pytest.approx(60, rel=0.05)
    assert not slope.is_flat


def test_memory_that_grows_while_it_warms_up_is_flat() -> None:
    slope = slope_of([(at, kib - max(0, 100 - int(at)) * 300) for at, kib in WAVES])

    assert slope is not None
    assert slope.is_flat


def test_short_run_says_nothing_of_growth() -> None:
    assert slope_of(WAVES[:80]) is None
    assert slope_of([]) is None


# What sessions leave behind

RESTED = Live(700_000, 40_000_000)


def left_by(sessions: int, blocks: int = 0, large_bytes: int = 0) -> Growth | None:
    """What is found where so many sessions have left so much."""
    after = Live(RESTED.blocks + blocks, RESTED.large_bytes + large_bytes)
    return growth_between([(400, RESTED), (400 + sessions, after)])


def test_sessions_that_leave_some_connections_open_leave_nothing_of_their_own() -> None:
    growth = left_by(2000, blocks=900, large_bytes=300_000)

    assert growth is not None
    assert growth.is_none


def test_sessions_that_give_back_more_than_they_take_leave_nothing() -> None:
    growth = left_by(2000, blocks=-9000, large_bytes=-300_000)

    assert growth is not None
    assert growth.is_none


@pytest.mark.parametrize("left", [{"blocks": 2000}, {"large_bytes": 2000 * 512}, {"blocks": 100 * 25}])
def test_one_object_of_each_session_or_many_of_a_few_are_a_leak(left: dict[str, int]) -> None:
    growth = left_by(2000, **left)

    assert growth is not None
    assert not growth.is_none


def test_few_sessions_say_nothing_of_what_is_left() -> None:
    assert left_by(MIN_SESSIONS - 1, blocks=10**6) is None
    assert growth_between([(10**6, RESTED)]) is None
    assert growth_between([]) is None


# The verdict

GOOD = Seen(
    "sqlite",
    sessions=2,
    seconds=300,
    counts=Counts(Counter(talks=5)),
    upstream={"served": 9, "befell": {"503": 1}, "invalid": 0, "samples": []},
    resident=WAVES,
    live=[(1000, RESTED), (3000, RESTED)],
    tasks=({"serve": 2}, {"serve": 2}),
    stalls=[{"cpu_ms": 12, "about_ms": 900}],
)


def test_good_run_is_passed_though_the_machine_was_busy() -> None:
    assert [check for check in checks(GOOD) if not check.is_kept] == []
    assert "broken**" not in table([GOOD, GOOD])


BAD: dict[str, dict[str, Any]] = {
    "messages lost": {"counts": Counts(Counter(talks=5), Counter({"messages lost": 1}))},
    "messages doubled": {"counts": Counts(Counter(talks=5), Counter({"messages doubled": 1}))},
    "turns without an ending": {"counts": Counts(Counter(talks=5), Counter({"turns without an ending": 1}))},
    "results told other than once": {
        "counts": Counts(Counter(talks=5), Counter({"results told other than once": 1}))
    },
    "other promises broken": {"counts": Counts(Counter(talks=5), Counter({"other promises broken": 1}))},
    "invalid requests upstream": {"upstream": {**GOOD.upstream, "invalid": 1}},
    "sessions left": {"left": 1},
    "tasks left": {"tasks": ({"serve": 2}, {"serve": 2, "run": 1})},
    "left alive by each session after warm-up": {
        "live": [(1000, RESTED), (3000, RESTED._replace(blocks=RESTED.blocks + 2000))]
    },
    "memory slope after warm-up": {"resident": [(at, kib + int(at * 10)) for at, kib in WAVES]},
    "stalls of over 250 ms of the loop's own CPU": {"stalls": [{"cpu_ms": 251, "about_ms": 300}]},
    "bugs in the log": {"errors": ["internal"]},
    "talks held": {"counts": Counts()},
}


def test_every_check_can_fail() -> None:
    assert set(BAD) == {check.name for check in checks(GOOD)}


@pytest.mark.parametrize("name", BAD)
def test_broken_promise_fails_the_run_and_stands_in_the_table(name: str) -> None:
    seen = replace(GOOD, **BAD[name])

    assert [check.name for check in checks(seen) if not check.is_kept] == [name]
    assert table([GOOD, seen]).count("**broken**") == 1
