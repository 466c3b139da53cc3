import asyncio
import socket
from typing import Any

import pytest

from app.llm import diagnosis
from app.llm.base import Check
from app.llm.openai_errors import Failure
from tests.support.answers import Raw, StallBeforeHeaders, Status, html, redirect, text_events
from tests.support.azure_standin import KEY, AzureStandin
from tests.support.providers import KINDS, Kind, provider_for


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


async def checks_of(kind: Kind, standin: AzureStandin, **values: Any) -> list[Check]:
    async with provider_for(kind, standin, **values) as provider:
        return await provider.diagnose()


def first_bad(checks: list[Check]) -> Check:
    return next(check for check in checks if not check.ok)


async def test_everything_that_works_is_said_to_work(kind: Kind):
    async with AzureStandin() as standin:
        checks = await checks_of(kind, standin)

    assert all(check.ok for check in checks)
    model = ["api_version", "deployment"] if kind == "azure" else ["model"]
    assert [check.name for check in checks] == ["settings", "endpoint", "key", *model, "completion"]
    assert len(standin.requests) == 1


@pytest.mark.parametrize(
    ("answer", "name", "words"),
    [
        (Status(401), "key", "OPENAI_API_KEY"),
        (Status(403), "key", "OPENAI_API_KEY"),
        (Status(500, message="broken"), "completion", "broken"),
        (Status(429), "completion", "status=429"),
        (Status(400, message="odd"), "completion", "odd"),
        (redirect("http://127.0.0.1:9/"), "completion", "not followed"),
        (html(), "endpoint", "text/html"),
    ],
    ids=repr,
)
async def test_refusal_is_the_fault_of_its_part(kind: Kind, answer: Any, name: str, words: str):
    async with AzureStandin() as standin:
        standin.script(answer)
        checks = await checks_of(kind, standin)

    bad = first_bad(checks)
    assert (bad.name, words in bad.detail) == (name, True), bad
    after = checks[checks.index(bad) + 1 :]
    assert all(not check.ok and check.detail.startswith("not tried") for check in after)


@pytest.mark.parametrize(
    ("values", "name"),
    [
        ({"azure_openai_deployment_name": "other"}, "deployment"),
        ({"azure_openai_api_version": "v0"}, "api_version"),
        ({"azure_openai_api_key": "other"}, "key"),
    ],
)
async def test_wrong_setting_of_azure_is_found(values: dict[str, Any], name: str):
    async with AzureStandin() as standin:
        bad = first_bad(await checks_of("azure", standin, **values))

    assert bad.name == name
    assert f"AZURE_OPENAI_{'API_KEY' if name == 'key' else 'DEPLOYMENT_NAME'}" in bad.detail


@pytest.mark.parametrize(
    ("values", "name"), [({"openai_model": "other"}, "model"), ({"openai_api_key": "other"}, "key")]
)
async def test_wrong_setting_of_openai_is_found(values: dict[str, Any], name: str):
    async with AzureStandin() as standin:
        assert first_bad(await checks_of("openai", standin, **values)).name == name


async def test_endpoint_says_how_far_the_connection_came(kind: Kind):
    """B28: look-up, TCP and TLS apart."""
    setting = "azure_openai_endpoint" if kind == "azure" else "openai_base_url"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with AzureStandin() as standin:
        urls = ["http://nope.invalid", f"http://127.0.0.1:{port}", f"https://127.0.0.1:{standin.server.port}"]
        bad = [first_bad(await checks_of(kind, standin, **{setting: url})) for url in urls]

    assert {check.name for check in bad} == {"endpoint"}
    for check, words in zip(bad, ["(DNS)", "TCP: nothing listens", "TLS:"], strict=True):
        assert words in check.detail
        assert setting.upper() in check.detail


async def test_silent_service_is_reported_in_time(kind: Kind):
    async with AzureStandin() as standin:
        standin.script(StallBeforeHeaders())
        bad = first_bad(await checks_of(kind, standin, llm_first_token_timeout_s=1))

    assert bad.name == "completion"


async def test_diagnosis_ends_by_itself():
    async def never() -> None:
        await asyncio.Event().wait()

    def nobody(failure: Failure) -> str:
        raise AssertionError

    async with AzureStandin() as standin, provider_for("azure", standin) as provider:
        hints = provider._chat.hints
        stages = [
            diagnosis.Stage("endpoint", ""),
            diagnosis.Stage("key", ""),
            diagnosis.Stage("completion", ""),
        ]
        checks = await diagnosis.diagnose(stages, never, hints, nobody, limit_s=0.05)

    assert "no answer within 0.05 seconds" in checks[0].detail


async def test_diagnosis_shows_no_secret(kind: Kind):
    """F13"""
    async with AzureStandin() as standin:
        standin.script(Status(400, message=f"the key {KEY} is odd"))
        checks = await checks_of(kind, standin)

    assert KEY not in repr(checks)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (Status(404, body=b"404 page not found"), "endpoint"),
        (Status(404, body={"detail": "Not Found"}), "endpoint"),
        (Status(404, body={"error": {"code": "404", "message": "Resource not found"}}), "api_version"),
        (Status(400, message="API version not supported"), "api_version"),
        (Status(404, code="DeploymentNotFound"), "deployment"),
    ],
    ids=str,
)
async def test_what_is_not_found_at_azure_is_blamed_on_its_cause(answer: Any, name: str):
    async with AzureStandin() as standin:
        standin.script(answer)
        bad = first_bad(await checks_of("azure", standin))
        endpoint = f"AZURE_OPENAI_ENDPOINT={standin.url}"

    assert bad.name == name
    assert endpoint in bad.detail


async def test_endpoint_as_the_portal_shows_it_works():
    async with AzureStandin() as standin:
        for path in ("/openai/v1/", "/openai/deployments/x/chat/completions?api-version=2024-10-21"):
            checks = await checks_of("azure", standin, azure_openai_endpoint=standin.url + path)
            assert all(check.ok for check in checks)


async def test_model_that_thinks_for_long_answers(kind: Kind):
    async with AzureStandin() as standin:
        thought = [text_events("<think>"), *[text_events("Hmm ")] * 100]
        standin.script(Raw(thought, delay_s=1))
        checks = await checks_of(kind, standin)

    assert all(check.ok for check in checks)
