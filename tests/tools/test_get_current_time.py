"""The clock tool."""

from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest
from pydantic import ValidationError

from app.errors import Locale
from app.tools.base import ToolError
from app.tools.get_current_time import GetCurrentTimeResult
from app.tools.get_current_time import run as get_current_time
from tests.support.context import arguments_of, tool_context

MONDAY = datetime(2026, 11, 23, 16, 4, 5, 678, tzinfo=UTC)


class StoppedClock:
    """Always the same moment."""

    def __init__(self, moment: datetime = MONDAY) -> None:
        self._moment = moment

    def now(self) -> datetime:
        return self._moment

    def monotonic(self) -> float:
        return 0.0


async def time_in(zone: str | None, locale: Locale = "es", moment: datetime = MONDAY) -> GetCurrentTimeResult:
    async with tool_context(locale=locale, clock=StoppedClock(moment)) as ctx:
        return get_current_time.run(arguments_of(get_current_time, timezone=zone), ctx)


async def test_moment_is_given_whole_in_the_zone_asked_for():
    result = await time_in("Asia/Tokyo")

    assert result.model_dump() == {
        "iso": "2026-11-24T01:04:05+09:00",
        "timezone": "Asia/Tokyo",
        "utc_offset": "+09:00",
        "date": "2026-11-24",
        "time": "01:04:05",
        "weekday": "martes",
        "sentence": "En Asia/Tokyo (UTC+09:00) es la 01:04 del martes, 24 de noviembre de 2026.",
    }


async def test_english_users_read_english():
    result = await time_in("Europe/Madrid", "en")

    assert result.weekday == "Monday"
    assert result.sentence == "In Europe/Madrid (UTC+01:00) it is 17:04 on Monday, 23 November 2026."


async def test_summer_time_is_kept():
    result = await time_in("Madrid", moment=datetime(2026, 7, 1, 12, tzinfo=UTC))

    assert (result.utc_offset, result.time) == ("+02:00", "14:00:00")


@pytest.mark.parametrize("zone", sorted(available_timezones()))
async def test_every_zone_of_the_database_is_known(zone: str):
    result = await time_in(zone)

    assert datetime.fromisoformat(result.iso) == MONDAY.replace(microsecond=0)
    assert result.timezone == zone


@pytest.mark.parametrize("zone", [None, "", "  "])
async def test_without_a_zone_it_is_the_servers_own(zone: str | None):
    result = await time_in(zone)

    assert datetime.fromisoformat(result.iso).utcoffset() == MONDAY.astimezone().utcoffset()


async def test_zone_may_be_left_out():
    async with tool_context(clock=StoppedClock()) as ctx:
        result = get_current_time.run(arguments_of(get_current_time), ctx)

    assert datetime.fromisoformat(result.iso) == MONDAY.replace(microsecond=0)


async def test_unknown_zone_is_named_with_near_ones():
    with pytest.raises(ToolError) as failure:
        await time_in("Europe/Madird")

    assert str(failure.value).startswith("No conozco la zona horaria «Europe/Madird». ¿Quizá Europe/Madrid")


async def test_zone_like_no_other_gets_an_example():
    with pytest.raises(ToolError) as failure:
        await time_in("qqqqqqqq", "en")

    assert str(failure.value) == (
        "I do not know the time zone “qqqqqqqq”. Use an IANA name such as Europe/London."
    )


async def test_long_and_unprintable_names_are_cut_and_escaped():
    with pytest.raises(ToolError) as failure:
        await time_in("\x1b[31m\n" + "x" * 100_000)

    assert "\x1b" not in str(failure.value) and "\n" not in str(failure.value)
    assert r"\x1b[31m\n" in str(failure.value)
    assert len(str(failure.value)) < 200


def test_unknown_argument_is_refused_by_name():
    with pytest.raises(ValidationError, match="zone"):
        arguments_of(get_current_time, zone="Europe/Madrid")
