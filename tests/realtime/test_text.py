"""The Realtime API by text: the stock client of the `openai` package talks to a real server."""

import asyncio

from tests.realtime.app import app_of, said
from tests.support.scripted import Says, ScriptedModel, Until, says
from tests.support.server import running_server


async def test_session_is_there_at_once():
    async with running_server(provider=ScriptedModel([])) as server, app_of(server) as app:
        session = app.heard[0].session

    assert app.kinds() == ["session.created"]
    assert session.type == "realtime" and session.output_modalities == ["text"]


async def test_text_is_answered_in_the_order_of_the_api():
    async with (
        running_server(provider=ScriptedModel([says("Hola", ", Ana.")])) as server,
        app_of(server) as app,
    ):
        response = await app.asks("hola")

    assert app.kinds(1) == [
        "conversation.item.added",
        "conversation.item.done",
        "response.created",
        "response.output_item.added",
        "conversation.item.added",
        "response.content_part.added",
        "response.output_text.delta",
        "response.output_text.delta",
        "response.output_text.done",
        "response.content_part.done",
        "response.output_item.done",
        "conversation.item.done",
        "response.done",
    ]
    assert said(response) == "Hola, Ana."
    assert response.status == "completed" and response.usage is not None


async def test_second_answer_while_one_is_made_is_refused():
    may_end = asyncio.Event()
    model = ScriptedModel([[Says("Uno"), Until(may_end)]])
    async with running_server(provider=model) as server, app_of(server) as app:
        await app.adds("hola")
        await app.sends("response.create")
        await app.sends("response.create", event_id="mine")
        error = (await app.hears("error")).error
        may_end.set()
        await app.hears("response.done")

    assert (error.code, error.event_id) == ("conversation_already_has_active_response", "mine")


async def test_answer_is_cancelled_and_once_more_does_no_harm():
    model = ScriptedModel([[Says("Uno"), Until(asyncio.Event())]])
    async with running_server(provider=model) as server, app_of(server) as app:
        await app.adds("hola")
        await app.sends("response.create")
        await app.hears("response.output_text.delta")
        await app.sends("response.cancel")
        response = (await app.hears("response.done")).response
        await app.sends("response.cancel")
        error = (await app.hears("error")).error

    assert (response.status, response.status_details.reason) == ("cancelled", "client_cancelled")
    assert said(response) == "Uno"
    assert error.code == "response_cancel_not_active" and error.message.startswith("Cancellation failed")
