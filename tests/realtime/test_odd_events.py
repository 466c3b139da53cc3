"""A client's events with whatever in them: each is answered, by what it asked for or by an `error`."""

from collections.abc import Iterator
from typing import Any

import pytest

from config.settings import Settings
from tests.realtime.app import App, app_of, said
from tests.realtime.test_sound import LONG, Spoken, spoken
from tests.support.context import settings_with
from tests.support.scripted import ScriptedModel, calls, says
from tests.support.server import running_server

PATIENT: Settings = settings_with(
    llm_provider="demo",
    realtime_client_instructions=True,
    max_messages_burst=100_000,
    max_messages_per_s=100_000,
)

VALUES: tuple[Any, ...] = (
    *(None, 0, -1, 1.5, True, "", "x", "\0", "\U0001f600", "NaN", 10**30),
    *("x" * 70_000, [], [1], {}, {"a": {"b": [1]}}),
)

EVENTS: dict[str, tuple[str, ...]] = {
    "session.update": ("session",),
    "input_audio_buffer.append": ("audio",),
    "input_audio_buffer.commit": (),
    "input_audio_buffer.clear": (),
    "output_audio_buffer.clear": (),
    "conversation.item.create": ("item", "previous_item_id"),
    "conversation.item.delete": ("item_id",),
    "conversation.item.retrieve": ("item_id",),
    "conversation.item.truncate": ("item_id", "content_index", "audio_end_ms"),
    "response.create": ("response",),
    "response.cancel": ("response_id",),
}
SILENT = {"input_audio_buffer.append", "output_audio_buffer.clear", "response.create"}
"""Those that nothing, or more than one event, may come of."""

SESSION = (
    "type model output_modalities instructions tools tool_choice max_output_tokens audio modalities voice "
    "speed input_audio_format output_audio_format turn_detection input_audio_transcription tracing include "
    "prompt id"
).split()
SOUND = ("format", "turn_detection", "transcription", "noise_reduction", "voice", "speed")
ITEM = ("id", "type", "role", "content", "call_id", "output", "status")
RESPONSE = ("metadata", "instructions", "conversation", "input", "tool_choice", "max_output_tokens", "tools")

MESSAGE = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hola"}]}
OUTPUT = {"type": "function_call_output", "call_id": "c", "output": "x"}


def odd_events(kind: str) -> Iterator[dict[str, Any]]:
    """Events of one type, each with something odd in it."""
    yield {"type": kind}
    yield {"type": kind, "extra": list(VALUES)}
    for value in VALUES:
        yield {"type": kind, "event_id": value}
        yield from ({"type": kind, field: value} for field in EVENTS[kind])
        yield from ({"type": kind, **inside} for inside in odd_members(kind, value))


def odd_members(kind: str, value: Any) -> Iterator[dict[str, Any]]:
    if kind == "session.update":
        yield from ({"session": {name: value}} for name in SESSION)
        for way in ("input", "output"):
            yield from ({"session": {"audio": {way: {name: value}}}} for name in SOUND)
    if kind == "conversation.item.create":
        yield from ({"item": {**item, name: value}} for name in ITEM for item in (MESSAGE, OUTPUT))
    if kind == "response.create":
        yield from ({"response": {name: value}} for name in RESPONSE)


async def heard_of(app: App, event: dict[str, Any], number: int) -> list[Any]:
    """What comes of an event, up to the answer to a question behind it."""
    await app.connection.send(event)  # pyright: ignore[reportArgumentType]
    await app.sends("conversation.item.retrieve", item_id="nobody", event_id=f"after{number}")
    told: list[Any] = []
    while True:
        came = await app.next()
        if came.type == "error" and came.error.event_id == f"after{number}":
            return told
        told.append(came)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("kind", EVENTS)
async def test_odd_event_is_answered_and_the_talk_goes_on(kind: str):
    model = ScriptedModel(lambda request: says("Sí."))
    async with running_server(PATIENT, provider=model, tools=[]) as server:
        for start in range(0, len(events := list(odd_events(kind))), 100):
            async with app_of(server) as app:
                for number, event in enumerate(events[start : start + 100]):
                    told = await heard_of(app, event, number)
                    errors = [each.error for each in told if each.type == "error"]
                    assert told or kind in SILENT, event
                    assert all(error.code not in (None, "internal") for error in errors), (event, errors)
                await app.sends(
                    "session.update", session={"output_modalities": ["text"], "tool_choice": "auto"}
                )
                await app.hears("session.updated")
                while (await heard_of(app, {"type": "response.create"}, 1000))[:1] == []:
                    await app.hears("response.done")
                assert app.connection is not None


@pytest.mark.parametrize("kind", [None, 1, "", "x" * 70_000, [], {}, "response.created", "session.updated"])
async def test_event_of_no_known_type_is_an_error(kind: Any):
    async with running_server(PATIENT, provider=ScriptedModel([])) as server, app_of(server) as app:
        told = await heard_of(app, {"type": kind, "event_id": "e"}, 1)

    assert [(each.error.code, each.error.param, each.error.event_id) for each in told] == [
        ("invalid_value", "type", "e")
    ]


