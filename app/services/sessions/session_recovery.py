"""Takes up a stored session again after the server was restarted."""

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import groupby, pairwise
from typing import Any, cast, get_args

import orjson

from app.chat import ApiMessage
from app.conversation.injected_message import InjectedMessage, Mode
from app.conversation.intake import UserText
from app.conversation.prompt import note_kind
from app.errors import ServerFull, ServerRestarted
from app.locales import say
from app.protocol.events import (
    EndedCall,
    ErrorOccurred,
    MessageAccepted,
    Spoken,
    TextEnding,
    ToolEndReason,
    ToolFinished,
)
from app.protocol.wire import WireProtocol
from app.services.auth.principal import Principal
from app.services.sessions.directory import SessionDirectory, SessionHeld, SessionLease
from app.services.sessions.live_session import LeftInLine, Leftover, LiveSession
from app.session.journal import CallStart
from app.session.record import RecordedTurn
from app.session.resume_tokens import ResumeTokens
from app.session.service_extras import calling_again
from app.session.tool_messages import RUNNING
from app.storage.errors import StoreUnavailable
from app.storage.records import CallRow, MessageRecord, SessionRecord, StoredTalk
from app.storage.running_time import RunningTime
from app.storage.store import Store
from app.tools.tool_call import STOPPED_BY_A_PERSON, ToolCall, ToolOutcome

logger = logging.getLogger(__name__)

_HOW_TEXTS_END: dict[str, TextEnding] = {
    "ok": "complete",
    "interrupted": "interrupted",
    "withdrawn": "interrupted",
    "refused": "failed",
    "failed": "failed",
}

_REASONS: dict[str, ToolEndReason] = {reason: reason for reason in get_args(ToolEndReason)}


@dataclass(frozen=True, slots=True)
class Window:
    """The time in which a client may come back, and what waited for it is still answered.

    Only that counts in which there was a server.
    """

    time: RunningTime
    now: datetime
    window_s: float

    def holds(self, moment: datetime) -> bool:
        """Return whether it is still open for what happened then."""
        return self.time.between(moment, self.now).total_seconds() <= self.window_s


def may_come_back(
    token: str, principal: Principal | None, window: Window, wire: WireProtocol, record: SessionRecord
) -> bool:
    """Return whether a client may take a stored session up with this token now, over this wire."""
    tokens = ResumeTokens(record.token_hash, record.previous_token_hash)
    is_theirs = principal is None or principal.may_see(record.user_id)
    has_ended = record.ended_at is not None or record.protocol != wire.name
    is_in_time = window.holds(record.detached_at or window.now)
    is_good = tokens.is_good(token)
    return is_good and is_theirs and not has_ended and is_in_time


async def look_up(
    directory: SessionDirectory, store: Store, session_id: str, is_wanted: Callable[[SessionRecord], bool]
) -> StoredTalk | SessionRecord | None:
    """Return a stored session that is wanted; of one that has to be claimed first, no more than its row.

    Raises:
        StoreUnavailable: The database does not answer.
    """
    if not directory.is_shared:
        return await store.talk(session_id, is_wanted=is_wanted)
    record = await store.session(session_id)
    return record if record is not None and is_wanted(record) else None


async def take_over(
    directory: SessionDirectory, store: Store, session_id: str, talk: StoredTalk | None = None
) -> tuple[SessionLease, StoredTalk]:
    """Own a stored session from now on; return it as it stands when nobody else writes to it any more.

    `talk`: what it is where nobody else does.

    Raises:
        ServerFull: Another process has it by now, or the database does not say, and it is owned no longer:
            the client may yet come.
    """
    try:
        lease = await directory.claim(session_id)
    except SessionHeld:
        raise ServerFull from None
    except StoreUnavailable:
        logger.warning("storage_unavailable", extra={"operation": "claim"})
        raise ServerFull from None
    try:
        talk = talk or await store.talk(session_id)
    except StoreUnavailable:
        talk = None
    if talk is None:
        directory.release(lease)
        raise ServerFull
    return lease, talk


