"""What the client's events of the Realtime API ask for."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Literal, cast

import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from app.protocol.commands import (
    Add,
    AddResult,
    AppendAudio,
    Approve,
    ClearAudio,
    ClientTool,
    Command,
    CommitAudio,
    Configure,
    Interrupt,
    Remark,
    Respond,
    TakeOut,
    Truncate,
)
from app.protocol.fields import Text
from app.protocol.realtime.server import cancelled_unbegun, error_event, session_event
from app.protocol.realtime.shapes import (
    APPROVE,
    OutputTokens,
    SessionShape,
    WrongValue,
    from_beta,
    limits_of,
    updated,
)
from app.protocol.realtime.state import Item, Json, RealtimeTalk, Updated, Wish, response_of

ItemId = Annotated[Text, Field(min_length=1, max_length=64)]

NOT_ALLOWED: Final = "client_instructions_not_allowed"
UNSUPPORTED: Final = "unsupported"
"""Codes of this server's own, where the API has none."""

NO_INSTRUCTIONS: Final = (
    "This server takes no instructions, tools or earlier messages from its clients; its operator may allow "
    "them by REALTIME_CLIENT_INSTRUCTIONS=true."
)

CHOICES: Final = ("auto", "none")
"""What a client may say of the model's tools."""

NO_CHOICE: Final = "This server's model chooses its tools itself: 'auto', or 'none'."

BAD_PLACE: Final = "item_create_invalid_previous_item_id"

_MAX_ID_CHARS: Final = 512

_LEAST_SPEED: Final = 0.5
"""No voice of this server speaks slower."""


