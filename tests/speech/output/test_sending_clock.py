"""Frames leave by a steady clock, however late a client's reports come."""

import pytest

from app.speech.output.playback import Playback
from app.speech.output.sending_clock import SendingClock

LATE_MS = (0, 9, 2, 12, 0, 5, 11, 1, 7, 3)
"""By how much the reports of a client that plays evenly come late."""


def playing(sent_ms: float = 60_000) -> Playback:
    playback = Playback()
    playback.send_up_to(sent_ms, 0.0)
    return playback


def test_late_reports_hardly_move_the_clock():
    playback, clock = playing(), SendingClock()
    steps: list[float] = []
    before = clock.played_ms(playback, 0.0)
    for frame in range(1, 500):
        now = frame * 0.02
        if frame % 5 == 0:
            playback.report(now * 1000 - LATE_MS[frame // 5 % len(LATE_MS)], now)
        at = clock.played_ms(playback, now)
        steps.append(at - before)
        before = at

    assert all(19 <= step <= 21 for step in steps[10:])
    assert before == pytest.approx(499 * 20, abs=12)


@pytest.mark.parametrize("later_ms", [-24, -5, 12])
def test_when_a_client_began_to_play_shows_in_its_first_frames_alone(later_ms: float):
    """Nothing says so before its first reports."""
    playback, clock = playing(), SendingClock()
    off: list[float] = []
    for frame in range(1, 60):
        now = frame * 0.02
        playback.report(now * 1000 - later_ms, now)
        off.append(abs(clock.played_ms(playback, now) - (now * 1000 - later_ms)))

    assert max(off[5:]) < 1


def test_client_that_plays_slowly_is_followed():
    playback, clock = playing(), SendingClock()
    for frame in range(1, 1000):
        now = frame * 0.02
        playback.report(now * 990, now)
        at = clock.played_ms(playback, now)

    assert at == pytest.approx(999 * 20 * 0.99, abs=10)


@pytest.mark.parametrize("elsewhere_ms", [500, 5000])
def test_client_that_is_elsewhere_is_believed_at_once(elsewhere_ms: float):
    playback, clock = playing(), SendingClock()
    clock.played_ms(playback, 1.0)
    playback.report(1000 + elsewhere_ms, 1.02)

    assert clock.played_ms(playback, 1.02) == pytest.approx(1000 + elsewhere_ms)


def test_client_is_never_taken_to_have_played_more_than_was_sent():
    playback, clock = playing(100), SendingClock()

    assert [clock.played_ms(playback, now) for now in (0.05, 0.2, 3.0)] == [50, 100, 100]
    playback.send_up_to(3100, 3.0)
    assert clock.played_ms(playback, 3.05) == pytest.approx(150)
