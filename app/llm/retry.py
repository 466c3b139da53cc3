"""When a request that failed may be sent again, and how long to wait before."""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"\d{1,12}(\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently a failed request is sent again.

    Attributes:
        max_retries: Tries after the first one.
        first_delay_s: Wait before the first retry, in seconds; doubles with each one.
        longest_delay_s: Where the doubling ends, in seconds.
        longest_asked_s: The longest `Retry-After` that is waited for, in seconds; over it a person would
            rather read an error.
    """

    max_retries: int
    first_delay_s: float = 0.5
    longest_delay_s: float = 8
    longest_asked_s: float = 20

    def delay_s(self, attempt: int, asked_s: float | None) -> float | None:
        """Return the wait in seconds before retry number `attempt` (from 1), or None for no retry.

        Args:
            attempt: Which retry it would be.
            asked_s: What the service asked for, in seconds, if it did.
        """
        if attempt > self.max_retries:
            return None
        if asked_s is not None:
            return asked_s if asked_s <= self.longest_asked_s else None
        backoff = min(self.first_delay_s * 2 ** (attempt - 1), self.longest_delay_s)
        # S311: the jitter spreads retries over time; nobody gains by guessing it.
        return backoff * random.uniform(0.75, 1)  # noqa: S311


def asked_delay_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """Return the wait that a response asks for, in seconds; None where it asks for none that makes sense.

    Reads `retry-after-ms`, then `Retry-After` as seconds or as an HTTP date (RFC 9110, 10.2.3). Zero, the
    past and anything unreadable count as not asked.

    Args:
        headers: The response's; their names in any case if the mapping ignores case.
        now: The wall clock, in UTC.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if _NUMBER.fullmatch(milliseconds):
        return float(milliseconds) / 1000 or None
    asked = headers.get("retry-after", "").strip()
    if _NUMBER.fullmatch(asked):
        return float(asked) or None
    return _seconds_until(asked, now)


def _seconds_until(http_date: str, now: datetime) -> float | None:
    try:
        moment = parsedate_to_datetime(http_date)
    except ValueError:
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    seconds = (moment - now).total_seconds()
    return seconds if seconds > 0 else None