class Refusal(Exception):
    """An event that nothing is done for; its client is told why."""

    def __init__(self, message: str, code: str | None = None, param: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.param = param


class Sent(BaseModel):
    """What is read of an event beside its type. Fields that we do not know are ignored."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class Part(Sent):
    """A piece of an item's content."""

    type: Text
    text: Text | None = None
    transcript: Text | None = None


class MessageItem(Sent):
    """An item that a client creates."""

    type: Literal["message"]
    id: ItemId | None = None
    role: Literal["user", "assistant", "system"]
    content: Annotated[list[Part], Field(min_length=1, max_length=100)]


class OutputItem(Sent):
    """What a client got for a function of its own."""

    id: ItemId | None = None
    call_id: ItemId
    output: Text


class ItemEvent(Sent):
    """An event about one item."""

    item_id: ItemId


class AppendEvent(Sent):
    """Some sound, as base64."""

    audio: str


class TruncateEvent(Sent):
    """Where an answer's sound was cut."""

    content_index: int = 0
    audio_end_ms: Annotated[int, Field(ge=0)]


class ResponseOptions(Sent):
    """What a client wishes of a response."""

    metadata: dict[Text, Text] | None = None
    instructions: Text | None = None
    conversation: Text | None = None
    input: list[Any] | None = None
    tool_choice: Text | Json | None = None
    max_output_tokens: OutputTokens | None = None


def id_of(message: Json) -> str | None:
    """Return the client's own id of an event."""
    event_id = message.get("event_id")
    return event_id[:_MAX_ID_CHARS] if isinstance(event_id, str) else None


def commands_of(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    """Return what an event asks for; one that cannot be done is answered with the API's `error`."""
    kind, event_id = message.get("type"), id_of(message)
    asked = _ASKED.get(kind) if isinstance(kind, str) else None
    try:
        if asked is None:
            raise Refusal(f"Invalid value: '{str(kind)[:64]}'.", "invalid_value", "type")
        return asked(talk, message)
    except Refusal as refusal:
        told = error_event(str(refusal), refusal.code, event_id=event_id, param=refusal.param)
    except WrongValue as wrong:
        told = error_event(str(wrong), "invalid_value", event_id=event_id, param=wrong.param)
    except ValidationError as exc:
        first = exc.errors(include_url=False, include_input=False)[0]
        param = ".".join(str(part) for part in first["loc"])
        code = "missing_required_parameter" if first["type"] == "missing" else "invalid_value"
        told = error_event(f"{first['msg']}: '{param}'.", code, event_id=event_id, param=param)
    return (Remark(told),)


def _session_update(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    before = talk.config
    config = updated(before, _member(message, "session"))
    refused: list[Command] = []
    if not talk.takes_instructions and (config.instructions or config.functions):
        kept = [tool for tool in config.tools if tool.name == APPROVE]
        config = config.model_copy(update={"instructions": "", "tools": kept})
        refused.append(Remark(error_event(NO_INSTRUCTIONS, NOT_ALLOWED, event_id=id_of(message))))
    if config.tool_choice not in CHOICES:
        config = config.model_copy(update={"tool_choice": before.tool_choice})
        choice = error_event(NO_CHOICE, UNSUPPORTED, event_id=id_of(message), param="session.tool_choice")
        refused.append(Remark(choice))
    talk.config = config
    client_id = talk.new_id("update")
    talk.updating[client_id] = before.tools
    told = Updated(client_id, session_event(talk, "session.updated"))
    change = replace(_change(before, config, client_id), approvals=talk.approval_ways)
    return [*refused, change, *_sound(talk), Remark(told)]


def _sound(talk: RealtimeTalk) -> Sequence[Command]:
    """Ask for other sound, where what the client wants, or what the server can do, is other than it was."""
    asked: list[Command] = []
    wanted, out = talk.wanted_audio, talk.config.audio.output
    if wanted != talk.audio:
        talk.audio = wanted
        asked.append(Configure(audio=wanted))
    if "audio_out" in talk.features and (out.voice, out.speed) != talk.voice:
        talk.voice = (out.voice, out.speed)
        asked.append(Configure(voice=out.voice, speed=max(out.speed, _LEAST_SPEED)))
    return asked


def _change(before: SessionShape, now: SessionShape, client_id: str) -> Configure:
    """Return what there is to do for the server, but for sound."""
    tools = [ClientTool(tool.name, tool.description, tool.parameters) for tool in now.functions]
    language = now.audio.input.transcription.language if now.audio.input.transcription is not None else None
    return Configure(
        locale="es" if language == "es" else "en" if language == "en" else None,
        instructions=now.instructions if now.instructions != before.instructions else None,
        tools=tools if now.functions != before.functions else None,
        limits=now.limits,
        client_id=client_id,
    )


def _member(message: Json, name: str) -> Json:
    """Return an object that a message must have."""
    value = message.get(name)
    if value is None:
        raise Refusal(f"Missing required parameter: '{name}'.", "missing_required_parameter", name)
    if not isinstance(value, dict):
        raise Refusal(f"Invalid type for '{name}': expected an object.", "invalid_type", name)
    return cast("Json", value)


# Items


def _item_create(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    sent = _member(message, "item")
    kind = sent.get("type")
    create = _CREATED.get(kind) if isinstance(kind, str) else None
    if create is None:
        raise Refusal(f"This server takes no items of the type '{str(kind)[:64]}'.", UNSUPPORTED, "item.type")
    item_id = sent.get("id")
    if isinstance(item_id, str) and item_id in talk.items:
        raise Refusal(f"An item '{item_id[:64]}' exists already.", "item_create_duplicate_id", "item.id")
    _check_place(talk, str(kind), message.get("previous_item_id"))
    return create(talk, sent)


def _check_place(talk: RealtimeTalk, kind: str, before: object) -> None:
    """Refuse to put a message elsewhere than last; a function's result belongs to its call anyhow."""
    if before is None:
        return
    last = {talk.newest_created, talk.items.last_id} - {"", None} or {"root"}
    if before in last:
        return
    is_known = before == "root" or (isinstance(before, str) and before in talk.items)
    if not is_known:
        raise Refusal(f"Item with item_id not found: {str(before)[:64]}", BAD_PLACE, "previous_item_id")
    if kind == "message":
        raise Refusal("This server puts messages last.", UNSUPPORTED, "previous_item_id")


def _create_message(talk: RealtimeTalk, sent: Json) -> Sequence[Command]:
    item = MessageItem.model_validate(sent)
    if item.role != "user" and not talk.takes_instructions:
        raise Refusal(NO_INSTRUCTIONS, NOT_ALLOWED, "item.role")
    if not {part.type for part in item.content} <= {"input_text", "output_text", "text"}:
        raise Refusal("This server takes text in items.", UNSUPPORTED, "item.content")
    kind = "output_text" if item.role == "assistant" else "input_text"
    shape: Json = {
        "id": item.id or talk.new_id("item"),
        "object": "realtime.item",
        "type": "message",
        "role": item.role,
        "status": "completed",
        "content": [{"type": kind, "text": part.text or ""} for part in item.content],
    }
    client_id = talk.new_id("add")
    talk.adding[client_id] = Item(shape)
    talk.newest_created = shape["id"]
    return (Add("\n".join(part.text or "" for part in item.content), client_id, item.role),)


def _create_output(talk: RealtimeTalk, sent: Json) -> Sequence[Command]:
    item = OutputItem.model_validate(sent)
    shape: Json = {
        "id": item.id or talk.new_id("item"),
        "object": "realtime.item",
        "type": "function_call_output",
        "status": "completed",
        "call_id": item.call_id,
        "output": item.output,
    }
    talk.newest_created = shape["id"]
    approval = talk.approving.get(item.call_id)
    if approval is None:
        return (AddResult(item.call_id, item.output), Remark(Item(shape)))
    return (Approve(approval, _approved(item.output)), Remark(Item(shape)))


def _approved(output: str) -> bool:
    """Read what a client's function says of a call that waits: `{"approved": true}`, or false."""
    try:
        value: Any = orjson.loads(output)
    except orjson.JSONDecodeError:
        value = None
    approved: Any = cast("Json", value).get("approved") if isinstance(value, dict) else None
    if not isinstance(approved, bool):
        raise Refusal('Expected {"approved": true} or {"approved": false}.', "invalid_value", "item.output")
    return approved


_CREATED: Final[dict[str, Callable[[RealtimeTalk, Json], Sequence[Command]]]] = {
    "message": _create_message,
    "function_call_output": _create_output,
}


def _item_retrieve(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    item = _known(talk, message, "item_retrieve_invalid_item_id")
    return (Remark({"type": "conversation.item.retrieved", "item": item.known_shape}),)


def _known(talk: RealtimeTalk, message: Json, code: str) -> Item:
    item_id = ItemEvent.model_validate(message).item_id
    item = talk.items.get(item_id)
    if item is None:
        raise Refusal(f"Item with item_id not found: {item_id}", code, "item_id")
    return item


def _item_delete(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    item = _known(talk, message, "item_delete_invalid_item_id")
    if talk.response is not None and talk.response.item is item:
        raise Refusal("The item is still being made.", "item_delete_in_progress", "item_id")
    talk.items.remove(item.item_id)
    talk.newest_created = "" if talk.newest_created == item.item_id else talk.newest_created
    told = Remark({"type": "conversation.item.deleted", "item_id": item.item_id})
    if item.role not in ("user", "assistant") or not item.turn_id:
        return (told,)
    return (TakeOut(item.turn_id, "user" if item.role == "user" else "assistant"), told)


# Responses


def _response_create(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    if talk.is_responding:
        raise Refusal(
            "Conversation already has an active response in progress. Wait until it is finished.",
            "conversation_already_has_active_response",
        )
    options = ResponseOptions()
    if message.get("response") is not None:
        options = ResponseOptions.model_validate(from_beta(_member(message, "response")))
    if options.instructions and not talk.takes_instructions:
        raise Refusal(NO_INSTRUCTIONS, NOT_ALLOWED, "response.instructions")
    if options.conversation not in (None, "auto") or options.input is not None:
        raise Refusal("A response of this server is part of its conversation.", UNSUPPORTED, "response")
    choice = options.tool_choice or talk.config.tool_choice
    if choice not in CHOICES:
        raise Refusal(NO_CHOICE, UNSUPPORTED, "response.tool_choice")
    client_id = talk.new_id("ask")
    talk.asked[client_id] = Wish(options.metadata, options.max_output_tokens)
    limits = limits_of(choice, options.max_output_tokens or talk.config.max_output_tokens)
    wanted = Respond(client_id, options.instructions or "", limits, lambda: client_id in talk.asked)
    return (*_sound(talk), wanted)


def _response_cancel(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    response_id = message.get("response_id")
    turn_id = talk.running_turn(response_id if isinstance(response_id, str) else None)
    if turn_id is None and talk.asked and response_id is None:
        # It waits until what was said is understood, and nobody knows its id yet.
        wish = talk.asked.pop(next(iter(talk.asked)))
        return [Remark(told) for told in cancelled_unbegun(talk, wish)]
    if turn_id is None:
        raise Refusal("Cancellation failed: no active response found", "response_cancel_not_active")
    talk.cancelled.add(turn_id)
    return (Interrupt(turn_id),)


# Sound


def _append(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    sound = AppendEvent.model_validate(message).audio
    talk.heard_ms += len(sound) * 3 // 4 / talk.config.audio.input.format.bytes_per_ms
    return (*_sound(talk), AppendAudio(sound))


def _commit(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    talk.commits += 1
    return (CommitAudio(),)


def _clear(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    return (ClearAudio(), Remark({"type": "input_audio_buffer.cleared"}))


def _truncate(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    item = _known(talk, message, "item_truncate_invalid_item_id")
    end = TruncateEvent.model_validate(message)
    if not item.is_spoken:
        raise Refusal("Only an assistant's message with sound can be truncated.", "invalid_value", "item_id")
    item.is_truncated = True
    told = {
        "type": "conversation.item.truncated",
        "item_id": item.item_id,
        "content_index": end.content_index,
        "audio_end_ms": end.audio_end_ms,
    }
    return (Truncate(item.turn_id, end.audio_end_ms), Remark(told))


def _clear_output(talk: RealtimeTalk, message: Json) -> Sequence[Command]:
    turn_id = talk.running_turn(None)
    if turn_id is None:
        return ()
    talk.cancelled.add(turn_id)
    told = {"type": "output_audio_buffer.cleared", "response_id": response_of(turn_id)}
    return (Interrupt(turn_id), Remark(told))


_ASKED: Final[dict[str, Callable[[RealtimeTalk, Json], Sequence[Command]]]] = {
    "session.update": _session_update,
    "conversation.item.create": _item_create,
    "conversation.item.retrieve": _item_retrieve,
    "conversation.item.delete": _item_delete,
    "conversation.item.truncate": _truncate,
    "input_audio_buffer.append": _append,
    "input_audio_buffer.commit": _commit,
    "input_audio_buffer.clear": _clear,
    "output_audio_buffer.clear": _clear_output,
    "response.create": _response_create,
    "response.cancel": _response_cancel,
}
"""One for each event of a client."""
