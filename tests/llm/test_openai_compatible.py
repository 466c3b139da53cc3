from typing import Any

import pytest

from app.errors import LlmAuthFailed, LlmBadResponse, LlmNotFound, LlmStalled, LlmUnavailable
from app.llm.openai_compatible import NO_KEY, OpenAICompatible
from tests.support.answers import HugeLine, StallBeforeHeaders, Status, html
from tests.support.azure_standin import DEPLOYMENT, AzureStandin
from tests.support.context import settings_with
from tests.support.providers import hears, provider_for


async def test_provider_shows_its_name_and_its_model():
    async with AzureStandin() as standin, provider_for("openai", standin) as provider:
        assert (provider.name, provider.model, provider.notice) == ("openai", DEPLOYMENT, {})


async def test_tokens_are_counted():
    """B17"""
    async with AzureStandin() as standin, provider_for("openai", standin) as provider:
        heard = await hears(provider)

    assert heard.completion is not None
    assert heard.completion.usage is not None


async def test_server_on_ones_own_machine_needs_no_key(monkeypatch: pytest.MonkeyPatch):
    """The package would else take a key out of the environment and send it to a stranger."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-of-the-environment")
    async with AzureStandin() as standin:
        standin.key = None
        async with provider_for("openai", standin, openai_api_key=None) as provider:
            heard = await hears(provider)

    assert heard.error is None
    assert standin.requests[0].headers["authorization"] == f"Bearer {NO_KEY}"


async def test_without_a_model_the_first_listed_one_is_taken_and_kept():
    async with AzureStandin() as standin:
        standin.models = ["llama", "phi"]
        async with provider_for("openai", standin, openai_model=None) as provider:
            assert provider.model == ""
            await hears(provider)
            standin.models = ["phi", "llama"]
            await hears(provider)

            assert provider.model == "llama"
    assert [request.body["model"] for request in standin.requests] == ["llama", "llama"]


async def test_server_that_lists_no_model_needs_the_setting():
    async with AzureStandin() as standin:
        standin.models = []
        async with provider_for("openai", standin, openai_model=None) as provider:
            heard = await hears(provider)

    assert type(heard.error) is LlmNotFound
    assert "OPENAI_MODEL" in heard.error.facts


@pytest.mark.parametrize(
    ("values", "error"),
    [
        ({"openai_api_key": "wrong"}, LlmAuthFailed),
        ({"openai_base_url": "http://nope.invalid/v1"}, LlmUnavailable),
    ],
)
async def test_list_of_models_that_cannot_be_had_is_told_like_an_answer(
    values: dict[str, str], error: type[Exception]
):
    async with AzureStandin() as standin:
        async with provider_for("openai", standin, openai_model=None, **values) as provider:
            assert type((await hears(provider)).error) is error


async def test_openai_itself_needs_the_setting():
    """Nobody wants the first of its hundred models; and nothing is asked of the network."""
    provider = OpenAICompatible(settings_with(openai_api_key="sk"))

    heard = await hears(provider)
    await provider.aclose()

    assert type(heard.error) is LlmNotFound
    assert "OPENAI_MODEL is not set" in heard.error.facts


@pytest.mark.parametrize(
    "answer", [html(), Status(200, body={"data": [7]}), Status(200, body=[1]), HugeLine()]
)
async def test_list_of_models_that_is_none_is_a_bad_response(answer: Any):
    async with AzureStandin() as standin:
        standin.models_answer = answer
        async with provider_for("openai", standin, openai_model=None) as provider:
            assert type((await hears(provider)).error) is LlmBadResponse


async def test_silent_list_of_models_is_a_stall():
    async with AzureStandin() as standin:
        standin.models_answer = StallBeforeHeaders()
        async with provider_for(
            "openai", standin, openai_model=None, llm_first_token_timeout_s=0.1
        ) as provider:
            assert type((await hears(provider)).error) is LlmStalled


# Which model, and where


async def test_without_a_model_the_first_that_chats_is_taken():
    async with AzureStandin() as standin:
        standin.models = ["nomic-embed-text", "whisper-large-v3", "llama"]
        async with provider_for("openai", standin, openai_model=None) as provider:
            heard = await hears(provider)

    assert (heard.error, standin.requests[0].body["model"]) == (None, "llama")


async def test_server_without_a_model_that_chats_needs_the_setting():
    async with AzureStandin() as standin:
        listed = [{"id": "nomic", "type": "embeddings"}]
        standin.models_answer = Status(200, body={"data": listed})
        async with provider_for("openai", standin, openai_model=None) as provider:
            heard = await hears(provider)

    assert type(heard.error) is LlmNotFound
    assert "no model that chats; set OPENAI_MODEL" in heard.error.facts


async def test_model_that_was_removed_is_replaced_by_one_that_is_there():
    async with AzureStandin() as standin:
        standin.models = ["llama"]
        async with provider_for("openai", standin, openai_model=None) as provider:
            await hears(provider)
            standin.models = ["embed-x", "phi"]
            heard = await hears(provider)
            again = await hears(provider)

    assert (heard.error, again.error) == (None, None)
    assert [request.body["model"] for request in standin.requests] == ["llama", "llama", "phi", "phi"]


async def test_model_that_is_listed_and_not_there_is_asked_for_once_more_at_most():
    async with AzureStandin() as standin:
        standin.models_answer = Status(200, body={"data": [{"id": "ghost"}]})
        async with provider_for("openai", standin, openai_model=None) as provider:
            heard = await hears(provider)

    assert type(heard.error) is LlmNotFound
    assert len(standin.requests) == 2


async def test_model_of_the_settings_is_never_replaced():
    async with AzureStandin() as standin:
        async with provider_for("openai", standin, openai_model="ghost") as provider:
            assert type((await hears(provider)).error) is LlmNotFound

    assert len(standin.requests) == 1


@pytest.mark.parametrize("model", [None, DEPLOYMENT])
@pytest.mark.parametrize("path", ["", "/", "/v1/chat/completions", "/chat/completions"])
async def test_address_without_its_version_is_found(model: str | None, path: str):
    async with AzureStandin() as standin:
        url = standin.url + path
        async with provider_for("openai", standin, openai_base_url=url, openai_model=model) as provider:
            heard = [await hears(provider), await hears(provider)]
            checks = await provider.diagnose()

    assert [h.error for h in heard] == [None, None]
    assert all(check.ok for check in checks)


async def test_query_of_the_address_goes_with_each_request():
    async with AzureStandin() as standin:
        url = f"{standin.url}/v1?api-version=preview"
        async with provider_for("openai", standin, openai_base_url=url, openai_model=None) as provider:
            assert (await hears(provider)).error is None

    assert standin.requests[0].query == {"api-version": "preview"}


async def test_wrong_path_is_the_addresss_fault_and_not_the_models():
    async with AzureStandin() as standin:
        url = f"{standin.url}/api/v1"
        async with provider_for("openai", standin, openai_base_url=url) as provider:
            bad = next(check for check in await provider.diagnose() if not check.ok)

    assert bad.name == "endpoint"
    assert f"OPENAI_BASE_URL={url}" in bad.detail


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (404, {"error": {"message": 'model "x" not found, try pulling it first', "type": "api_error"}}),
        (404, {"object": "error", "message": "The model `x` does not exist.", "code": 404}),
        (400, {"error": {"message": "Model Not Exist", "type": "invalid_request_error"}}),
        (400, {"error": {"message": "x is not a valid model ID", "code": 400}}),
        (400, {"error": {"message": "Invalid model name passed in model=x", "code": "400"}}),
        (400, {"error": {"message": "gone", "code": "model_not_found"}}),
    ],
    ids=str,
)
async def test_missing_model_is_understood_in_any_words(status: int, body: dict[str, Any]):
    async with AzureStandin() as standin:
        standin.script(Status(status, body=body))
        async with provider_for("openai", standin) as provider:
            bad = next(check for check in await provider.diagnose() if not check.ok)

    assert bad.name == "model"
    assert "OPENAI_MODEL" in bad.detail