def restore(live: LiveSession, talk: StoredTalk, *, window: Window, was_waiting: bool) -> None:
    """Fill a new live session with what the store has of it; what is left to be told waits for a client.

    Args:
        live: The session, empty.
        talk: What the store has of it.
        window: A text that came before it is not asked again.
        was_waiting: It was still to be taken up by its client.
    """
    runs = _runs(live, talk)
    anew = [text for text in talk.unanswered if was_waiting and may_be_asked_again(text, talk.writes, window)]
    anew_ids, joining = {text.turn_id for text in anew}, _joining(talk)
    # The texts are in the history then; what is left to be told needs no others.
    live.restored = Leftover(
        replace(talk, messages=()),
        runs,
        [
            (text.created_at, _asked_again(live, text, talk, runs, is_joined=text.turn_id in joining))
            for text in anew
        ],
        [
            (row.created_at, _contribution(row))
            for row in talk.contributions
            if _mode_of(row) == "context" or (was_waiting and may_be_asked_again(row, talk.writes, window))
        ],
    )
    live.conversation.record.recall(_joined(talk), talk.superseded)
    _remember(live, talk, anew_ids)
    # Which tools brought what is not known any more; with a summary the summariser says the same.
    has_outside = any(_may_be_outside(message) for message in talk.messages)
    live.session.holds_outside |= has_outside or bool(talk.untold_calls)
    for message in talk.messages:
        if _is_said(message) and message.content and message.status != "joined":
            live.session.transcript.add(_spoken(message))
    for call in talk.ended_calls:
        live.session.transcript.end_call(call.turn_id, _finished(live, call))
    live.conversation.remember(_receipts(talk))
    order = _last_order(talk, joining)
    since = None if order is None else order.created_at
    behind = frozenset[str]() if order is None else live.conversation.record.behind(order.turn_id)
    live.conversation.tools.recall(
        (
            runs[row.call_id],
            since is None or row.started_at >= since or row.told_at is None or row.turn_id in behind,
        )
        for row in talk.writes
    )
    live.conversation.tools.supersede(talk.superseded)


def _receipts(talk: StoredTalk) -> list[MessageAccepted]:
    supersedes: dict[str, list[str]] = {}
    for turn_id, by in talk.superseded.items():
        supersedes.setdefault(by, []).append(turn_id)
    return [
        MessageAccepted(turn, client, True, supersedes=tuple(supersedes.get(turn, ())))
        for client, turn in talk.turn_of_client_id.items()
    ]


def may_be_asked_again(text: MessageRecord, writes: Sequence[CallRow], window: Window) -> bool:
    """Whether a text without an ending may be asked again: it is young, and its turn has changed nothing.

    So may a contribution be carried out again.
    """
    has_begun = any(row.turn_id == text.turn_id and row.has_begun_writing for row in writes)
    return window.holds(text.created_at) and not has_begun


def _mode_of(row: MessageRecord) -> Mode:
    """Return what a back end has asked for with a contribution that stands in the store."""
    if row.role == "assistant":
        return "say"
    return "context" if note_kind(row.content or "") == "context" else "prompt"


def _contribution(row: MessageRecord) -> InjectedMessage:
    return InjectedMessage(row.content or "", _mode_of(row), row.turn_id, place=row.position)


def _is_said(record: MessageRecord) -> bool:
    """Return whether somebody said it: not what a back end wants to be said and was not."""
    return record.role == "user" or (
        record.role == "assistant" and record.status not in ("accepted", "withdrawn")
    )


def _joining(talk: StoredTalk) -> set[str]:
    """The turns of texts that hold the words of the text before them: those are one order with it."""
    return set(_joined(talk))


def _joined(talk: StoredTalk) -> dict[str, str]:
    """The turns of texts that hold the words of the text before them, with the turn of that text."""
    texts = sorted((m for m in talk.messages if m.role == "user"), key=lambda text: text.position)
    return {after.turn_id: before.turn_id for before, after in pairwise(texts) if before.status == "joined"}


def _asked_again(
    live: LiveSession, text: MessageRecord, talk: StoredTalk, runs: dict[str, ToolCall], *, is_joined: bool
) -> UserText:
    waited_s = max(0.0, (live.clock.now() - text.created_at).total_seconds())
    accepted_at = live.clock.monotonic() - waited_s
    asked = UserText(text.turn_id, text.content or "", accepted_at, text.client_id, text.position)
    before = [m for m in talk.messages if m.turn_id == text.turn_id and m.role != "user"]
    asked.is_anew, asked.said_before = True, tuple(map(_api_message, before))
    asked.is_joined = is_joined
    asked.supersedes = tuple(turn for turn, by in talk.superseded.items() if by == text.turn_id)
    of_turn = [row for row in talk.writes if row.turn_id == text.turn_id]
    asked.stopped_before = tuple(runs[row.call_id] for row in of_turn if row.reason in STOPPED_BY_A_PERSON)
    for run in asked.stopped_before:
        run.deliver()  # by the turn itself, or the order could not be given in a later one either
    return asked


