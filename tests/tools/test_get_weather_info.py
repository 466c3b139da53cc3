"""The weather, simulated or from a service that speaks like Open-Meteo."""

import json
from typing import Any

import pytest
from pydantic import ValidationError

from app.tools import get_weather_info
from app.tools.base import ToolError
from tests.support.context import arguments_of, settings_with, tool_context
from tests.tools.support.stand_in import Site, response, serving

TOOL = get_weather_info.run
MADRID = {
    "results": [
        {
            "name": "Madrid",
            "latitude": 40.4165,
            "longitude": -3.7,
            "admin1": "Madrid",
            "country": "España",
        }
    ]
}
SUNNY = {
    "timezone": "Europe/Madrid",
    "current": {
        "time": "2026-07-20T12:00",
        "temperature_2m": 31.4,
        "apparent_temperature": 30.2,
        "relative_humidity_2m": 24,
        "precipitation": 0.0,
        "weather_code": 2,
        "wind_speed_10m": 9.7,
    },
}


def answer(value: object) -> bytes:
    return response(body=json.dumps(value).encode(), content_type="application/json")


async def ask(site: Site, location: str = "Madrid", *, query: str = "", locale: Any = "es") -> dict[str, Any]:
    async with serving(site) as port:
        settings = settings_with(
            weather_provider="open-meteo", weather_url=f"http://127.0.0.1:{port}/v1/forecast{query}"
        )
        async with tool_context(settings, locale=locale) as ctx:
            return await TOOL.run(arguments_of(TOOL, location=location), ctx)


@pytest.mark.parametrize(("locale", "word"), [("es", "simulados"), ("en", "Simulated")])
async def test_without_a_service_the_report_says_that_it_is_simulated(locale: Any, word: str):
    async with tool_context(locale=locale) as ctx:
        report = await TOOL.run(arguments_of(TOOL, location=" Cádiz "), ctx)

    assert report["simulated"] is True
    assert report["location"] == "Cádiz"
    assert word in report["notice"]


async def test_the_service_is_asked_for_the_place_and_then_for_its_weather():
    site = Site([answer(MADRID), answer(SUNNY)])

    report = await ask(site, "Madrid & ñ")

    search, forecast = (request.target for request in site.requests)
    assert search.startswith("/v1/search?name=Madrid+%26+%C3%B1&count=1&language=es")
    assert forecast.startswith("/v1/forecast?latitude=40.4165&longitude=-3.7&current=temperature_2m%2C")
    assert report == {
        "location": "Madrid, España",
        "time": "2026-07-20T12:00",
        "timezone": "Europe/Madrid",
        "description": "parcialmente nublado",
        "temperature_c": 31.4,
        "feels_like_c": 30.2,
        "humidity_percent": 24,
        "precipitation_mm": 0.0,
        "wind_kmh": 9.7,
        "simulated": False,
        "source": "Open-Meteo",
    }


async def test_names_and_words_are_in_the_users_language():
    site = Site([answer(MADRID), answer(SUNNY)])

    report = await ask(site, locale="en")

    assert "language=en" in site.requests[0].target
    assert report["description"] == "partly cloudy"


async def test_a_key_in_the_setting_goes_along_with_both_requests():
    site = Site([answer(MADRID), answer(SUNNY)])

    await ask(site, query="?apikey=k1")

    assert all("apikey=k1" in request.target for request in site.requests)


@pytest.mark.parametrize("found", [{"generationtime_ms": 0.5}, {"results": []}])
async def test_an_unknown_place_is_told_as_such(found: dict[str, Any]):
    with pytest.raises(ToolError, match="No encuentro ningún lugar"):
        await ask(Site([answer(found)]), "Xyzzy")


@pytest.mark.parametrize(
    "answers",
    [
        [response(500)],
        [response(body=b"<html>")],
        [answer({"results": [{"name": "Madrid"}]})],
        [answer(MADRID), response(429)],
        [answer(MADRID), answer({"error": True})],
        [answer(MADRID), answer({"current": {"time": "now"}})],
        [response(body=b"[" * 70_000)],
    ],
)
async def test_a_service_that_answers_nonsense_is_told_as_not_available(answers: list[bytes]):
    with pytest.raises(ToolError, match="El servicio meteorológico no responde bien"):
        await ask(Site(answers))


@pytest.mark.parametrize("url", ["http://127.0.0.1:1/v1/forecast"])
async def test_a_service_that_is_not_there_is_told_as_not_available(url: str):
    settings = settings_with(weather_provider="open-meteo", weather_url=url)
    async with tool_context(settings, locale="en") as ctx:
        with pytest.raises(ToolError, match="The weather service"):
            await TOOL.run(arguments_of(TOOL, location="Madrid"), ctx)


@pytest.mark.parametrize("values", [{}, {"location": "  "}, {"location": "x" * 201}, {"location": 5}])
def test_a_place_is_needed(values: dict[str, Any]):
    with pytest.raises(ValidationError, match="location"):
        arguments_of(TOOL, **values)


def test_unknown_arguments_are_refused_by_name():
    with pytest.raises(ValidationError, match="city"):
        arguments_of(TOOL, location="Madrid", city="Madrid")
