"""Whether a process keeps growing: by what is alive in it at rest, and by a line through its memory."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.soak.live import Live

REST_SHARE = 0.4
"""The part of a run before its first rest."""

WARM_UP_SHARE = 0.6
"""The part that is no part of the fit: what is filled once, and all who begin anew after the rest."""

WARM_UP_S = 60
"""At least; a run that is not longer by half says nothing of growth."""

ARENA_KIB = 1024
"""The piece in which Python takes memory from the system. Whether one more is taken after the warm-up is
chance, however long the run; two are growth."""


@dataclass(frozen=True)
class Slope:
    """A line through samples.

    Attributes:
        mean_kib: Their mean, after the warm-up.
        minutes: How long that was.
        kib_per_min: How steeply it rises.
        error: The slope's standard error, from the means of eight stretches: samples side by side are alike.
    """

    mean_kib: float
    minutes: float
    kib_per_min: float
    error: float

    @property
    def is_flat(self) -> bool:
        """Whether the rise cannot be told from one more arena in all of the time."""
        return (self.kib_per_min - 2 * self.error) * self.minutes <= ARENA_KIB


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
    return Slope(statistics.fmean(kib), (end - warm_at) / 60, fit.slope, error)


MIN_SESSIONS = 500
"""Fewer say nothing: connections that are kept differ from one rest to the next by some hundred objects."""

MAX_BLOCKS = 1.0
MAX_LARGE_BYTES = 512
"""What each session leaves behind is one object or more, in one of Python's blocks or, above 512 bytes, in
malloc's. So no leak of every session passes; and what one session in twenty leaves, a task or a talk, is
itself twenty objects and more."""


@dataclass(frozen=True)
class Growth:
    """What was left alive by sessions that came and went.

    Attributes:
        sessions: How many did between the two looks.
        blocks: What each left, on average.
        large_bytes: The same of malloc's.
    """

    sessions: int
    blocks: float
    large_bytes: float

    @property
    def is_none(self) -> bool:
        """Whether sessions leave nothing."""
        return self.blocks < MAX_BLOCKS and self.large_bytes < MAX_LARGE_BYTES


def growth_between(looks: Sequence[tuple[int, Live]]) -> Growth | None:
    """From the first to the last of `(sessions so far, what was alive)`; None where too few came between."""
    if len(looks) < 2 or looks[-1][0] - looks[0][0] < MIN_SESSIONS:
        return None
    (first, before), (last, after) = looks[0], looks[-1]
    sessions = last - first
    blocks, large_bytes = after.blocks - before.blocks, after.large_bytes - before.large_bytes
    return Growth(sessions, blocks / sessions, large_bytes / sessions)
