"""The settings of several processes: whole, or none; each wrong form is told by name."""

from typing import Any

import pytest

from tests.support.context import settings_with

SECRET = "s" * 32
GOOD: dict[str, Any] = {"fleet_address": "http://10.0.0.5:9000", "fleet_secret": SECRET}


@pytest.mark.parametrize(
    ("values", "listener"),
    [
        ({}, ("10.0.0.5", 9000)),
        ({"fleet_address": "https://agent-1:9000/"}, ("agent-1", 9000)),
        ({"fleet_address": "http://[fd00::5]:9000"}, ("fd00::5", 9000)),
        ({"fleet_bind": "0.0.0.0:9001"}, ("0.0.0.0", 9001)),
        ({"fleet_bind": "[::]:9001"}, ("::", 9001)),
        ({"fleet_secret": f"{SECRET}, {SECRET}2"}, ("10.0.0.5", 9000)),
    ],
)
def test_a_process_listens_for_the_others(values: dict[str, Any], listener: tuple[str, int]):
    settings = settings_with(**GOOD | values)

    assert settings.is_in_fleet
    assert settings.fleet_listener == listener


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"fleet_secret": ""}, "FLEET_SECRET: missing"),
        ({"fleet_address": None}, "FLEET_ADDRESS: missing"),
        ({"fleet_address": None, "fleet_secret": "", "fleet_bind": "a:1"}, "FLEET_ADDRESS, FLEET_SECRET"),
        ({"fleet_address": "10.0.0.5:9000"}, "FLEET_ADDRESS"),
        ({"fleet_address": "http://10.0.0.5"}, "a port of its own"),
        ({"fleet_address": "http://10.0.0.5:9000/x"}, "without a path"),
        ({"fleet_address": "http://user:pw@10.0.0.5:9000"}, "without a path"),
        ({"fleet_secret": "short"}, "32 bytes"),
        ({"fleet_secret": f"{SECRET},{SECRET},{SECRET}"}, "one secret, or two"),
        ({"fleet_bind": "9000"}, "FLEET_BIND"),
        ({"fleet_bind": "host:0"}, "FLEET_BIND"),
        ({"fleet_bind": "host:99999"}, "FLEET_BIND"),
    ],
)
def test_half_a_fleet_or_a_wrong_form_is_told(values: dict[str, Any], named: str):
    with pytest.raises(ValueError, match=f"(?i){named}") as caught:
        settings_with(**GOOD | values)

    assert SECRET not in str(caught.value)


def test_a_process_without_them_is_alone():
    settings = settings_with()

    assert not settings.is_in_fleet
    with pytest.raises(ValueError, match="not set"):
        _ = settings.fleet_listener
