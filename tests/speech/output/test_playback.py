"""How much of a turn's sound was heard, by what the client says and by the clock."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.speech.base import WordEnd
from app.speech.output.playback import Playback


def sent(ms: float, at: float = 0.0) -> Playback:
    playback = Playback()
    playback.send_up_to(ms, at)
    return playback


def test_client_that_never_reports_is_taken_to_play_in_real_time():
    playback = sent(1000)

    assert playback.played_ms(0.4) == pytest.approx(400)


def test_no_more_can_be_heard_than_was_sent():
    playback = sent(1000)

    assert playback.played_ms(5.0) == 1000


def test_sound_that_comes_late_is_not_heard_before_it_came():
    playback = sent(100)
    playback.send_up_to(300, 2.0)

    assert playback.played_ms(2.05) == pytest.approx(150)


def test_report_counts_and_then_the_time_since():
    playback = sent(1000)
    playback.report(150, 0.4)

    assert playback.played_ms(0.5) == pytest.approx(250)


def test_client_whose_player_stands_still_for_long_is_taken_to_play_in_real_time_until_it_plays_on():
    playback = sent(1000)
    for moment in range(11):
        playback.report(150, float(moment))
    assert playback.played_ms(10.0) == 150

    playback.report(150, 10.5)
    assert playback.played_ms(10.5) == pytest.approx(650)

    playback.report(200, 11.0)
    assert playback.played_ms(11.0) == 200


def test_client_that_has_played_all_that_there_is_does_not_stand_still():
    playback = sent(1000)
    for moment in range(20):
        playback.report(1000, 1.0 + moment)
    playback.send_up_to(2000, 20.0)
    playback.report(1000, 20.2)

    assert playback.played_ms(20.2) == 1000


def test_client_that_was_asked_to_be_quiet_may_stand_still():
    playback = sent(1000)
    playback.report(350, 0.4)
    playback.expect_pause()
    for moment in range(1, 30):
        playback.report(350, float(moment))
    assert playback.played_ms(30.0) == 350

    playback.go_on(30.0)
    playback.report(350, 30.2)
    assert playback.played_ms(30.2) == 350


def test_client_that_begins_again_may_be_where_it_was_before():
    playback = sent(1000)
    playback.report(900, 1.0)
    playback.rewind(100, 20.0)
    playback.send_up_to(800, 20.0)
    playback.report(150, 20.1)

    assert playback.played_ms(20.1) == 150


def test_report_of_more_than_was_sent_is_cut():
    playback = sent(300)
    playback.report(10_000, 0.1)

    assert playback.played_ms(0.1) == 300


def test_client_that_was_asked_to_be_quiet_stops_where_its_next_report_says():
    playback = sent(1000)
    playback.expect_pause()

    assert not playback.has_stopped
    playback.report(350, 0.4)

    assert playback.has_stopped
    assert playback.played_ms(3.0) == 350


def test_client_that_was_asked_to_be_quiet_and_never_reports_may_still_be_playing():
    playback = sent(1000)
    playback.expect_pause()

    assert playback.played_ms(0.9) == pytest.approx(900)


def test_it_goes_on_from_where_it_stopped():
    playback = sent(1000)
    playback.pause(0.2)
    playback.go_on(5.0)

    assert playback.played_ms(5.1) == pytest.approx(300)


def test_what_is_sent_anew_was_not_sent():
    playback = sent(1000)
    playback.rewind(400, 1.0)

    assert (playback.sent_ms, playback.played_ms(9.0)) == (400, 400)


def test_cut_is_at_a_word():
    playback = Playback()
    for word in (WordEnd(4, 200), WordEnd(9, 500)):
        playback.add_word(word)

    assert [playback.chars_at(ms) for ms in (0, 199, 200, 499, 500, 9000)] == [0, 0, 4, 4, 9, 9]


steps = st.lists(
    st.tuples(
        st.sampled_from(["send", "report", "pause", "go_on", "expect_pause"]),
        st.floats(0, 5000),
        st.floats(0, 2),
    ),
    max_size=30,
)


@given(steps)
def test_what_was_heard_never_passes_what_was_sent_and_only_a_report_takes_it_back(
    steps: list[tuple[str, float, float]],
):
    playback, now, before = Playback(), 0.0, 0.0
    for what, ms, seconds in steps:
        now += seconds
        before = playback.played_ms(now)
        match what:
            case "send":
                playback.send_up_to(max(ms, playback.sent_ms), now)
            case "report":
                playback.report(ms, now)
            case "expect_pause":
                playback.expect_pause()
            case _:
                getattr(playback, what)(now)
        after = playback.played_ms(now)
        assert 0 <= after <= playback.sent_ms
        assert what == "report" or after >= before - 1e-6
