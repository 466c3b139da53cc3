"""How much silence ends a turn."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.speech.detection.pauses import (
    LEAST_CLEAR_MS,
    MOST_MS,
    SHORT_ANSWER_SAVES_MS,
    USUAL_PAUSE_MS,
    Pace,
    PauseContext,
    silence_ms,
)

pauses = st.lists(st.floats(0, 5000), max_size=40)
endings = st.builds(
    PauseContext, st.floats(0, 1), st.booleans(), st.integers(0, 30), st.booleans(), st.floats(0, 5000)
)


def pace_of(*longest_ms: float) -> Pace:
    pace = Pace()
    for ms in longest_ms:
        pace.add(ms)
    return pace


@pytest.mark.parametrize(
    ("ending", "ms"),
    [
        (PauseContext(0.95, may_be_all=True), 450),
        (PauseContext(0.45, may_be_all=True), 825),
        (PauseContext(0.0, may_be_all=True), 1200),
        (PauseContext(0.95, may_be_all=False), 1200),
        (PauseContext(0.95, may_be_all=True, words=1, answers_question=True), 300),
        (PauseContext(0.95, may_be_all=True, words=9, answers_question=True), 450),
        (PauseContext(0.95, may_be_all=True, paused_ms=300), 450),
        (PauseContext(0.95, may_be_all=True, paused_ms=700), 800),
        (PauseContext(0.95, may_be_all=True, paused_ms=5000), 1200),
    ],
)
def test_silence_follows_words_and_sound(ending: PauseContext, ms: float):
    assert silence_ms(ending, Pace()) == pytest.approx(ms)


@given(pauses, endings)
def test_silence_keeps_its_bounds(longest: list[float], ending: PauseContext):
    assert LEAST_CLEAR_MS - SHORT_ANSWER_SAVES_MS <= silence_ms(ending, pace_of(*longest)) <= MOST_MS


@given(pauses, endings, st.floats(0, 1))
def test_what_sounds_more_finished_never_takes_longer(
    longest: list[float], ending: PauseContext, more: float
):
    finished = replace(ending, acoustic=max(ending.acoustic, more))

    assert silence_ms(finished, pace_of(*longest)) <= silence_ms(ending, pace_of(*longest))


def test_user_who_pauses_long_is_given_time():
    clear = PauseContext(1.0, may_be_all=True)

    assert silence_ms(clear, pace_of(*[700] * 8)) >= 700
    assert silence_ms(clear, pace_of(*[3000] * 20)) == MOST_MS


def test_one_long_pause_is_no_habit():
    assert pace_of(1000).usual_ms < USUAL_PAUSE_MS + 200
    assert pace_of(1000, *[0] * 19).usual_ms < USUAL_PAUSE_MS


def test_user_who_never_pauses_is_answered_sooner():
    assert silence_ms(PauseContext(1.0, may_be_all=True), pace_of(*[0] * 20)) == LEAST_CLEAR_MS
