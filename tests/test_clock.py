"""Time, passed in wherever code needs it."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from app.clock import SystemClock, wire_time


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2025, 7, 20, 10, 30, tzinfo=UTC), "2025-07-20T10:30:00Z"),
        (datetime(2025, 7, 20, 10, 30, 59, 999_999, UTC), "2025-07-20T10:30:59Z"),
        (datetime(2025, 7, 20, 1, 30, tzinfo=timezone(timedelta(hours=2))), "2025-07-19T23:30:00Z"),
    ],
)
def test_moment_is_written_in_utc_and_whole_seconds(moment: datetime, text: str):
    assert wire_time(moment) == text


def test_wall_clock_is_in_utc():
    before = datetime.now(UTC)

    now = SystemClock().now()

    assert now.utcoffset() == timedelta(0)
    assert before <= now <= datetime.now(UTC)


async def test_monotonic_clock_is_the_one_that_timers_use():
    loop = asyncio.get_running_loop()

    assert loop.time() <= SystemClock().monotonic() <= loop.time()


def test_there_is_no_monotonic_time_outside_of_a_loop():
    with pytest.raises(RuntimeError):
        SystemClock().monotonic()
