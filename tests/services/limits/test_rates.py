"""How fast a client may talk."""

import pytest

from app.services.limits.rates import FLOOD_SECONDS, SOUND_BURST_S, Burst, RateLimiter, SoundRate


def floods(watch: RateLimiter, per_second: list[int], start: float = 100.0) -> float | None:
    """Sends so many messages in each second; returns the second at which it was a flood."""
    for second, count in enumerate(per_second):
        for number in range(count):
            if watch.is_flood(start + second + number / (count + 1)):
                return second
    return None


def test_client_over_its_rate_in_ten_seconds_in_a_row_is_a_flood() -> None:
    assert floods(RateLimiter(20, 100.0), [21] * 20) == FLOOD_SECONDS - 1


@pytest.mark.parametrize(
    "seconds", [[20] * 100, [1000], [21] * 9 + [20] + [21] * 9, [21] * 9 + [0] + [21] * 9]
)
def test_bursts_are_no_flood(seconds: list[int]) -> None:
    assert floods(RateLimiter(20, 100.0), seconds) is None


@pytest.mark.parametrize(
    ("moments", "over_at"),
    [
        ([0.0] * 5, None),
        ([0.0] * 6, 5),
        ([0.0, 0.2, 0.4, 0.6, 0.8, 0.99], 5),
        ([0.0, 0.2, 0.4, 0.6, 0.8, 1.0], None),
        ([0.9] * 5 + [1.1], 5),
        ([n * 0.25 for n in range(1000)], None),
        ([0.0] * 5 + [1.0] * 5 + [2.0] * 5, None),
        ([0.0] * 5 + [1.0] * 5 + [1.5], 10),
    ],
)
def test_more_than_so_many_in_any_one_second_are_a_burst_too_large(
    moments: list[float], over_at: int | None
) -> None:
    burst = Burst(5)

    assert next((n for n, moment in enumerate(moments) if burst.is_over(moment)), None) == over_at


def test_what_is_sent_by_the_clock_counts_for_bursts_alone() -> None:
    watch = RateLimiter(1, 0.0, max_burst=10)

    assert not any(watch.is_flood(n * 0.2, by_the_clock=True) for n in range(200))
    assert any(watch.is_flood(100.0, by_the_clock=True) for _ in range(11))


@pytest.mark.parametrize(
    ("seconds", "gap_s", "count", "refused"),
    [
        (0.02, 0.02, 5000, 0),
        (0.02, 0.01, 5000, 0),
        (0.02, 0.0, 500, 0),
        (0.02, 0.0, 600, 100),
        (SOUND_BURST_S + 0.1, 0.0, 3, 3),
        (0.0, 0.0, 4000, 0),
        (0.0, 0.0, 5000, 1000),
        (60.0, 60.0, 3, 3),
    ],
    ids=["in time", "twice as fast", "a burst", "more", "at once", "empty", "too many empty", "minutes"],
)
def test_sound_comes_at_most_twice_as_fast_as_it_was_said(
    seconds: float, gap_s: float, count: int, refused: int
) -> None:
    rate = SoundRate(0.0)

    assert sum(rate.is_flood(seconds, n * gap_s) for n in range(count)) == pytest.approx(refused, abs=1)


@pytest.mark.parametrize(
    ("stood_still_s", "came_s", "refused"),
    [(0.0, 25.0, 15.0), (15.0, 25.0, 0.0), (15.0, 26.0, 1.0)],
    ids=["no stall", "all that has waited", "more than has waited"],
)
def test_what_has_waited_while_the_server_stood_still_may_come_at_once(
    stood_still_s: float, came_s: float, refused: float
) -> None:
    rate = SoundRate(0.0)
    frames = [
        rate.is_flood(0.02, 0.0, stood_still_s if number == 0 else 0.0) for number in range(int(came_s * 50))
    ]

    assert sum(frames) * 0.02 == pytest.approx(refused, abs=0.05)


def test_what_a_stall_has_left_over_is_forgotten_soon() -> None:
    rate = SoundRate(0.0)
    rate.is_flood(0.02, 0.0, 100.0)

    assert sum(rate.is_flood(0.02, 60.0) for _ in range(600)) == pytest.approx(100, abs=1)
