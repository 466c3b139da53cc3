"""Each process of a fleet is replaced in turn: no talk notices (`make fleet-deploy` for many)."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.proxies import KINDS, Kind
from tests.fleet.rolling import GAP_WITHOUT_OVERLAP_MS, STALL_P99_MS, STALL_P999_MS, Size, run
from tests.fleet.rolling_record import Record, audible_gaps_ms, reply_to, stalls_ms, wrong_of

SIZE = Size(talks=20, streaming=6, spoken=4, plain=5, words=30)
FACTOR = 10
"""A busy machine stalls by itself."""


@pytest.mark.e2e
@pytest.mark.node
@pytest.mark.timeout(600)
@pytest.mark.parametrize("kind", KINDS)
async def test_no_talk_notices_that_each_process_is_replaced(
    postgres_address: str, tmp_path: Path, kind: Kind
):
    report = await run(tmp_path, postgres_address, SIZE, kind)
    print(*report.lines(), sep="\n")

    assert report.wrong == []
    with_overlap = [record for record in report.records if record.client != "plain"]
    assert 2 * sum(record.resumes for record in with_overlap) >= len(with_overlap), "they have gone over"
    stalls_of_all = report.stalls_ms("python", "node")
    assert stalls_of_all
    assert stalls_of_all[int(0.99 * len(stalls_of_all))] < STALL_P99_MS * FACTOR
    assert stalls_of_all[-1] < STALL_P999_MS * FACTOR
    assert max(report.gaps_ms("python", "node"), default=0) < STALL_P999_MS * FACTOR
    assert max(report.gaps_ms("plain"), default=0) < GAP_WITHOUT_OVERLAP_MS * FACTOR


# What is told of a talk is judged: each fault is found


def whole() -> Record:
    text = reply_to("quiet 1.0 2")
    return Record(
        "python",
        "quiet",
        said={"a": "quiet 1.0 2"},
        accepted={"a": "t1"},
        endings={"t1": [(text, "stop")]},
        restarts=[(0.0, "t1")],
        chunks=[(1.0 + place / 10, "t1", word) for place, word in enumerate(["[quiet 1.0 2] ", "p0 ", "p1"])],
        starts=[(1.0, "t1", 0.0), (1.4, "t1", 200.0)],
        sounds=[(1.0, "t1", 100.0), (1.05, "t1", 100.0), (1.41, "t1", 100.0)],
    )


def test_a_whole_talk_has_no_fault():
    assert list(wrong_of(whole())) == []


def no_receipt(record: Record) -> None:
    record.accepted.clear()


def no_answer(record: Record) -> None:
    record.endings.clear()


def two_endings(record: Record) -> None:
    record.endings["t1"] *= 2


def one_turn_for_two(record: Record) -> None:
    record.said["b"], record.accepted["b"] = "quiet 1.0 2", "t1"


def another_answer(record: Record) -> None:
    record.endings["t1"] = [(reply_to("quiet 1.1 2"), "stop")]


def an_interruption(record: Record) -> None:
    record.endings["t1"] = [(reply_to("quiet 1.0 2"), "interrupted")]


def a_chunk_is_missing(record: Record) -> None:
    del record.chunks[1]


def a_chunk_is_there_twice(record: Record) -> None:
    record.chunks.append(record.chunks[-1])


def sound_is_missing(record: Record) -> None:
    del record.sounds[1]


def another_session(record: Record) -> None:
    record.errors.append("another session")


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (no_receipt, "lost"), (no_answer, "lost"), (two_endings, "doubled"), (one_turn_for_two, "doubled"),
        (another_answer, "broken"), (an_interruption, "broken"), (a_chunk_is_missing, "broken"),
        (a_chunk_is_there_twice, "broken"), (sound_is_missing, "broken"), (another_session, "broken"),
    ],
)  # fmt: skip
def test_a_fault_is_found(fault: Callable[[Record], None], kind: str):
    record = whole()
    fault(record)

    assert kind in [found for found, _ in wrong_of(record)]


def test_an_answer_that_begins_anew_replaces_what_was_shown():
    record = whole()
    record.restarts.append((2.0, "t1"))
    record.chunks += [(3.0 + at - 1.0, turn, words) for at, turn, words in record.chunks]

    assert list(wrong_of(record)) == []
    assert len(stalls_ms(record, 0.1)) == 4


def test_stalls_are_what_is_beyond_the_pace():
    record = whole()
    record.chunks = [
        (0.0, "t1", "a"),
        (0.1, "t1", "b"),
        (0.45, "t1", "c"),
        (9.0, "t2", "d"),
        (9.05, "t2", "e"),
    ]

    assert stalls_ms(record, 0.1) == pytest.approx([250, 0])


def test_a_player_is_dry_where_a_frame_comes_after_the_last_one_was_played():
    record = whole()
    assert audible_gaps_ms(record) == pytest.approx([0, 210])

    # Thrown away and sent anew: 100 ms of it are played again, in time.
    record.sounds = [(1.0, "t1", 300.0), (1.15, "t1", 200.0), (1.3, "t1", 100.0)]
    record.starts = [(1.0, "t1", 0.0), (1.1, "t1", 100.0)]
    assert audible_gaps_ms(record) == pytest.approx([50, 0])
