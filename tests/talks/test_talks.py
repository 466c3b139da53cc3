"""Nothing lost, nothing doubled: generated talks over a network that breaks, against the same uncut."""

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.talks.judge import differences, problems, shown_otherwise, stored_otherwise
from tests.talks.plans import TalkPlan, describe, talks
from tests.talks.playing import Played, Plays, play_both, stage

TALKS = 200
AT_A_TIME = 10
WITH_GAPS = 20


def report(plan: TalkPlan, found: list[str], played: Played) -> str:
    log = "\n".join(f"{direction} {message}" for direction, message in played.client.log)
    return "\n".join(["", *found, "", describe(plan), "", log])


def stored_of(played: Played) -> list[str]:
    return [] if played.rows is None else list(stored_otherwise(played))


async def judge(plans: list[TalkPlan], **values: object) -> int:
    """Holds talks and fails where one breaks a promise; returns how many drops they have survived."""
    async with stage(**values) as on:
        return await judge_on(on, plans, has_values=bool(values))


async def judge_on(on: Plays, plans: list[TalkPlan], *, has_values: bool = False) -> int:
    """The same where there is a stage already."""
    pairs = await play_both(on, plans)
    refused = on.requests_refused()
    resumes = 0
    for plan, (cut, uncut) in zip(plans, pairs, strict=True):
        resumes += cut.client.resumes
        if cut.client.gaps:
            found = [*cut.client.wrong, *shown_otherwise(cut), *stored_of(cut)]
        else:
            found = [*problems(cut), *differences(cut, uncut), *stored_of(cut)]
        assert not found, report(plan, found, cut)
        assert not (wrong := problems(uncut)) or has_values, report(plan, wrong, uncut)
    assert refused == []
    return resumes


def batches(count: int, *phases: Phase) -> settings:
    return settings(
        max_examples=count,
        deadline=None,
        # A smaller talk may well go another way in time; each report shows its talk and log whole.
        phases=phases or [Phase.explicit, Phase.reuse, Phase.generate],
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )


@pytest.mark.timeout(300)
@batches(TALKS // AT_A_TIME)
@given(st.lists(talks, min_size=AT_A_TIME, max_size=AT_A_TIME))
async def test_a_cut_talk_reads_as_if_it_never_was_cut(plans: list[TalkPlan]) -> None:
    await judge(plans)


@pytest.mark.timeout(120)
@batches(WITH_GAPS // AT_A_TIME)
@given(st.lists(talks, min_size=AT_A_TIME, max_size=AT_A_TIME))
async def test_a_talk_with_gaps_shows_no_word_twice_and_loses_none(plans: list[TalkPlan]) -> None:
    await judge(plans, resume_ring_messages=4)
