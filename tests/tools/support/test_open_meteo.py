"""Where Open-Meteo, or a server like it, looks places up."""

import pytest

from app.tools.support.open_meteo import geocoding_url
from tests.support.context import settings_with


def test_the_public_service_has_a_host_of_its_own_for_names():
    url = geocoding_url(settings_with().weather_url)

    assert str(url) == "https://geocoding-api.open-meteo.com/v1/search"


@pytest.mark.parametrize(
    ("weather_url", "url"),
    [
        ("http://weather:8080/v1/forecast", "http://weather:8080/v1/search"),
        ("https://w.example/deep/path?apikey=k", "https://w.example/v1/search?apikey=k"),
    ],
)
def test_another_service_looks_names_up_beside_its_forecasts(weather_url: str, url: str):
    assert str(geocoding_url(weather_url)) == url
