"""Names of time zones."""

import os
import subprocess
import sys
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


@pytest.mark.parametrize(
    ("written", "meant"),
    [("Barcelna", "Europe/Madrid"), ("Tokio, Japón", "Asia/Tokyo"), ("Lima, Peru", "America/Lima")],
)
def test_what_is_nearly_a_name_gets_near_names(written: str, meant: str):
    with pytest.raises(UnknownZone) as failure:
        find_zone(written)

    assert failure.value.suggestions[0] == meant


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


@pytest.mark.parametrize(
    ("tz", "name", "offset"),
    [
        ("Europe/Madrid", "Europe/Madrid", "+01:00"),
        (":Asia/Tokyo", "Asia/Tokyo", "+09:00"),
        ("CET-1CEST,M3.5.0,M10.5.0/3", "local", "+01:00"),
        ("<+0330>-3:30", "local", "+03:30"),
        ("WEST-1", "local", "+01:00"),
        ("WEST", "local", "+00:00"),
        ("IST-5:30", "local", "+05:30"),
        ("Europe/Madird", "local", "+00:00"),
        ("/etc/passwd", "local", "+00:00"),
        ("ñ", "local", "+00:00"),
        ("A" * 4000, "local", "+00:00"),
        ("AAA-25:59:59", "UTC", "+00:00"),
        ("AAA+167", "UTC", "+00:00"),
    ],
)
def test_servers_own_time_is_the_systems(tz: str, name: str, offset: str):
    program = (
        "from datetime import UTC, datetime; from app.tools.support.time_zones import server_zone;"
        "moment = datetime(2026, 1, 15, tzinfo=UTC); name, zone = server_zone(moment);"
        "print(name, moment.astimezone(zone).isoformat()[19:])"
    )
    environment = {**os.environ, "TZ": tz, "PYTHONUTF8": "1"}
    found = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True)

    assert (found.stdout.split(), found.stderr) == ([name, offset], "")


@pytest.mark.parametrize(
    ("name", "hours"),
    [("WEST", 1), ("cest", 2), ("EST", -5), ("PST", -8), ("EDT", -4), ("JST", 9), ("AEST", 10)],
)
def test_an_abbreviation_is_no_far_off_place(name: str, hours: int):
    found, zone = find_zone(name)

    assert found == name.upper()
    assert datetime(2026, 1, 15, tzinfo=UTC).astimezone(zone).utcoffset() == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("name", "suggestion"),
    [
        ("IST", "Europe/Dublin"),
        ("BST", "Europe/London"),
        ("CST", "America/Chicago"),
        ("ACT", "Australia/Canberra"),
    ],
)
def test_an_abbreviation_of_several_is_asked_about(name: str, suggestion: str):
    with pytest.raises(UnknownZone) as caught:
        find_zone(name)

    assert suggestion in caught.value.suggestions


@pytest.mark.parametrize("name", ["north", "South", "NSW", "Victoria", "LHI"])
def test_a_part_of_a_name_is_no_place(name: str):
    with pytest.raises(UnknownZone):
        find_zone(name)
