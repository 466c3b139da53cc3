"""Traces are made where they are asked for, and their packages are needed there alone."""

from types import ModuleType

import pytest

from app.telemetry.loader import MODULE, find_tracing
from app.telemetry.traces import Traces
from config.settings import SettingsError
from tests.support.context import settings_with


def not_there(name: str) -> ModuleType:
    raise ModuleNotFoundError("No module named 'opentelemetry.sdk'", name="opentelemetry.sdk")


def test_nothing_is_loaded_where_no_traces_are_wanted():
    assert find_tracing(settings_with(), not_there) is None


@pytest.mark.parametrize("kind", ["otlp", "console"])
def test_wanted_traces_are_found(kind: str):
    assert find_tracing(settings_with(otel_traces=kind)) is Traces
    assert Traces.__module__ == MODULE


def test_missing_packages_are_one_line_that_says_what_brings_them():
    with pytest.raises(SettingsError) as caught:
        find_tracing(settings_with(otel_traces="otlp"), not_there)

    assert str(caught.value) == (
        "OTEL_TRACES: opentelemetry.sdk is missing: pip install --require-hashes -r requirements-otel.lock"
    )
