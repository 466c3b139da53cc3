"""How fast a client may talk."""

import pytest

from app.services.limits import FLOOD_SECONDS, FloodWatch


def floods(watch: FloodWatch, per_second: list[int], start: float = 100.0) -> float | None:
    """Sends so many messages in each second; returns the second at which it was a flood."""
    for second, count in enumerate(per_second):
        for number in range(count):
            if watch.is_flood(start + second + number / (count + 1)):
                return second
    return None


def test_client_over_its_rate_in_ten_seconds_in_a_row_is_a_flood() -> None:
    assert floods(FloodWatch(20, 100.0), [21] * 20) == FLOOD_SECONDS - 1


@pytest.mark.parametrize(
    "seconds", [[20] * 100, [1000], [21] * 9 + [20] + [21] * 9, [21] * 9 + [0] + [21] * 9]
)
def test_bursts_are_no_flood(seconds: list[int]) -> None:
    assert floods(FloodWatch(20, 100.0), seconds) is None
