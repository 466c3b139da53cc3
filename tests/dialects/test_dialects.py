"""No dialect refuses anything that a talk sends, and each goes on whatever happens."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.llm.plain_tools import plain_tools
from app.tools.registry import load_tools
from tests.dialects.rules import Rule, broken_by
from tests.dialects.services import SERVICES, Service, sample
from tests.dialects.situations import SITUATIONS, World, world_with
from tests.dialects.standin import DialectStandin, no_grammar
from tests.support.azure_standin import DEPLOYMENT, KEY
from tests.support.context import settings_with

RULES = [
    pytest.param(service, rule, id=f"{service.name}-{rule.name}")
    for service in SERVICES
    for rule in service.rules
]


THOUGHTS = ("Veamos.", "Hace falta.", "the user wants", "<think>", "</think>", "<|channel|>")


@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("service", SERVICES, ids=lambda each: each.name)
async def test_talk(service: Service, situation: Callable[[World], Awaitable[None]], tmp_path: Path):
    async with DialectStandin(service) as standin:
        await situation(world_with(standin, tmp_path))

    assert standin.broken == []
    assert standin.strict() == [], "the strictest of all dialects would have taken it too"
    if service.thinks_in_text is not None:
        sent = [str(message.get("content")) for each in standin.requests for message in each.messages]
        assert not any(thought in text for text in sent for thought in THOUGHTS), "a thought is in a prompt"


# The stand-ins can say no


@pytest.mark.parametrize(("service", "rule"), RULES)
def test_rule_finds_what_breaks_it_and_nothing_else(service: Service, rule: Rule):
    messages, given = sample(service)

    assert [each.name for each in service.rules if each.broken(messages, given)] == []
    assert rule.broken(broken_by(rule, messages), given)


@pytest.mark.parametrize(("service", "rule"), RULES)
async def test_stand_in_refuses_a_request_that_breaks_a_rule(service: Service, rule: Rule):
    messages, given = sample(service)
    body = {"model": DEPLOYMENT, "stream": True, "messages": messages}
    headers = {"authorization": f"Bearer {KEY}"}
    path = "/v1/chat/completions"
    if service.kind == "azure":
        headers = {"api-key": KEY}
        path = f"/openai/deployments/{DEPLOYMENT}/chat/completions?api-version=2024-10-21"
    async with DialectStandin(service) as standin, httpx.AsyncClient(verify=False, trust_env=False) as http:
        standin.given = given
        taken = await http.post(standin.url + path, json=body, headers=headers)
        body["messages"] = broken_by(rule, messages)
        refused = await http.post(standin.url + path, json=body, headers=headers)

    assert taken.status_code == 200
    assert refused.status_code in (400, 500)
    assert len(standin.broken) == 1


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "object", "properties": {}},
        {"type": "object", "properties": {"a": {"type": "string", "maxLength": 100_000}}},
        {
            "type": "object",
            "properties": {"a": {"type": "array", "items": {"type": "string"}, "maxItems": 2000}},
        },
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}, "$defs": {"A": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"description": "Anything."}}},
    ],
    ids=str,
)
def test_stand_in_makes_no_grammar_of_an_odd_schema(schema: dict[str, Any]):
    tool = {"type": "function", "function": {"name": "f", "parameters": schema}}

    assert no_grammar([tool])
    assert not no_grammar(plain_tools([tool]))
    assert not no_grammar(plain_tools(load_tools(settings_with()).schemas))
