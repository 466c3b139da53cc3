"""Whether a process keeps growing: a line through its memory over time."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

WARM_UP_SHARE = 0.4
"""The part at the beginning that is no part of the fit: what is loaded and filled once."""

WARM_UP_S = 60
"""At least; a run that is not longer by half says nothing of growth."""

MAX_SHARE_PER_HOUR = 0.1
"""Growth by a smaller share of the memory in an hour is left to the allocator."""


@dataclass(frozen=True)
class Slope:
    """A line through samples.

    Attributes:
        mean_kib: Their mean, after the warm-up.
        kib_per_min: How steeply it rises.
        error: The slope's standard error, from the means of eight stretches: samples side by side are alike.
    """

    mean_kib: float
    kib_per_min: float
    error: float

    @property
    def is_flat(self) -> bool:
        """Whether it cannot be told from no growth, or is too small to matter."""
        return self.kib_per_min - 2 * self.error <= MAX_SHARE_PER_HOUR * self.mean_kib / 60


STRETCHES = 8


def slope_of(samples: Sequence[tuple[float, int]]) -> Slope | None:
    """The slope of `(seconds, KiB)` after the warm-up; None where there are too few for one."""
    if not samples:
        return None
    begin, end = samples[0][0], samples[-1][0]
    warm_at = begin + max(WARM_UP_S, (end - begin) * WARM_UP_SHARE)
    warm = [(at, kib) for at, kib in samples if at >= warm_at]
    size = len(warm) // STRETCHES
    if size == 0 or end - warm_at < WARM_UP_S / 2:
        return None
    points = [
        tuple(map(statistics.fmean, zip(*warm[n * size : (n + 1) * size], strict=True)))
        for n in range(STRETCHES)
    ]
    minutes, kib = [at / 60 for at, _ in points], [value for _, value in points]
    fit = statistics.linear_regression(minutes, kib)
    rest = [value - fit.slope * at - fit.intercept for at, value in zip(minutes, kib, strict=True)]
    spread = sum((at - statistics.fmean(minutes)) ** 2 for at in minutes)
    error = (sum(r * r for r in rest) / (STRETCHES - 2) / spread) ** 0.5
    return Slope(statistics.fmean(kib), fit.slope, error)
