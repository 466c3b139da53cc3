"""Takes up a stored session again after the server was restarted."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby
from typing import get_args

import orjson

from app.chat import ApiMessage
from app.conversation.prompt import note_kind
from app.errors import ServerRestarted
from app.locales import say
from app.protocol import v2
from app.protocol.events import ErrorOccurred, Event, MessageAccepted, ToolEndReason, ToolFinished
from app.services.live_session import LiveSession
from app.services.principal import Principal
from app.session.resume_tokens import ResumeTokens
from app.session.service_extras import calling_again
from app.session.transcript import Spoken
from app.storage.records import CallRow, MessageRecord, SessionRecord, StoredTalk
from app.tools.calls import Ending, ToolRun, finished_of

_REASONS: dict[str, ToolEndReason] = {reason: reason for reason in get_args(ToolEndReason)}


def may_come_back(
    token: str, principal: Principal | None, now: datetime, window_s: float, record: SessionRecord
) -> bool:
    """Whether a client may take a stored session up with this token now."""
    tokens = ResumeTokens(record.token_hash, record.previous_token_hash)
    is_theirs = principal is None or principal.may_see(record.user_id)
    has_ended = record.ended_at is not None or record.protocol != v2.NAME
    away_s = (now - (record.detached_at or now)).total_seconds()
    is_good = tokens.is_good(token)
    return is_good and is_theirs and not has_ended and away_s <= window_s


def restore(live: LiveSession, talk: StoredTalk) -> None:
    """Fills a new live session with what the store has of it; what is left to be told waits for a client."""
    # The texts are in the history then; what is left to be told needs none of them.
    live.restored = replace(talk, messages=())
    unanswered = {message.turn_id for message in talk.unanswered}
    answered = [m for m in talk.messages if m.turn_id not in unanswered and _is_remembered(m)]
    history = live.session.conversation_history
    summarised_upto = talk.session.summary_upto or 0
    if talk.session.summary:
        live.conversation.summariser.recall(talk.session.summary, summarised_upto)
    for turn_id, group in groupby(answered, key=lambda message: message.turn_id):
        messages = list(group)
        if messages[0].position >= summarised_upto:
            history.restore_turn(turn_id, [_api_message(m) for m in messages], messages[0].position)
    # Which tools brought what is not known any more; with a summary the summariser says the same.
    has_outside = any(message.role in ("tool", "system") for message in talk.messages)
    live.session.holds_outside |= has_outside or bool(talk.untold_calls)
    history.make_room()
    history.message_count = talk.session.message_count
    for message in talk.messages:
        if message.role in ("user", "assistant") and message.content and message.status != "joined":
            live.session.transcript.add(_spoken(message))
    for call in talk.ended_calls:
        live.session.transcript.end_call(call.turn_id, _finished(live, call))
    receipts = [MessageAccepted(turn, client, True) for client, turn in talk.turn_of_client_id.items()]
    live.conversation.remember(receipts)


def tell_what_is_left(live: LiveSession) -> None:
    """Says to a client that knows nothing of this stream what the restart has left.

    Each text that was left without an ending has one now. Calls that ran when the server ended are marked
    interrupted, and the model is told; results that were not told are told. Nothing is run again.
    """
    talk, live.restored = live.restored, None
    if talk is not None:
        live.lost_endings = _endings(live, talk)
    for ending in live.lost_endings:
        live.session.emit(ending)
    if talk is not None:
        live.conversation.tell_later([*_interrupted(live, talk.running_calls), *_untold(talk.untold_calls)])


def _endings(live: LiveSession, talk: StoredTalk) -> list[Event]:
    """The one ending of each call and of each text that the restart has left without."""
    # Those that a planned stop ended had their ending when nobody listened any more.
    stopped = [call for call in talk.untold_calls if call.reason == "shutdown"]
    endings: list[Event] = []
    for call in (*talk.running_calls, *stopped):
        finished = _finished(live, call)
        live.session.transcript.end_call(call.turn_id, finished)
        endings.append(finished)
    for message in talk.unanswered:
        live.session.journal.turn_ended(message.turn_id, [], "failed")
        endings.append(ErrorOccurred(ServerRestarted(), message.turn_id, message.client_id))
    return endings


def _finished(live: LiveSession, call: CallRow) -> ToolFinished:
    ended_at = call.ended_at or live.clock.now()
    elapsed_s = max(0.0, (ended_at - call.started_at).total_seconds())
    ending = _ending(call)
    if ending.status == "interrupted":
        ending = replace(ending, error=say(live.session.locale, "tool_was_interrupted"))
    run = _run(call, ending)
    run.end_reason = _REASONS.get(call.reason or "")
    return finished_of(run, ending, elapsed_s)


def _is_remembered(record: MessageRecord) -> bool:
    """Whether the model is told of it again.

    It is not of what it refused, of words that came again in a joined text, and of an answer of which nothing
    was heard after all.
    """
    is_nothing = record.role == "assistant" and not record.content and not record.tool_calls
    return record.status not in ("refused", "joined") and not is_nothing


def _api_message(record: MessageRecord) -> ApiMessage:
    message: ApiMessage = {"role": record.role, "content": record.content}
    if record.tool_calls:
        message |= calling_again(record.tool_calls)
    if record.role == "system":
        message["note"] = note_kind(record.content or "")
    if record.tool_call_id is not None:
        message["tool_call_id"] = record.tool_call_id
    return message


def _spoken(record: MessageRecord) -> Spoken:
    role = "user" if record.role == "user" else "assistant"
    return Spoken(
        role,
        record.content or "",
        record.turn_id,
        record.created_at,
        interrupted=record.status == "interrupted",
        is_refused=record.status == "refused",
    )


def _interrupted(live: LiveSession, calls: Sequence[CallRow]) -> list[ToolRun]:
    ending = Ending("interrupted", error=say(live.session.locale, "tool_was_interrupted"))
    return [_run(call, ending) for call in calls]


def _untold(calls: Sequence[CallRow]) -> list[ToolRun]:
    return [_run(call, _ending(call)) for call in calls]


def _ending(call: CallRow) -> Ending:
    content = orjson.loads(call.result or "{}")
    return Ending(
        call.status if call.status != "running" else "interrupted",
        result=content.get("result"),
        error=content.get("error"),
        truncated=bool(content.get("truncated")),
    )


def _run(call: CallRow, ending: Ending) -> ToolRun:
    run = ToolRun(call.call_id, call.turn_id, call.name, call.arguments, 0.0, call.effect)
    run.ending, run.answer, run.detached = ending, ending.content(), True
    return run
