"""Who is next where several want the same: everybody in turns, the urgent first, nobody never."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.speech.engines.fair_queue import MOST_SKIPS, FairLine, LineFull

OWNERS = st.sampled_from(["ana", "luis", "eva", "x1", "x2"])
JOBS = st.lists(st.tuples(OWNERS, st.integers(0, 2)), max_size=40)


def line_of(jobs: list[tuple[str, int]], places: int = 100) -> FairLine[tuple[int, str, int]]:
    line: FairLine[tuple[int, str, int]] = FairLine(places)
    for number, (owner, urgency) in enumerate(jobs):
        line.enter((number, owner, urgency), owner, urgency)
    return line


def test_one_job_of_somebody_goes_before_the_many_of_others() -> None:
    line = line_of([("x1", 0)] * 8 + [("x2", 0)] * 8 + [("ana", 0)])

    taken = [line.take() for _ in range(3)]

    assert "ana" in [job[1] for job in taken if job is not None]


def test_who_has_jobs_running_waits_for_those_who_have_none() -> None:
    line = line_of([("x1", 0), ("x1", 0), ("ana", 0)])
    line.begun("x1")

    first = line.take()

    assert first is not None
    assert first[1] == "ana"


def test_speech_goes_before_recordings_and_those_have_their_turn_too() -> None:
    line = line_of([("ana", 2), *[("luis", 0), ("eva", 0), ("x1", 1)] * 5])

    urgencies = [job[2] for _ in range(8) if (job := line.take()) is not None]

    assert urgencies[:MOST_SKIPS] == [0] * MOST_SKIPS
    assert urgencies[MOST_SKIPS] == 2


@given(jobs=JOBS)
def test_turns_are_even_among_equals(jobs: list[tuple[str, int]]) -> None:
    line = line_of([(owner, 0) for owner, _ in jobs])
    waiting = Counter(owner for owner, _ in jobs)
    served: Counter[str] = Counter()
    takes = 0
    while (job := line.take()) is not None:
        takes += 1
        served[job[1]] += 1
        waiting[job[1]] -= 1
        line.ended(job[1])
        still = [owner for owner in waiting if waiting[owner]]
        if len(still) > 1:
            # The one that has waited longest is taken now and then, whoever had the last turn.
            spread = max(served[o] for o in still) - min(served[o] for o in still)
            assert spread <= 1 + takes / (MOST_SKIPS + 1)
    assert takes == len(jobs)


@given(first=JOBS.filter(bool), later=JOBS, place=st.integers(0, 39))
def test_no_job_waits_for_ever_whatever_comes_after_it(
    first: list[tuple[str, int]], later: list[tuple[str, int]], place: int
) -> None:
    place %= len(first)
    line = line_of(first)
    takes = 0
    newcomers = iter(enumerate(later * 10, 1000))
    while True:
        job = line.take()
        takes += 1
        assert job is not None
        if job[0] == place:
            break
        newcomer = next(newcomers, None)
        if newcomer is not None:
            number, (owner, urgency) = newcomer
            try:
                line.enter((number, owner, urgency), owner, urgency)
            except LineFull:
                pass
    assert takes <= (place + 1) * (MOST_SKIPS + 1)


@settings(max_examples=200)
@given(jobs=JOBS, places=st.integers(0, 12))
def test_line_is_bounded_and_nobody_has_more_than_half_of_it(
    jobs: list[tuple[str, int]], places: int
) -> None:
    line: FairLine[int] = FairLine(places)
    waiting: dict[int, str] = {}
    for number, (owner, urgency) in enumerate(jobs):
        had = Counter(waiting.values())
        try:
            loser = line.enter(number, owner, urgency)
        except LineFull:
            # Who has less than others is never refused where it is one of them that fills the line.
            full = len(waiting) >= places
            assert had[owner] >= max(1, (places + 1) // 2) or full
            assert not places or had[owner] >= max(had.values(), default=0) - 1
            continue
        waiting[number] = owner
        if loser is not None:
            del waiting[loser]
        assert len(line) == len(waiting) <= places
        assert max(Counter(waiting.values()).values()) <= max(1, (places + 1) // 2)


def test_newcomer_takes_the_last_place_of_whoever_has_most() -> None:
    line: FairLine[str] = FairLine(4)
    for job, owner in (("a1", "x1"), ("a2", "x1"), ("b1", "x2"), ("b2", "x2")):
        line.enter(job, owner)

    assert line.enter("c1", "ana") in ("a2", "b2")
    with pytest.raises(LineFull):
        line.enter("a3", "x1")


def test_speech_takes_the_place_of_the_last_recording() -> None:
    line: FairLine[str] = FairLine(3)
    for job in ("a", "b", "c"):
        line.enter(job, job, 2)

    assert line.enter("speech", "ana", 0) == "c"
    with pytest.raises(LineFull):
        line.enter("clip", "luis", 2)


def test_who_leaves_frees_the_place() -> None:
    line: FairLine[str] = FairLine(1)
    line.enter("a", "ana")

    assert line.leave("a")
    assert not line.leave("a")
    assert line.enter("b", "ana") is None
    assert line.clear() == ["b"]
    assert line.take() is None
