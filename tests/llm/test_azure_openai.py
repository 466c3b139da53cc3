import pytest

from app.llm.azure_openai import AzureOpenAI
from config.settings import SettingsError
from tests.support.azure_standin import DEPLOYMENT, AzureStandin
from tests.support.context import settings_with
from tests.support.providers import hears, provider_for


async def test_provider_shows_its_name_and_its_deployment():
    async with AzureStandin() as standin, provider_for("azure", standin) as provider:
        assert (provider.name, provider.model, provider.notice) == ("azure", DEPLOYMENT, {})


@pytest.mark.parametrize("slash", ["", "/"])
async def test_request_names_deployment_and_api_version_in_the_address(slash: str):
    async with AzureStandin() as standin:
        async with provider_for("azure", standin, azure_openai_endpoint=standin.url + slash) as provider:
            await hears(provider)

    request = standin.requests[0]
    assert request.path == f"/openai/deployments/{DEPLOYMENT}/chat/completions"
    assert request.query == {"api-version": "2024-02-15-preview"}


@pytest.mark.parametrize(
    ("version", "counts"),
    [
        ("2024-02-15-preview", False),
        ("2024-08-01-preview", False),
        ("2024-09-01-preview", True),
        ("2024-10-21", True),
        ("2025-04-01-preview", True),
    ],
)
async def test_tokens_are_counted_where_the_api_version_can(version: str, counts: bool):
    """B17: older versions answer 400 to the question."""
    async with AzureStandin() as standin:
        async with provider_for("azure", standin, azure_openai_api_version=version) as provider:
            heard = await hears(provider)

    assert heard.completion is not None
    assert (heard.completion.usage is not None) is counts
    assert len(standin.requests) == 1


async def test_wrong_names_are_told_to_the_operator():
    """B7"""
    async with AzureStandin() as standin:
        wrong = {"azure_openai_deployment_name": "gpt-other", "azure_openai_api_version": "2025-01-01"}
        async with provider_for("azure", standin, **wrong) as provider:
            heard = await hears(provider)

    assert heard.error is not None
    assert "AZURE_OPENAI_DEPLOYMENT_NAME=gpt-other, AZURE_OPENAI_API_VERSION=2025-01-01" in heard.error.facts


async def test_token_of_the_environment_does_not_replace_the_key(monkeypatch: pytest.MonkeyPatch):
    """The package reads it by itself; the settings are what counts."""
    monkeypatch.setenv("AZURE_OPENAI_AD_TOKEN", "token-of-the-environment")

    async with AzureStandin() as standin, provider_for("azure", standin) as provider:
        assert (await hears(provider)).error is None


def test_provider_without_its_settings_cannot_be_made():
    with pytest.raises(SettingsError, match="endpoint, key and deployment"):
        AzureOpenAI(settings_with())
