"""A real llama.cpp with a real model: no template of its refuses what a talk sends."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from app.llm.base import ChatRequest
from app.llm.openai_compatible import OpenAICompatible
from app.llm.retry import RetryPolicy
from tests.dialects.situations import LOOK
from tests.install_llama import is_there
from tests.llm.test_request_messages import RULES, calls, note, result, said, user
from tests.support.context import settings_with
from tests.support.llama_server import llama_server
from tests.support.providers import hears
from tests.support.server import running_server
from tests.support.talk import Workshop
from tests.support.v2_client import v2_client

pytestmark = [
    pytest.mark.skipif(not is_there(), reason="no llama.cpp and model in data/llama: `make llama`"),
    pytest.mark.timeout(300),
]

TEMPLATES = Path(__file__).parents[1] / "cases" / "templates"

HISTORIES: dict[str, list[dict[str, Any]]] = {
    "plain": [RULES, user("Hola"), said("Hola, Ana."), user("¿Qué tal?")],
    "tool": [RULES, user("¿2+2?"), calls("call_1", text="Miro."), result("call_1", '{"result":4}')],
    "parallel tools": [RULES, user("¿Y?"), calls("call_1", "call_2"), result("call_1"), result("call_2")],
    "interrupted tool": [RULES, user("¿Y?"), calls("call_1"), result("call_1"), user("Déjalo")],
    "failed turn": [RULES, user("Hola"), user("¿Hola?")],
    "background result": [
        RULES,
        user("Hola"),
        said("Voy."),
        calls("call_1"),
        result("call_1", '{"result":4}'),
    ],
    "results only": [RULES, calls("call_1"), result("call_1"), calls("call_2"), result("call_2")],
    "summary": [RULES, note("summary", "Hablaron de trenes."), user("¿Y ahora?")],
    "context": [
        RULES,
        user("Hola"),
        said("Hola."),
        note("context", "El pedido es el 7."),
        user("¿Qué pedido?"),
    ],
    "mood": [RULES, user("Hola"), said("Hola."), note("aside", "Está harto."), user("¡Venga ya!")],
    "greeting": [RULES, note("task", "Saluda.")],
    "greeted": [RULES, note("task", "Saluda."), said("¡Hola!"), user("¿Qué hora es?")],
    "the agent began": [RULES, said("Buenos días."), user("Hola")],
}


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=[None, TEMPLATES / "alternating.jinja"])
async def address(request: pytest.FixtureRequest) -> AsyncIterator[str]:
    async with llama_server(request.param) as url:
        yield url


def settings_of(address: str) -> dict[str, Any]:
    return {"openai_base_url": address, "openai_model": "qwen", "llm_provider": "openai"}


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("history", HISTORIES.values(), ids=list(HISTORIES))
async def test_every_history_is_answered(address: str, history: list[dict[str, Any]]):
    settings = settings_with(**settings_of(address), llm_first_token_timeout_s=60)
    provider = OpenAICompatible(settings, retry=RetryPolicy(0))
    heard = await hears(provider, ChatRequest(history))
    await provider.aclose()

    assert heard.error is None, heard.error.facts
    assert heard.completion is not None


@pytest.mark.asyncio(loop_scope="module")
async def test_talk_goes_on_over_tools_contexts_and_interruptions(address: str):
    settings = settings_with(**settings_of(address), llm_first_token_timeout_s=60)
    async with (
        running_server(settings, tools=[Workshop().tool(LOOK)]) as server,
        v2_client(server, 120) as client,
    ):
        await client.starts(locale="es")
        for text in ("Hola", "¡¡Esto no funciona, estoy harto!!"):
            await client.says(text)
            await client.hears_answer()
        await client.says("Cuenta hasta mil")
        await client.hears("turn_started")
        await client.sends({"type": "interrupt"})
        await client.hears("response_complete")
        await client.says("¿Sigues ahí?")
        await client.hears_answer()

    assert [message for message in client.heard if message["type"] == "error"] == []
