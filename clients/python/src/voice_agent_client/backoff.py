"""Spread the attempts of clients over time."""

from typing import Final

FIRST_DELAY_S: Final = 0.5
MAX_DELAY_S: Final = 30.0
_MAX_DOUBLINGS: Final = 16


def backoff_s(failures: int, chance: float) -> float:
    """Return how long to wait before the next attempt: exponential back-off with full jitter.

    Args:
        failures: Attempts that failed in a row, from 0.
        chance: From 0 to 1.

    Returns:
        Seconds, at most `MAX_DELAY_S`.
    """
    return chance * min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(failures, _MAX_DOUBLINGS))
