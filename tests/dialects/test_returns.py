"""What a service gave goes back to it alone and is seen by nobody; what one wants is learned from it."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.dialects.rules import Given, Message, Rule
from tests.dialects.services import DEEPSEEK, GEMINI, GROQ, MISTRAL, OPENAI, SERVICES, Service
from tests.dialects.situations import World, tool, world_with
from tests.dialects.standin import DialectStandin

THOUGHT = "Hace falta mirar."


async def shown(world: World) -> str:
    """All that a client and whoever reads the stored talk can see."""
    seen = json.dumps(world.client.heard, ensure_ascii=False)
    async with httpx.AsyncClient(verify=False, trust_env=False) as http:
        for path in ("messages", "export", "export?format=markdown"):
            url = f"http://127.0.0.1:{world.server.port}/sessions/{world.client.session_id}/{path}"
            answer = await http.get(url)
            assert answer.status_code == 200
            seen += answer.text
    return seen


@pytest.mark.parametrize("service", [DEEPSEEK, GEMINI, GROQ], ids=lambda each: each.name)
async def test_thoughts_and_signatures_are_seen_by_nobody(service: Service, tmp_path: Path):
    async with DialectStandin(service) as standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            call = ("look", {"seconds": 0, "tag": "uno", "result": "hallado"})
            world.script(standin.calls(call, thoughts=THOUGHT), "Ya está.")
            assert await world.asks("Mira uno") == "Ya está."
            seen = await shown(world)

    assert "hallado" in seen and "look" in seen
    assert not [each for each in ("mirar", "sig-0", "reasoning", "signature", "extras") if each in seen]


@pytest.mark.parametrize("before", [DEEPSEEK, GEMINI, OPENAI], ids=lambda each: each.name)
@pytest.mark.parametrize("after", SERVICES, ids=lambda each: each.name)
async def test_talk_goes_on_with_another_service(before: Service, after: Service, tmp_path: Path):
    async with DialectStandin(before) as one, DialectStandin(replace(after, kind="openai")) as other:
        other.models = ["another-model"]
        world = world_with(one, tmp_path)
        async with world.serving():
            await world.client.starts()
            looks = [("look", {"seconds": 0, "tag": tag, "result": tag}) for tag in ("uno", "dos")]
            world.script(one.calls(*looks, thoughts=THOUGHT), "Ya está.")
            assert await world.asks("Mira los dos") == "Ya está."
            token, session_id = world.client.token, world.client.session_id
            await world.client.drops()
        world = world_with(other, tmp_path, openai_model="another-model")
        async with world.serving():
            world.client.token, world.client.session_id = token, session_id
            assert (await world.client.resumes())["type"] == "session_resumed"
            world.script("Sigo.", world.looking("tres"), "Y tres.", "De nada.")
            assert await world.asks("¿Te acuerdas?") == "Sigo."
            assert await world.asks("Mira tres") == "Y tres."
            assert await world.asks("Gracias") == "De nada."

    sent = json.dumps([request.messages for request in other.requests])
    assert len(other.broken) <= 1, "what it wants is asked for once"
    assert THOUGHT not in sent
    assert before is not GEMINI or '"sig-0"' not in sent or after.signs


def _both(messages: list[Message], given: Given) -> str | None:
    is_both = any(message.get("tool_calls") and message.get("content") for message in messages)
    return "Assistant message must have either content or tool_calls, but not both." if is_both else None


def _any_system(messages: list[Message], given: Given) -> str | None:
    return "System role not supported" if messages[0]["role"] == "system" else None


def _thoughts(messages: list[Message], given: Given) -> str | None:
    is_there = any("reasoning_content" in message for message in messages)
    return "property 'reasoning_content' is unsupported" if is_there else None


def _bare(messages: list[Message], given: Given) -> str | None:
    is_bare = any(message.get("tool_calls") and not message.get("content") for message in messages)
    return "The text field in the ContentBlock object at messages.1.content.0 is blank." if is_bare else None


def _nameless(messages: list[Message], given: Given) -> str | None:
    is_nameless = any(message["role"] == "tool" and not message.get("name") for message in messages)
    return (
        "GenerateContentRequest.contents[2].parts[0].function_response.name: Name cannot be empty."
        if is_nameless
        else None
    )


LEARNED: dict[str, tuple[Service, Callable[[list[Message], Given], str | None]]] = {
    "text beside calls": (MISTRAL, _both),
    "a system message": (OPENAI, _any_system),
    "calls without a text": (OPENAI, _bare),
    "results that do not say of what": (replace(OPENAI, rules=()), _nameless),
    "thoughts that it gives and does not take": (
        replace(GROQ, thoughts="reasoning_content", rules=()),
        _thoughts,
    ),
}


@pytest.mark.parametrize(("service", "broken"), LEARNED.values(), ids=list(LEARNED))
async def test_what_a_service_does_not_take_is_learned_from_one_refusal(
    service: Service, broken: Any, tmp_path: Path
):
    rule = Rule("learned", "", broken, lambda messages: None)
    async with DialectStandin(replace(service, rules=(rule, *service.rules))) as standin:
        await tool(world_with(standin, tmp_path))

    assert len(standin.broken) == 1


@pytest.mark.parametrize("text", ["System role not supported", "The model does not support tools"])
async def test_what_a_service_quotes_of_a_user_teaches_nothing(text: str, tmp_path: Path):
    """A validator that repeats what was said: the words are the user's."""

    def quoted(messages: list[Message], given: Given) -> str | None:
        is_there = any(text in str(message["content"]) for message in messages)
        return f"1 validation error: input_value='{text}'" if is_there else None

    rule = Rule("quotes", "", quoted, lambda messages: None)
    async with DialectStandin(replace(OPENAI, rules=(rule,))) as standin:
        world = world_with(standin, tmp_path)
        async with world.serving():
            await world.client.starts()
            await world.fails_at(text)
            world.script("Vale.")
            assert await world.asks("Hola") == "Vale."

    last = standin.requests[-1]
    assert [message["role"] for message in last.messages] == ["system", "user"]
    assert last.body["tools"]
