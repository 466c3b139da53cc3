"""Places are found by what stands before them, by their names, or by being left over."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.places import place_alone, places_in, zone_of
from app.llm.demo.text import utterance
from tests.llm.demo.asking import calls

NAMES = [
    "San Sebastián", "Villanueva de la Serena", "Puerto Montt", "Salt Lake City", "St. Louis",
    "Ciudad de México", "Palma de Mallorca", "New York", "Rio de Janeiro", "Kuala Lumpur",
    "O'Higgins", "Winston-Salem", "São Paulo", "Århus", "La Paz", "Las Vegas", "The Hague", "Gijón",
    "Reikiavik", "Santiago de Chile", "Boise, Idaho",
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


@given(name=st.sampled_from(NAMES), template=st.sampled_from(TEMPLATES))
@settings(max_examples=300, deadline=None)
def test_a_place_is_handed_on_as_it_was_written(name: str, template: str):
    assert calls(template.format(name)) == [("get_weather_info", {"location": name})]


@given(name=st.from_regex(r"[A-Z][bcdfglmnprst][aeiou][bdlmnrst][aeiou][mnrst]", fullmatch=True))
@settings(deadline=None)
def test_a_place_that_nobody_knows_is_handed_on_too(name: str):
    assert calls(f"¿Qué tiempo hace en {name}?") == [("get_weather_info", {"location": name})]
    assert calls(f"weather in {name}, please") == [("get_weather_info", {"location": name})]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("el tiempo en Madrid, Barcelona y Sevilla", ["Madrid", "Barcelona", "Sevilla"]),
        ("weather in Paris, France", ["Paris, France"]),
        ("weather in Paris and Rome", ["Paris", "Rome"]),
        ("clima en Trinidad y Tobago", ["Trinidad y Tobago"]),
        ("Madrid weather", ["Madrid"]),
        ("tiempo Valladolid", ["Valladolid"]),
        ("what's London's weather", ["London"]),
        ("weather in Bali, weather-wise", ["Bali"]),
        ("el clima de hoy", []),
        ("weather today in celsius", []),
    ],
)
def test_lists_are_parted_and_names_are_not(text: str, names: list[str]):
    assert [place.name for place in places_in(utterance(text))] == names


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("¿y en Londres?", ["Londres"]),
        ("what about Tokyo?", ["Tokyo"]),
        ("and Paris and Rome", ["Paris", "Rome"]),
        ("La Paz", ["La Paz"]),
        ("hoy", []),
        ("sí, por favor", []),
    ],
)
def test_a_name_may_come_alone(text: str, names: list[str]):
    assert [place.name for place in place_alone(utterance(text))] == names


def test_a_place_behind_the_question_is_likelier_than_one_before():
    said = utterance("si en Madrid es mediodía, ¿qué hora es en Lima?")

    assert places_in(said, after=said.plain.index("hora"))[0].name == "Lima"


@pytest.mark.parametrize(
    ("name", "zone"),
    [
        ("Tokio", "Asia/Tokyo"),
        ("NUEVA YORK", "America/New_York"),
        ("moscu", "Europe/Moscow"),
        ("El Cairo", "Africa/Cairo"),
        ("europe/madrid", "Europe/Madrid"),
        ("America/New York", "America/New_York"),
        ("Port-au-Prince", "America/Port-au-Prince"),
        ("utc", "UTC"),
        ("Villaconejos", ""),
    ],
)
def test_a_zone_is_known_by_city_exonym_or_its_own_name(name: str, zone: str):
    assert zone_of(name) == zone
