"""Sound is judged by how long it lasts, however it is cut into frames, and whoever held it up."""

import pytest

from app.clock import Clock
from app.services.limits.sound_flow import SoundFlow
from tests.support.virtual_time import VirtualClock

RATE_HZ = 16_000
FRAME = 640  # 20 ms


class Moments:
    """A clock on the wall, and one that stands still while the server does."""

    def __init__(self) -> None:
        self.wall = VirtualClock()
        self.patient_s = 0.0
        self.wall_s = 0.0
        self.wall.monotonic = lambda: self.wall_s  # type: ignore[method-assign]


def flow_of(moments: Moments) -> SoundFlow:
    clock: Clock = moments.wall
    return SoundFlow(clock, lambda: moments.patient_s)


@pytest.mark.parametrize(
    ("frame_bytes", "rate_hz", "came_s", "seen"),
    [
        (FRAME, RATE_HZ, 3.0, {"heard"}),
        (FRAME, RATE_HZ, 9.9, {"heard"}),
        (86, RATE_HZ, 9.0, {"heard"}),
        (64_000, RATE_HZ, 9.0, {"heard"}),
        (FRAME, RATE_HZ, 15.0, {"heard", "unheard"}),
        (FRAME, RATE_HZ, 39.0, {"heard", "unheard"}),
        (FRAME, RATE_HZ, 41.0, {"heard", "unheard", "flood"}),
        (16_000 * 2 * 12, RATE_HZ, 12.0, {"unheard"}),
        (16_000 * 2 * 60, RATE_HZ, 600.0, {"unheard"}),
        (48_000 * 2 * 60, None, 600.0, {"unheard"}),
        (1920, None, 3.0, {"unheard"}),
        (1920, None, 9.9, {"unheard"}),
        (1920, None, 11.0, {"unheard", "flood"}),
    ],
    ids=[
        "a stall of three seconds",
        "just in time",
        "a browser's own pieces",
        "large frames",
        "a longer stall",
        "a very long one",
        "a flood",
        "one frame of 12 s",
        "ten minutes in ten frames",
        "ten minutes that nobody asked for",
        "none agreed on",
        "none agreed on, long",
        "a flood of what nobody asked for",
    ],
)
def test_what_comes_at_once_is_heard_left_out_or_a_flood(
    frame_bytes: int, rate_hz: int | None, came_s: float, seen: set[str]
) -> None:
    flow = flow_of(Moments())
    frames = round(came_s * 2 * (rate_hz or 48_000) / frame_bytes)

    assert {flow.judge(frame_bytes, rate_hz) for _ in range(frames)} == seen


@pytest.mark.parametrize("frame_bytes", [0, 1, 2])
def test_frames_with_nothing_in_them_are_bounded_too(frame_bytes: int) -> None:
    flow = flow_of(Moments())

    assert "flood" in {flow.judge(frame_bytes, RATE_HZ) for _ in range(17_000)}


def test_what_waited_while_the_server_stood_still_is_heard() -> None:
    moments = Moments()
    flow = flow_of(moments)
    flow.judge(FRAME, RATE_HZ)
    moments.wall_s, moments.patient_s = 60.0, 0.2

    assert {flow.judge(FRAME, RATE_HZ) for _ in range(60 * 50)} == {"heard"}


def test_twice_as_fast_as_it_is_said_goes_on_for_ever() -> None:
    moments = Moments()
    flow = flow_of(moments)
    seen = set[str]()
    for number in range(50_000):
        moments.wall_s = moments.patient_s = number * 0.01
        seen.add(flow.judge(FRAME, RATE_HZ))

    assert seen == {"heard"}


def test_an_error_is_due_once_a_second() -> None:
    moments = Moments()
    flow = flow_of(moments)
    told = []
    for second in (0.0, 0.5, 1.0, 1.9, 2.1):
        moments.patient_s = second
        told.append(flow.is_to_be_told())

    assert told == [True, False, True, False, True]
