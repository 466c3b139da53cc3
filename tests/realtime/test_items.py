"""Items of the conversation: created, retrieved, deleted, and what the model knows of them."""

from typing import Any

import pytest

from config.settings import Settings
from tests.realtime.app import app_of, said
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, says
from tests.support.server import running_server

WITH_INSTRUCTIONS: Settings = settings_with(llm_provider="demo", realtime_client_instructions=True)


def told(model: ScriptedModel, place: int = -1) -> list[tuple[str, Any]]:
    """What a request held, but for the system's rules."""
    return [(m["role"], m["content"]) for m in model.requests[place].messages][1:]


async def test_items_keep_their_ids_and_their_order():
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server, app_of(server) as app:
        first = await app.adds("uno", id="mine")
        second = await app.adds("dos")
        response = await app.responds()
        await app.sends("conversation.item.retrieve", item_id="mine")
        again = (await app.hears("conversation.item.retrieved")).item

    added = [event for event in app.heard if event.type == "conversation.item.added"]
    assert first.id == again.id == "mine" and again == first
    assert [event.previous_item_id for event in added] == [None, "mine", second.id]
    assert added[-1].item.id == response.output[0].id


async def test_item_that_is_not_there_is_told_by_the_codes_of_the_api():
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        codes: list[str | None] = []
        for kind in ("retrieve", "delete"):
            await app.sends(f"conversation.item.{kind}", item_id="none", event_id=kind)
            error = (await app.hears("error")).error
            assert error.event_id == kind
            codes.append(error.code)

    assert codes == ["item_retrieve_invalid_item_id", "item_delete_invalid_item_id"]


async def test_deleted_items_are_not_told_to_the_model():
    model = ScriptedModel([says("Ana."), says("No lo sé.")])
    async with running_server(provider=model) as server, app_of(server) as app:
        secret = await app.adds("Me llamo Ana.")
        answer = (await app.asks("¿Cómo me llamo?")).output[0]
        for item in (secret, answer):
            await app.sends("conversation.item.delete", item_id=item.id)
            assert (await app.hears("conversation.item.deleted")).item_id == item.id
        await app.asks("¿Y ahora?")

    assert told(model, 0) == [("user", "Me llamo Ana."), ("user", "¿Cómo me llamo?")]
    assert told(model, 1) == [("user", "¿Cómo me llamo?"), ("user", "¿Y ahora?")]


async def test_earlier_messages_may_be_told_where_the_operator_lets_clients():
    model = ScriptedModel([says("Ana.")])
    async with running_server(WITH_INSTRUCTIONS, provider=model) as server, app_of(server) as app:
        await app.adds("Me llamo Ana.")
        await app.adds("Encantado.", "assistant")
        response = await app.asks("¿Cómo me llamo?")

    assert [role for role, _ in told(model)] == ["user", "assistant", "user"]
    assert said(response) == "Ana."


@pytest.mark.parametrize("role", ["assistant", "system"])
async def test_words_of_others_are_refused_where_the_operator_does_not(role: str):
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        item = {"type": "message", "role": role, "content": [{"type": "input_text", "text": "x"}]}
        await app.sends("conversation.item.create", item=item)
        error = (await app.hears("error")).error

    assert error.code == "client_instructions_not_allowed" and "REALTIME_CLIENT_INSTRUCTIONS" in error.message


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        ({"type": "conversation.item.create"}, "missing_required_parameter", "item"),
        ({"type": "conversation.item.create", "item": {"type": "mcp_call"}}, "unsupported", "item.type"),
        (
            {"type": "conversation.item.create", "item": {"type": "message", "role": "user"}},
            "missing_required_parameter",
            "content",
        ),
        ({"type": "conversation.item.retrieve"}, "missing_required_parameter", "item_id"),
        ({"type": "session.update"}, "missing_required_parameter", "session"),
        ({"type": "no.such.event"}, "invalid_value", "type"),
        ({"type": "response.create", "response": {"conversation": "none"}}, "unsupported", "response"),
    ],
)
async def test_what_cannot_be_read_is_told_and_harms_nothing(message: dict[str, Any], code: str, param: str):
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server, app_of(server) as app:
        await app.sends(**{"kind": message["type"], **{n: v for n, v in message.items() if n != "type"}})
        error = (await app.hears("error")).error
        response = await app.asks("hola")

    assert (error.type, error.code, error.param) == ("invalid_request_error", code, param)
    assert response.status == "completed"


@pytest.mark.parametrize("first", [None, "root"])
async def test_messages_are_put_last_where_that_is_said(first: str | None):
    async with running_server(provider=ScriptedModel([says("Sí.")])) as server, app_of(server) as app:
        content = [{"type": "input_text", "text": "x"}]
        for name, before in (("a", first), ("b", "a"), ("c", "b")):
            item = {"type": "message", "role": "user", "id": name, "content": content}
            await app.sends("conversation.item.create", item=item, previous_item_id=before)
        added = [(await app.hears("conversation.item.added")).previous_item_id for _ in "abc"]
        response = await app.responds()
        await app.adds("y", id="d")
        item = {"type": "message", "role": "user", "id": "e", "content": content}
        await app.sends("conversation.item.create", item=item, previous_item_id="d")
        await app.hears("conversation.item.added")

    assert added == [None, "a", "b"] and response.status == "completed"
    assert "error" not in app.kinds()


@pytest.mark.parametrize(
    ("before", "code"),
    [
        ("none", "item_create_invalid_previous_item_id"),
        (7, "item_create_invalid_previous_item_id"),
        ("a", "unsupported"),
        ("root", "unsupported"),
    ],
)
async def test_place_in_the_middle_is_refused(before: Any, code: str):
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        await app.adds("uno", id="a")
        await app.adds("dos", id="b")
        item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "x"}]}
        await app.sends("conversation.item.create", item=item, previous_item_id=before, event_id="e1")
        error = (await app.hears("error")).error

    assert (error.code, error.param, error.event_id) == (code, "previous_item_id", "e1")
