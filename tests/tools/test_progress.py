"""How often a running tool is heard of: at once, and then at most once in each interval."""

import asyncio
import threading

import pytest

from app.tools.progress import ProgressReporter
from tests.support.virtual_time import virtual

Told = list[tuple[str | None, float | None]]


def reporter(told: Told, interval_s: float = 5) -> ProgressReporter:
    return ProgressReporter(interval_s, lambda message, fraction: told.append((message, fraction)))


@virtual
async def test_first_report_is_told_at_once():
    told: Told = []
    report = reporter(told)

    report("a medias", 0.5)
    await asyncio.sleep(0)

    assert told == [("a medias", 0.5)]


@virtual
async def test_flood_is_told_once_in_each_interval_and_then_with_the_latest():
    told: Told = []
    report = reporter(told)

    for second in range(12):
        for n in range(1000):
            report(f"{second}.{n}")
        await asyncio.sleep(1)
        report.tick()

    assert [message for message, _ in told] == ["0.999", "4.999", "9.999"]


@virtual
async def test_tool_that_reports_nothing_is_told_when_it_is_due():
    told: Told = []
    report = reporter(told)
    begin = asyncio.get_running_loop().time()

    assert report.next_due == begin + 5
    await asyncio.sleep(4.9)
    report.tick()
    assert told == []
    await asyncio.sleep(0.1)
    report.tick()

    assert told == [(None, None)]
    assert report.next_due == begin + 10


@virtual
async def test_nothing_is_told_after_the_end():
    told: Told = []
    report = reporter(told)
    report("a")

    report.is_closed = True
    await asyncio.sleep(0)
    report("b")
    await asyncio.sleep(60)
    report.tick()

    assert told == []


@virtual
async def test_message_is_cleaned_and_cut():
    told: Told = []
    report = reporter(told, 0.001)

    for message in ("a\n\x1b[31m\0b", "x" * 10**6, "\ud83d", "  ", "", None):
        report(message)
        await asyncio.sleep(1)

    assert [message for message, _ in told] == ["a  [31m b", "x" * 200, None, None, None, None]


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [(0.5, 0.5), (1, 1.0), (7, 1.0), (-1, 0.0), (float("nan"), None), (float("inf"), None), (None, None)],
)
def test_fraction_is_between_nothing_and_all(fraction: float | None, expected: float | None):
    told: Told = []

    @virtual
    async def scenario() -> None:
        reporter(told)(fraction=fraction)
        await asyncio.sleep(0)

    scenario()
    assert told == [(None, expected)]


async def test_flood_from_a_thread_wakes_the_loop_once():
    told: Told = []
    report = reporter(told, 60)

    def flood() -> None:
        for n in range(10_000):
            report(str(n))

    thread = threading.Thread(target=flood)
    thread.start()
    thread.join()
    await asyncio.sleep(0)

    assert told == [("9999", None)]


def test_report_after_the_loop_has_ended_is_dropped():
    """A tool's thread may outlive everything else."""
    told: Told = []

    async def make() -> ProgressReporter:
        return reporter(told)

    report = asyncio.run(make())
    report("too late")

    assert told == []
    assert report.is_closed
