"""Shares of what was measured."""

from collections.abc import Sequence


def share_of(values: Sequence[float], share: float) -> float:
    """The value that so large a share of all do not exceed, 0 to 1; of few, the greatest for 0.95."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
