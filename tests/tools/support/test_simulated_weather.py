"""Made-up weather is plausible and steady."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from app.tools.support.simulated_weather import simulated_weather

NOON = datetime(2026, 7, 20, 12, tzinfo=UTC)


def test_the_same_place_has_the_same_weather_all_day():
    morning = simulated_weather("Madrid", NOON, "es")
    evening = simulated_weather(" madrid", NOON + timedelta(hours=7), "es")

    assert morning | {"time": "", "location": ""} == evening | {"time": "", "location": ""}


def test_places_and_days_differ():
    temperatures = {
        simulated_weather(place, NOON + timedelta(days=day), "es")["temperature_c"]
        for place in ("Madrid", "Oslo", "Lima")
        for day in range(5)
    }

    assert len(temperatures) > 8


@given(st.text(min_size=1, max_size=200))
def test_the_numbers_are_plausible_everywhere(place: str):
    report = simulated_weather(place, NOON, "en")

    assert 0 <= report["temperature_c"] <= 30
    assert 0 <= report["humidity_percent"] <= 100
    assert 0 <= report["wind_kmh"] <= 40
    assert (report["precipitation_mm"] > 0) == (
        report["description"].split()[-1] in ("drizzle", "rain", "showers")
    )
    assert report["simulated"] is True
