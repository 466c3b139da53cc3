"""Places are found by what stands before them, by their capital, or by being strange."""

import zoneinfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.matching import read
from app.llm.demo.slots import places_in
from tests.llm.demo.asking import calls

NAMES = [
    "San Sebastián", "Villanueva de la Serena", "Puerto Montt", "Salt Lake City", "St. Louis",
    "Ciudad de México", "Palma de Mallorca", "New York", "Rio de Janeiro", "Kuala Lumpur",
    "O'Higgins", "Winston-Salem", "São Paulo", "Århus", "La Paz", "Las Vegas", "The Hague", "Gijón",
    "Reikiavik", "Santiago de Chile", "Boise, Idaho", "Ciudad Real", "Buenos Aires", "Santo Domingo",
]  # fmt: skip
TEMPLATES = [
    "¿Qué tiempo hace en {}?",
    "clima en {} hoy",
    "¿Va a llover mañana en {}?",
    "dime la temperatura de {}, por favor",
    "pronóstico para {}",
    "¿Cómo está el clima ahora en {}?",
    "En {}, ¿qué tiempo hace?",
    "What's the weather in {}?",
    "weather for {} please",
    "Will it rain tomorrow in {}?",
    "How cold is it in {} right now?",
    "forecast for {} this weekend",
    "Do I need an umbrella in {} today?",
]
ZONES = sorted(zone for zone in zoneinfo.available_timezones() if "/" in zone or zone == "UTC")
TIMES = [
    "¿Qué hora es en {}?",
    "dime la hora de {} por favor",
    "hora actual en {}",
    "¿Qué hora tienen ahora en {}?",
    "In {}, what time is it?",
    "What time is it in {}?",
    "current time in {} please",
    "tell me the time for {}",
]


@given(name=st.sampled_from(NAMES), template=st.sampled_from(TEMPLATES))
@settings(max_examples=300, deadline=None)
def test_a_place_is_handed_on_as_it_was_written(name: str, template: str):
    assert calls(template.format(name)) == [("get_weather_info", {"location": name})]


@given(name=st.from_regex(r"[A-Z][bcdfglmnprst][aeiou][bdlmnrst][aeiou][mnrst]", fullmatch=True))
@settings(deadline=None)
def test_a_place_that_nobody_knows_is_handed_on_too(name: str):
    assert calls(f"¿Qué tiempo hace en {name}?") == [("get_weather_info", {"location": name})]
    assert calls(f"weather in {name}, please") == [("get_weather_info", {"location": name})]


@given(zone=st.sampled_from(ZONES), template=st.sampled_from(TIMES))
@settings(max_examples=300, deadline=None)
def test_a_zone_is_asked_for_by_its_name(zone: str, template: str):
    assert calls(template.format(zone)) == [("get_current_time", {"timezone": zone})]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("el tiempo en Madrid, Barcelona y Sevilla", ["Madrid", "Barcelona", "Sevilla"]),
        ("weather in Paris, France", ["Paris, France"]),
        ("weather in Paris and Rome", ["Paris", "Rome"]),
        ("Madrid weather", ["Madrid"]),
        ("tiempo Valladolid", ["Valladolid"]),
        ("weather in new york", ["new york"]),
        ("what's London's weather", ["London"]),
        ("qué hora es en UTC+5:30", ["UTC+5:30"]),
        ("el clima de hoy", []),
        ("weather today in celsius", []),
        ("dime la hora", []),
    ],
)
def test_lists_are_parted_and_names_are_not(text: str, names: list[str]):
    assert places_in(read(text)) == names
