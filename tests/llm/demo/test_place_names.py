"""Every zone of the time zone database can be asked for."""

import zoneinfo
from datetime import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.place_names import COUNTRIES, places, zones
from tests.llm.demo.asking import calls

ZONES = sorted(zoneinfo.available_timezones())
REGIONS = ("Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
CITIES = sorted(zone for zone in ZONES if zone.partition("/")[0] in REGIONS)
TEMPLATES = [
    "¿Qué hora es en {}?",
    "dime la hora de {} por favor",
    "hora actual en {}",
    "¿Qué hora tienen ahora en {}?",
    "In {}, what time is it?",
    "What time is it in {}?",
    "current time in {} please",
    "tell me the time for {}",
]


def _same_clock(left: str, right: str) -> bool:
    """Whether two zones show the same time all year."""
    moments = [datetime(2026, month, 15, tzinfo=zoneinfo.ZoneInfo("UTC")) for month in range(1, 13)]
    return all(
        moment.astimezone(zoneinfo.ZoneInfo(left)).utcoffset()
        == moment.astimezone(zoneinfo.ZoneInfo(right)).utcoffset()
        for moment in moments
    )


@given(
    zone=st.sampled_from([zone for zone in ZONES if "/" in zone or zone == "UTC"]),
    template=st.sampled_from(TEMPLATES),
)
@settings(max_examples=300, deadline=None)
def test_a_zone_is_asked_for_by_its_name(zone: str, template: str):
    assert calls(template.format(zone)) == [("get_current_time", {"timezone": zone})]


@given(zone=st.sampled_from(CITIES), template=st.sampled_from(TEMPLATES))
@settings(max_examples=300, deadline=None)
def test_a_zone_is_asked_for_by_its_city(zone: str, template: str):
    city = zone.rpartition("/")[2].replace("_", " ")

    ((tool, arguments),) = calls(template.format(city))

    assert tool == "get_current_time"
    assert arguments["timezone"] == city or _same_clock(arguments["timezone"], zone)


@pytest.mark.parametrize("name", sorted(places()))
def test_every_name_leads_to_a_zone_that_exists(name: str):
    assert places()[name] in zones().values()


def test_countries_are_places_too():
    assert COUNTRIES.items() <= places().items()
