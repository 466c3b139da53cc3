"""Names of time zones."""

from datetime import UTC, datetime, timedelta
from zoneinfo import available_timezones

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.time_zones import UnknownZone, find_zone, server_zone


@given(st.sampled_from(sorted(available_timezones())), st.booleans())
def test_case_and_separators_of_iana_names_do_not_matter(zone: str, upper: bool):
    written = zone.replace("_", " ")

    name, _ = find_zone(written.upper() if upper else written.lower())

    assert name == zone


@pytest.mark.parametrize(
    ("place", "zone"),
    [
        ("Tokio", "Asia/Tokyo"),
        ("tokyo", "Asia/Tokyo"),
        ("Nueva York", "America/New_York"),
        ("new york", "America/New_York"),
        ("Ciudad de México", "America/Mexico_City"),
        ("México", "America/Mexico_City"),
        ("Buenos Aires", "America/Argentina/Buenos_Aires"),
        ("São Paulo", "America/Sao_Paulo"),
        ("Londres", "Europe/London"),
        ("España", "Europe/Madrid"),
        ("Los Ángeles", "America/Los_Angeles"),
        ("san francisco", "America/Los_Angeles"),
        ("Hong-Kong", "Asia/Hong_Kong"),
        ("Pekín", "Asia/Shanghai"),
        ("utc", "UTC"),
    ],
)
def test_places_are_known_in_both_languages(place: str, zone: str):
    name, found = find_zone(place)
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)

    assert moment.astimezone(found).utcoffset() == moment.astimezone(find_zone(zone)[1]).utcoffset()
    assert name.rpartition("/")[2] == zone.rpartition("/")[2]


@pytest.mark.parametrize(
    ("text", "name", "minutes"),
    [
        ("UTC+2", "UTC+02:00", 120),
        ("gmt-3", "UTC-03:00", -180),
        ("-03:30", "UTC-03:30", -210),
        ("UTC +5:30", "UTC+05:30", 330),
        ("+0545", "UTC+05:45", 345),
        ("UTC−4", "UTC-04:00", -240),
    ],
)
def test_offsets_are_zones_too(text: str, name: str, minutes: int):
    found, zone = find_zone(text)

    assert found == name
    assert zone.utcoffset(None) == timedelta(minutes=minutes)


@pytest.mark.parametrize("text", ["UTC+15", "+99", "../../etc/passwd", "/etc/localtime", "posix", "", "a\0b"])
def test_what_is_no_zone_is_refused(text: str):
    with pytest.raises(UnknownZone):
        find_zone(text)


def test_typing_errors_get_near_names():
    with pytest.raises(UnknownZone) as failure:
        find_zone("Barcelna")

    assert failure.value.suggestions == ("Europe/Madrid",)


@given(st.text(max_size=500))
def test_any_text_finds_a_zone_or_at_most_three_suggestions(text: str):
    try:
        find_zone(text)
    except UnknownZone as exc:
        assert len(exc.suggestions) <= 3


def test_server_zone_keeps_the_machines_time():
    name, zone = server_zone()
    here = datetime.now().astimezone()

    assert name
    assert here.astimezone(zone).utcoffset() == here.utcoffset()