def _last_order(talk: StoredTalk, joining: set[str]) -> MessageRecord | None:
    """Return the user's last text that was a new order, and whose turn has begun; None for none."""
    begun = {row.turn_id for row in (*talk.writes, *talk.running_calls, *talk.untold_calls)}
    taken = [
        message
        for message in talk.messages
        if message.role == "user"
        and message.turn_id not in joining
        and (message.status != "accepted" or message.turn_id in begun)
    ]
    return max(taken, key=lambda message: message.created_at, default=None)


def _remember(live: LiveSession, talk: StoredTalk, anew: set[str]) -> None:
    """Put the turns into the history, but for those that are asked again: they come when they are."""
    history = live.session.conversation_history
    summarised_upto = talk.session.summary_upto or 0
    if talk.session.summary:
        live.conversation.summariser.recall(talk.session.summary, summarised_upto)
    turn_of_call = _turns_of_calls(talk)
    past = (m for m in talk.messages if m.turn_id not in anew and m.status != "joined")
    for turn_id, group in groupby(past, key=lambda message: message.turn_id):
        messages = list(group)
        remembered = [m for m in messages if _is_remembered(m)]
        if remembered and remembered[0].position >= summarised_upto:
            turn = _recorded(turn_id, messages, turn_of_call)
            shown = [_api_message(m) for m in remembered]
            live.conversation.record.restore(turn, shown, remembered[0].position)
    history.make_room()
    counted = [m for m in talk.messages if m.turn_id in anew and _is_said(m) and m.content]
    history.message_count = talk.session.message_count - len(counted)


def _turns_of_calls(talk: StoredTalk) -> dict[str, str]:
    """The turns that made the calls, by the calls' ids."""
    made = {call["id"]: m.turn_id for m in talk.messages for call in m.tool_calls or ()}
    known = (*talk.ended_calls, *talk.writes, *talk.running_calls, *talk.untold_calls)
    return made | {row.call_id: row.turn_id for row in known}


def _recorded(
    turn_id: str, messages: Sequence[MessageRecord], turn_of_call: Mapping[str, str]
) -> RecordedTurn:
    """Return what is known of a stored turn: whose it was, and which turns' results it told."""
    first = messages[0]
    if first.role == "user":
        return RecordedTurn(turn_id, "user", first.content or "")
    if first.role == "system" and note_kind(first.content or "") == "context":
        return RecordedTurn(turn_id, "note")
    told = {turn_of_call.get(call_id, "") for m in messages if (call_id := _told_call(m))}
    return RecordedTurn(turn_id, "tool" if told else "agent", tells=frozenset(told))


def _told_call(message: MessageRecord) -> str:
    """Return the call whose late result a message tells; empty where it tells none."""
    if message.role != "tool":
        return ""
    try:
        content: Any = orjson.loads(message.content or "{}")
    except orjson.JSONDecodeError:
        return ""
    if not isinstance(content, dict):
        return ""
    said = cast("dict[str, Any]", content)
    return "" if said.get("status") == RUNNING else str(said.get("call_id", ""))


def settle_what_is_left(live: LiveSession) -> None:
    """Write down what becomes of what the restart has left: a client is coming, and is about to be told.

    A text that cannot be asked again has its ending now, and so have the calls that ran when the server
    ended. What a turn did that is asked again is not told: it begins anew.
    """
    left, live.restored = live.restored, None
    if left is None:
        return
    talk, journal = left.talk, live.session.journal
    kept = {contribution.turn_id for _, contribution in left.contributions}
    anew = {text.turn_id for _, text in left.anew} | kept
    live.lost_endings = []
    for row in talk.running_calls:
        journal.call_ended(left.runs[row.call_id].end_note())
    calls = (*talk.running_calls, *talk.untold_calls)
    untold = anew | set(talk.superseded)
    dropped = [row.call_id for row in calls if row.turn_id in untold]
    if dropped:
        journal.calls_told(dropped)
    for row in _unheard(talk):
        finished = _finished(live, row)
        live.lost_calls.append(EndedCall(row.turn_id, finished))
        live.lost_endings.append(finished)
    for text in talk.unanswered:
        if text.turn_id not in anew:
            journal.turn_ended(text.turn_id, [], "failed")
            live.lost_endings.append(ErrorOccurred(ServerRestarted(), text.turn_id, text.client_id))
    for row in talk.contributions:
        if row.turn_id not in kept:
            logger.warning("contribution_withdrawn", extra={"turn_id": row.turn_id})
            journal.turn_ended(row.turn_id, [], "withdrawn", place=row.position)
    live.left_in_line = _line(live, left, untold)


