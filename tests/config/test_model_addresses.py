import pytest

from config.settings import Settings, SettingsError, load_settings
from tests.support.context import settings_with

HOST = "https://res.openai.azure.com"


def azure(endpoint: str, **values: str) -> Settings:
    whole = {"azure_openai_api_key": "key", "azure_openai_deployment_name": "mine", **values}
    return settings_with(azure_openai_endpoint=endpoint, **whole)


@pytest.mark.parametrize(
    ("given", "endpoint"),
    [
        (HOST, HOST),
        (f"{HOST}/", HOST),
        (f"  {HOST}//  ", HOST),
        (f'"{HOST}/"', HOST),
        (f"'{HOST}'", HOST),
        (f"<{HOST}/>", HOST),
        (f"\u200b{HOST}/\u00a0", HOST),
        (f"{HOST}/openai", HOST),
        (f"{HOST}/openai/v1/", HOST),
        (f"{HOST}/openai/v1/chat/completions", HOST),
        (f"{HOST}/openai/deployments/gpt-4o", HOST),
        (f"{HOST}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21", HOST),
        (f"{HOST}/openai/responses?api-version=2025-04-01-preview", HOST),
        (f"{HOST}/?api-version=2024-10-21", HOST),
        (f"{HOST}/#keys", HOST),
        (f"{HOST}:443/openai/", f"{HOST}:443"),
        ("HTTPS://RES.openai.azure.com/OpenAI/v1", "https://RES.openai.azure.com"),
        ("https://res.cognitiveservices.azure.com/openai/v1", "https://res.cognitiveservices.azure.com"),
        ("https://res.services.ai.azure.com/models", "https://res.services.ai.azure.com"),
        (
            "https://res.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview",
            "https://res.services.ai.azure.com",
        ),
        ("https://res.services.ai.azure.com/api/projects/talk", "https://res.services.ai.azure.com"),
        ("https://eastus.api.cognitive.microsoft.com/", "https://eastus.api.cognitive.microsoft.com"),
        ("https://res.openai.azure.us/openai/v1", "https://res.openai.azure.us"),
        (f"AZURE_OPENAI_ENDPOINT={HOST}/", HOST),
        (f'export AZURE_OPENAI_ENDPOINT="{HOST}/openai"', HOST),
        (f"POST {HOST}/openai/v1/chat/completions", HOST),
        (f"{HOST}/,", HOST),
        (f"{HOST}/;", HOST),
        (f"{HOST}\\openai\\v1", HOST),
        (f"{HOST}/ope\u200bnai/v1", HOST),
        ("https://res.openai.azure.com./openai", "https://res.openai.azure.com."),
        (f"{HOST}/openai/realtime?deployment=gpt-4o-realtime", HOST),
        (
            "https://r.eastus2.models.ai.azure.com/v1/chat/completions",
            "https://r.eastus2.models.ai.azure.com",
        ),
        # A gateway's own path leads to the resource.
        ("https://gw.azure-api.net/team-a/", "https://gw.azure-api.net/team-a"),
        ("https://gw.azure-api.net/team-a/openai/deployments/x", "https://gw.azure-api.net/team-a"),
        ("http://127.0.0.1:8080/openai/v1/", "http://127.0.0.1:8080"),
        ("http://127.0.0.1:8080/v1/", "http://127.0.0.1:8080"),
    ],
)
def test_endpoint_of_azure_is_cut_to_what_it_must_be(given: str, endpoint: str):
    assert azure(given).azure_openai_endpoint == endpoint


WHOLE = f"{HOST}/openai/deployments/gpt%2D4o/chat/completions?api-version=2024-10-21"


def test_address_tells_what_nothing_else_does():
    told = azure(WHOLE, azure_openai_deployment_name="")

    assert (told.azure_openai_deployment_name, told.azure_openai_api_version) == ("gpt-4o", "2024-10-21")
    assert told.provider == "azure"


@pytest.mark.parametrize(
    "given",
    [
        f"{HOST}/openai/deployments/gpt-4o?API-Version=2024-10-21",
        f"{HOST}/openai/realtime?api-version=2024-10-21&deployment=gpt-4o",
        f'AZURE_OPENAI_ENDPOINT="{HOST}/openai/deployments/gpt-4o/chat/completions?api-version=2024-10-21"',
    ],
)
def test_address_tells_it_in_other_ways_too(given: str):
    told = azure(given, azure_openai_deployment_name="")

    assert (told.azure_openai_deployment_name, told.azure_openai_api_version) == ("gpt-4o", "2024-10-21")


def test_setting_wins_over_the_address():
    told = azure(WHOLE, azure_openai_api_version="2025-01-01-preview")

    assert (told.azure_openai_deployment_name, told.azure_openai_api_version) == (
        "mine",
        "2025-01-01-preview",
    )


@pytest.mark.parametrize("page", ["https://portal.azure.com/#@x/resource/y", "https://ai.azure.com/resource"])
def test_page_of_the_portal_is_no_endpoint(monkeypatch: pytest.MonkeyPatch, page: str):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", page)

    with pytest.raises(SettingsError, match=r"AZURE_OPENAI_ENDPOINT: \S+ is the portal"):
        load_settings()


@pytest.mark.parametrize("wrong", ["res.openai.azure.com", "https://res openai", "https://[x", "https://"])
def test_endpoint_that_cannot_be_read_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch, wrong: str):
    monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", wrong)

    with pytest.raises(SettingsError, match="AZURE_OPENAI_ENDPOINT: "):
        load_settings()


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("http://localhost:11434/v1", "http://localhost:11434/v1"),
        (" http://localhost:11434/v1/ ", "http://localhost:11434/v1"),
        ('"http://localhost:11434/v1"', "http://localhost:11434/v1"),
        ("http://localhost:11434", "http://localhost:11434"),
        ("https://h/v1/chat/completions", "https://h/v1"),
        ("https://h/v1/chat/completions/", "https://h/v1"),
        ("https://h//v1//completions", "https://h/v1"),
        ("https://h/v1/models", "https://h/v1"),
        ("https://h/v1/models/llama-3", "https://h/v1"),
        ("https://h/v1/chat", "https://h/v1"),
        ("https://h/v1/messages/", "https://h/v1"),
        ("https://h/chat", "https://h/chat"),
        ("http://h:11434/api/chat", "http://h:11434"),
        ("http://h:11434/api/generate", "http://h:11434"),
        ("http://h:11434/api/tags", "http://h:11434"),
        ("http://h/api", "http://h/api"),
        ("OPENAI_BASE_URL=http://h/v1", "http://h/v1"),
        ("set OPENAI_BASE_URL='http://h/v1'", "http://h/v1"),
        ("http://h/v1;", "http://h/v1"),
        ("http://h/v1\u200b/", "http://h/v1"),
        ("https://h/v1/responses", "https://h/v1"),
        (
            "https://h/openai/v1/chat/completions?api-version=preview",
            "https://h/openai/v1?api-version=preview",
        ),
    ],
)
def test_base_url_is_without_what_a_client_adds(given: str, url: str):
    assert settings_with(openai_base_url=given).openai_base_url == url