@pytest.mark.parametrize("raw", ["[]", "1", "null", "{", '{"type":', "\0", '"x"', "[" * 5000])
async def test_what_is_no_object_is_an_error(raw: str):
    async with (
        running_server(PATIENT, provider=ScriptedModel([says("Sí.")])) as server,
        app_of(server) as app,
    ):
        await app.connection.send_raw(raw) if hasattr(app.connection, "send_raw") else await raw_of(app).send(
            raw
        )
        await app.hears("error")
        assert said(await app.asks("hola")) == "Sí."


def raw_of(app: App) -> Any:
    """The connection's own socket."""
    return app.connection._connection  # pyright: ignore[reportPrivateUsage]


# Odd orders


async def begin(talk: Spoken) -> Any:
    """Has a long answer begin; returns its item."""
    await talk.app.adds("cuenta")
    await talk.app.sends("response.create")
    item = (await talk.app.hears("response.output_item.added")).item
    await talk.app.hears("response.output_audio.delta")
    return item


async def test_truncated_item_is_told_again_without_words_that_were_not_heard():
    async with spoken(LONG, settings=PATIENT) as talk:
        item = await begin(talk)
        for _ in range(2):
            end = {"item_id": item.id, "content_index": 0, "audio_end_ms": 250}
            await talk.app.sends("conversation.item.truncate", **end)
            await talk.app.hears("conversation.item.truncated")
        if "response.done" not in talk.app.kinds():
            await talk.app.hears("response.done")
        await talk.app.sends("conversation.item.retrieve", item_id=item.id)
        again = (await talk.app.hears("conversation.item.retrieved")).item

    assert [(part.type, part.transcript) for part in again.content] == [("output_audio", None)]


@pytest.mark.parametrize("role", ["user", "assistant"])
async def test_what_was_not_spoken_cannot_be_truncated(role: str):
    async with spoken(settings=PATIENT) as talk:
        await talk.app.adds("hola", role, id="i1")
        end = {"item_id": "i1", "content_index": 0, "audio_end_ms": 3}
        await talk.app.sends("conversation.item.truncate", **end)

        assert (await talk.app.hears("error")).error.code == "invalid_value"


async def test_item_that_is_spoken_is_deleted_only_once_it_has_ended():
    async with spoken(LONG, settings=PATIENT) as talk:
        item = await begin(talk)
        await talk.app.sends("conversation.item.delete", item_id=item.id)
        early = (await talk.app.hears("error")).error
        await talk.app.sends("response.cancel")
        await talk.app.hears("response.done")
        await talk.app.sends("conversation.item.delete", item_id=item.id)
        await talk.app.hears("conversation.item.deleted")
        end = {"item_id": item.id, "content_index": 0, "audio_end_ms": 3}
        await talk.app.sends("conversation.item.truncate", **end)
        late = (await talk.app.hears("error")).error

    assert (early.code, late.code) == ("item_delete_in_progress", "item_truncate_invalid_item_id")


async def test_response_that_waits_for_what_was_said_can_be_cancelled():
    async with spoken("Sí.", "No.", settings=PATIENT) as talk:
        await talk.updates(audio={"input": {"turn_detection": None}})
        await talk.says("abre la puerta.", silence_ms=100)
        await talk.app.sends("input_audio_buffer.commit")
        await talk.app.sends("response.create", response={"metadata": {"n": "1"}})
        await talk.app.sends("response.cancel")
        first = (await talk.app.hears("response.done")).response
        await talk.app.sends("response.create")
        second = (await talk.app.hears("response.done")).response

    assert (first.status, first.status_details.reason, first.metadata) == (
        "cancelled",
        "client_cancelled",
        {"n": "1"},
    )
    assert said(second) == "Sí." and len(talk.model.requests) == 1
    assert talk.model.requests[0].messages[-1]["content"].startswith("abre la puerta.")


async def test_formats_change_in_the_middle_of_an_answer():
    async with spoken("uno dos tres cuatro cinco seis siete ocho.", "Sí.", settings=PATIENT) as talk:
        await begin(talk)
        for kind in ("audio/pcmu", "audio/pcma", "audio/pcm", "audio/pcmu"):
            written = {"format": {"type": kind}}
            session = await talk.updates(audio={"input": written, "output": written})
            assert session.audio.output.format.type == kind
        done = (await talk.app.hears("response.done")).response
        assert done.status == "completed"
        assert said(await talk.app.asks("más")) == "Sí."


async def test_call_that_was_deleted_may_have_its_result_once():
    function = {"type": "function", "name": "f", "parameters": {"type": "object", "properties": {}}}
    async with spoken(calls(("f", {})), "Ya.", settings=PATIENT) as talk:
        await talk.updates(tools=[function], output_modalities=["text"])
        item = (await talk.app.asks("x")).output[0]
        await talk.app.sends("conversation.item.delete", item_id=item.id)
        await talk.app.hears("conversation.item.deleted")
        output = {"type": "function_call_output", "call_id": item.call_id, "output": "y"}
        await talk.app.sends("conversation.item.create", item=output)
        await talk.app.hears("conversation.item.done")
        await talk.app.sends("conversation.item.create", item=output)
        again = (await talk.app.hears("error")).error

        assert again.code == "unknown_call"
        assert said(await talk.app.responds()) == "Ya."
