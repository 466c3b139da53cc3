from typing import Any

import pytest

from app.llm.base import ChatProvider
from app.llm.loader import PROVIDERS, load_provider
from config.settings import SettingsError
from tests.support.context import settings_with

AZURE = {
    "azure_openai_endpoint": "http://127.0.0.1:9",
    "azure_openai_api_key": "key",
    "azure_openai_deployment_name": "gpt",
}


def provider_with(**values: Any) -> ChatProvider:
    settings = settings_with(**values)
    return load_provider(settings, settings)


@pytest.mark.parametrize(
    ("values", "name", "model"),
    [
        (AZURE, "azure", "gpt"),
        ({"openai_base_url": "http://127.0.0.1:9/v1", "openai_model": "llama"}, "openai", "llama"),
        ({"openai_api_key": "key", "openai_model": "gpt"}, "openai", "gpt"),
        ({**AZURE, "openai_api_key": "key", "llm_provider": "openai", "openai_model": "o"}, "openai", "o"),
    ],
)
async def test_settings_choose_the_provider(values: dict[str, Any], name: str, model: str):
    provider = provider_with(**values)

    assert (provider.name, provider.model, provider.notice) == (name, model, {})
    await provider.aclose()


async def test_without_any_service_the_demo_answers():
    provider = provider_with()

    assert provider.name == "demo"
    assert set(provider.notice) == {"es", "en"}
    await provider.aclose()


def test_every_provider_of_the_settings_has_its_class():
    assert set(PROVIDERS) == {"azure", "openai", "demo"}


def test_key_that_cannot_be_one_stops_the_start():
    with pytest.raises(SettingsError, match="AZURE_OPENAI_API_KEY"):
        provider_with(**{**AZURE, "azure_openai_api_key": "clavé"})


@pytest.mark.parametrize("url", [None, "https://api.openai.com/v1"])
def test_openai_itself_needs_the_name_of_a_model(url: str | None):
    with pytest.raises(SettingsError, match="OPENAI_MODEL: missing"):
        provider_with(openai_api_key="sk-0123456789", openai_base_url=url)


def test_another_server_may_choose_its_model():
    assert provider_with(openai_api_key="k", openai_base_url="http://127.0.0.1:1/v1").model == ""
