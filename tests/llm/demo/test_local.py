"""The time and the weather are asked for by words that also mean other things."""

import pytest

from app.llm.demo.local import read_time, read_weather
from app.llm.demo.text import utterance


@pytest.mark.parametrize(
    "text",
    [
        "media hora",
        "¿a qué hora abre el museo?",
        "this time",
        "take your time",
        "what time does it open",
        "3 times",
        "timeline",
    ],
)
def test_an_hour_or_a_time_that_is_not_the_clock_is_no_question_for_it(text: str):
    assert read_time(utterance(text)) == []


@pytest.mark.parametrize(
    "text", ["no tengo tiempo", "hace mucho tiempo", "todo el tiempo", "under the weather", "tiempo libre"]
)
def test_a_time_that_is_not_the_weather_is_no_question_for_it(text: str):
    assert read_weather(utterance(text)) == []


def test_no_place_means_the_servers_own_time_but_no_weather():
    (time,) = read_time(utterance("¿qué hora es?"))
    (weather,) = read_weather(utterance("¿qué tiempo hace?"))

    assert (time.arguments, time.missing) == ({}, "")
    assert (weather.arguments, weather.missing) == ({}, "location")


def test_a_city_that_is_not_known_is_handed_on_in_the_users_words():
    (ask,) = read_time(utterance("¿Qué hora es en Villaconejos de Arriba?"))

    assert ask.arguments == {"timezone": "Villaconejos de Arriba"}
