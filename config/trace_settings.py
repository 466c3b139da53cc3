"""The settings of traces: where spans go, and what they hold."""

from typing import Literal

from pydantic import Field, SecretStr

from config.forms import HttpAddress
from config.settings_slice import SettingsSlice


class TraceSettings(SettingsSlice):
    """Traces by OpenTelemetry, under the names that its own tools know."""

    otel_traces: Literal["off", "otlp", "console"] = "off"
    otel_exporter_otlp_endpoint: HttpAddress = "http://127.0.0.1:4318"
    otel_exporter_otlp_headers: SecretStr | None = None
    otel_service_name: str = Field(default="voice-agent", min_length=1)
    otel_capture_content: bool = False
