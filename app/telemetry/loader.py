"""Finds what makes traces, where the settings ask for them."""

from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Protocol

from app.llm.base import ChatProvider
from app.session.observer import Telemetry
from config.settings import SettingsError
from config.trace_settings import TraceSettings

MODULE = "app.telemetry.traces"


class Tracing(Telemetry, Protocol):
    """Telemetry that sends what it saw somewhere."""

    async def aclose(self) -> None:
        """Send what is left."""
        ...


def find_tracing(
    settings: TraceSettings, load: Callable[[str], ModuleType] = import_module
) -> Callable[[TraceSettings, str, ChatProvider], Tracing] | None:
    """Return what makes the traces that the settings ask for; None where they ask for none.

    It is made with these settings, the agent's name and the model.

    Raises:
        SettingsError: The packages of OpenTelemetry are not installed.
    """
    if settings.otel_traces == "off":
        return None
    try:
        return load(MODULE).Traces
    except ImportError as exc:
        raise SettingsError(
            f"OTEL_TRACES: {exc.name} is missing: pip install --require-hashes -r requirements-otel.lock"
        ) from exc