def take_up_what_is_left(live: LiveSession) -> None:
    """Put what the restart has left into the line: texts that are asked again, and untold results."""
    if live.left_in_line:
        live.conversation.take_up(live.left_in_line)
        live.left_in_line = []


def _may_be_outside(record: MessageRecord) -> bool:
    """Whether a message may hold words of others; what a release before this one stored says too little."""
    if record.source is None:
        return record.role in ("tool", "system")
    return record.source == "backend"


def tell_what_is_left(live: LiveSession) -> None:
    """Say to the client that has come how what the restart has left has ended.

    It is said once: from now on a history has it, as it has all other endings, for a client that comes again
    from before this stream.
    """
    for call in live.lost_calls:
        live.session.transcript.end_call(call.turn_id, call.finished)
    live.lost_calls.clear()
    for ending in live.lost_endings:
        live.session.emit(ending)
        if isinstance(ending, ErrorOccurred) and ending.turn_id is not None:
            live.session.transcript.end_turn(ending.turn_id, "failed")
    live.lost_endings.clear()


def _unheard(talk: StoredTalk) -> tuple[CallRow, ...]:
    """The calls whose ending nobody has heard: a planned stop ended some when nobody listened any more."""
    stopped = [call for call in talk.untold_calls if call.reason == "shutdown"]
    return tuple(call for call in (*talk.running_calls, *stopped) if call.turn_id not in talk.superseded)


def _line(live: LiveSession, left: Leftover, untold: set[str]) -> list[LeftInLine]:
    """Return what is to be asked and told, in the order in which it came."""
    now = live.clock.now()
    items: list[tuple[datetime, LeftInLine]] = []
    for row in (*left.talk.untold_calls, *left.talk.running_calls):
        if row.turn_id not in untold:
            items.append((row.ended_at or now, left.runs[row.call_id]))
    items += [*left.anew, *left.contributions]
    items.sort(key=lambda item: item[0])
    return [item for _, item in items]


def _finished(live: LiveSession, call: CallRow) -> ToolFinished:
    ended_at = call.ended_at or live.clock.now()
    elapsed_s = max(0.0, (ended_at - call.started_at).total_seconds())
    return _run(live, call).finished(elapsed_s)


def _is_remembered(record: MessageRecord) -> bool:
    """Return whether the model is told of it again.

    It is not of what it refused, of words that came again in a joined text, of an answer of which nothing
    was heard after all, and of a contribution that was not carried out, or not yet.
    """
    is_nothing = record.role == "assistant" and not record.content and not record.tool_calls
    is_undone = record.role != "user" and record.status in ("accepted", "withdrawn")
    return record.status not in ("refused", "joined") and not is_nothing and not is_undone


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
        interrupted=role == "assistant" and record.status == "interrupted",
        is_refused=record.status == "refused",
        ending=_HOW_TEXTS_END.get(record.status) if role == "user" else None,
        source="backend" if record.source == "backend" else None,
    )


def _runs(live: LiveSession, talk: StoredTalk) -> dict[str, ToolCall]:
    """The calls by their id, each once: what is told of one is known to the ledger too."""
    rows = {row.call_id: row for row in (*talk.writes, *talk.untold_calls, *talk.running_calls)}
    return {call_id: _run(live, row) for call_id, row in rows.items()}


def _run(live: LiveSession, call: CallRow) -> ToolCall:
    key = call.idempotency_key
    start = CallStart(call.call_id, call.turn_id, call.name, call.arguments, call.effect, idempotency_key=key)
    return ToolCall.restored(
        start,
        _ending(live, call),
        _REASONS.get(call.reason or ""),
        has_begun=call.outcome != "none",
        is_told=call.told_at is not None,
    )


def _ending(live: LiveSession, call: CallRow) -> ToolOutcome:
    if call.status == "running":
        was_unbegun = call.effect == "write" and call.outcome == "none"
        sentence = "tool_was_not_begun" if was_unbegun else "tool_was_interrupted"
        return ToolOutcome("interrupted", error=say(live.session.locale, sentence))
    content = orjson.loads(call.result or "{}")
    return ToolOutcome(
        call.status,
        result=content.get("result"),
        error=content.get("error"),
        truncated=bool(content.get("truncated")),
        may_have_acted=call.outcome == "unknown",
    )
