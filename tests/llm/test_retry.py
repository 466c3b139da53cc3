from datetime import UTC, datetime

import pytest

from app.llm.retry import RetryPolicy, asked_delay_s

NOW = datetime(2025, 7, 20, 10, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "2"}, 2),
        ({"retry-after": " 1.5 "}, 1.5),
        ({"retry-after-ms": "300"}, 0.3),
        ({"retry-after-ms": "300", "retry-after": "2"}, 0.3),
        ({"retry-after-ms": "soon", "retry-after": "2"}, 2),
        ({"retry-after": "Sun, 20 Jul 2025 10:30:02 GMT"}, 2),
        ({"retry-after": "3600"}, 3600),
    ],
)
def test_wait_that_a_service_asks_for_is_read_in_each_of_its_forms(headers: dict[str, str], seconds: float):
    """B1, B2"""
    assert asked_delay_s(headers, NOW) == seconds


@pytest.mark.parametrize(
    "value",
    ["", "0", "-5", "soon", "nan", "inf", "1e9", "٣", "Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 99 Foo 2025"],
)
def test_senseless_wait_counts_as_none(value: str):
    """B2"""
    assert asked_delay_s({"retry-after": value}, NOW) is None


def test_backoff_doubles_from_half_a_second_to_eight_with_jitter():
    """B2"""
    policy = RetryPolicy(max_retries=9)

    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 8], start=1):
        delays = {policy.delay_s(attempt, None) for _ in range(20)}
        assert all(delay and 0.75 * longest <= delay <= longest for delay in delays)
        assert len(delays) > 1


def test_asked_wait_is_kept_exactly():
    """B1"""
    assert RetryPolicy(max_retries=2).delay_s(1, 19.5) == 19.5


def test_wait_that_no_person_would_sit_through_is_no_retry():
    """B3"""
    assert RetryPolicy(max_retries=2).delay_s(1, 20.1) is None


def test_retries_are_used_up():
    """B3"""
    assert RetryPolicy(max_retries=2).delay_s(3, None) is None
    assert RetryPolicy(max_retries=0).delay_s(1, 1) is None
