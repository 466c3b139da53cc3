"""Which name is meant."""

import pytest

from config.nearest import nearest
from config.settings import Settings

SETTINGS = [name.upper() for name in Settings.model_fields]

OTHERS = (
    *("POSTGRES_PASSWORD", "POSTGRES_PORT", "REDIS_URL", "PATH", "HOME", "TZ", "LANG", "DEBUG", "SECRET_KEY"),
    *("COMPOSE_PROJECT_NAME", "HTTP_PROXY", "A", "", "_", "9" * 999),
)
"""Names that are not ours, and none that ours are mistaken for."""


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("AGENT_NAM", "AGENT_NAME"),
        ("AGENTNAME", "AGENT_NAME"),
        ("agent-name", "AGENT_NAME"),
        ("AGENT_NMAE", "AGENT_NAME"),
        ("AGNET_NAME", "AGENT_NAME"),
        ("NAME_AGENT", "AGENT_NAME"),
        ("OPENAI_KEY", "OPENAI_API_KEY"),
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("OPENAI_MODEL_NAME", "OPENAI_MODEL"),
        ("OPNEAI_MODLE", "OPENAI_MODEL"),
        ("AZURE_OPENAI_DEPLOYMENT_NAM", "AZURE_OPENAI_DEPLOYMENT_NAME"),
        ("TTS_VOICE", "TTS_VOICE_ES"),
        ("PROT", "PORT"),
        ("HOSTS", "HOST"),
        ("TOOL", "TOOLS"),
        ("MAX_SESSION", "MAX_SESSIONS"),
        ("DATABSE_URL", "DATABASE_URL"),
        ("LOG_LEVLE", "LOG_LEVEL"),
        *((name, None) for name in OTHERS),
    ],
)
def test_settings_are_found_by_what_was_meant(written: str, meant: str | None) -> None:
    assert nearest(written, SETTINGS) == meant


@pytest.mark.parametrize(
    ("written", "meant"), [("ef_droa", "ef_dora"), ("EF-DORA", "ef_dora"), ("dora", None), ("pepe", None)]
)
def test_voices_are_found_by_what_was_meant(written: str, meant: str | None) -> None:
    assert nearest(written, ["ef_dora", "em_alex"]) == meant
