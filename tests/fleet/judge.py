"""Holds what clients wrote down, and what the database has, against what was promised.

It knows nothing of what was broken: each talk must have one ending for each text, no number twice, positions
without holes, one row for each write, and no write twice. A talk of which nothing is known keeps no promise.
`test_judge.py` spoils good records, and sees each fault found.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

from app.session.history import ROUND_BREAK
from tests.fleet.talk_record import TalkRecord
from tests.support.resuming_client import Message

_TEXT = re.compile(r"(di|pide) \[([\d.]+)\]")
_WORDS = ("uno", "dös", "tres", "cuatro€", "cinco", "seis", "siete😀")

Does = Literal["di", "pide"]


def text_of(does: Does, tag: str) -> str:
    """What a person says: `di` asks for words, `pide` for an order."""
    return f"{does} [{tag}]"


def newest_text(content: str) -> tuple[str, str]:
    """What the newest text of a user's message asks for, and its tag: unanswered ones stand before it."""
    does, tag = _TEXT.findall(content)[-1]
    return does, tag


def answer_to(tag: str) -> str:
    """What the model says to a text of this tag that asks for words."""
    number = sum(map(int, tag.split(".")))
    return " ".join(
        [f"[{tag}]", *(_WORDS[(number + n) % len(_WORDS)] for n in range(3 + number % 17)), "y ya"]
    )


def faults_of(record: TalkRecord) -> list[str]:
    """What was promised and not kept, each fault beginning with its kind."""
    found = [f"client: {one}" for one in record.wrong]
    for check in _CHECKS:
        found += check(record)
    return found


def faults_of_all(records: Sequence[TalkRecord]) -> list[str]:
    """The same of all talks together."""
    found = [f"{record.session_id}: {fault}" for record in records for fault in faults_of(record)]
    for session_id, times in Counter(record.session_id for record in records).items():
        if times > 1:
            found.append(f"{session_id}: sessions: {times} clients have it")
    return found if records else ["empty: there are no talks"]


def _is_known(record: TalkRecord) -> Iterator[str]:
    """A log of nothing breaks no rule, and shows nothing."""
    sent = {message.get("id") for direction, message in record.log if direction == "sent"}
    if not record.said or not record.said.keys() <= sent:
        yield f"empty: said {len(record.said)} texts, sent {len(sent - {None})}"
    if not record.heard("session_created"):
        yield "empty: no session was made"
    if not record.rows:
        yield "empty: the database has nothing of it"


def _numbers(record: TalkRecord) -> Iterator[str]:
    """Numbers go up by one; after a gap they go on where it was said, once its history is there."""
    last, after_history = 0, None
    for message in record.heard_all():
        match message:
            case {"type": "session_resumed", "gap": True, "next_seq": next_seq}:
                after_history = next_seq - 1
            case {"type": "session_resumed", "next_seq": next_seq} if next_seq != last + 1:
                yield f"numbers: resumed from {next_seq} after {last}"
            case {"type": "history"} if after_history is not None:
                last, after_history = after_history, None
            case {"seq": seq}:
                if seq != last + 1:
                    how = "again" if seq <= last else "with a hole"
                    yield f"numbers: {seq} {how} after {last}: {message}"
                last = seq
            case _:
                pass


def _receipts(record: TalkRecord) -> Iterator[str]:
    """Each text that was said is accepted, under one turn of its own; nothing else is."""
    sent: set[str] = set()
    turns: dict[str, str] = {}
    for direction, message in record.log:
        if direction == "sent" and message["type"] == "text":
            sent.add(message["id"])
        if direction != "heard" or message["type"] != "message_accepted" or "id" not in message:
            continue
        text_id, turn_id = message["id"], message["turn_id"]
        if text_id not in sent:
            yield f"receipts: {text_id} was not sent before {message}"
        if turns.setdefault(text_id, turn_id) != turn_id:
            yield f"receipts: {text_id} has the turns {turns[text_id]} and {turn_id}"
    for turn_id, times in Counter(turns.values()).items():
        if times > 1:
            yield f"receipts: {times} texts have the turn {turn_id}"
    for text_id in record.said.keys() - turns.keys():
        yield f"receipts: {text_id} was never accepted"


def _endings(record: TalkRecord) -> Iterator[str]:
    """Each accepted turn ends once, heard or told by a history; nothing of a turn comes after its end.

    An ending that says itself that it is not safe may go with its process, and come again after a gap.
    """
    ended: set[str] = set()
    told: set[str] = set()
    unsafe: set[str] = set()
    for message in record.heard_all():
        turn_id = str(message.get("turn_id"))
        if message["type"] == "history":
            told |= {entry["turn_id"] for entry in message["messages"] if _has_ended(entry)}
            ended -= unsafe
        elif message["type"] in ("turn_started", "response_chunk", *_ENDS) and "turn_id" in message:
            if turn_id in ended:
                yield f"endings: after the end of its turn comes {message}"
            if message["type"] in _ENDS:
                ended.add(turn_id)
                # An error does not say whether it is safe.
                unsafe |= set() if message.get("durable") else {turn_id}
    ended |= unsafe
    for text_id, (turn_id, is_durable) in record.accepted().items():
        if is_durable and turn_id not in ended | told:
            yield f"endings: {text_id} ({turn_id}) has none"


def _has_ended(entry: Message) -> bool:
    return entry["role"] == "assistant" or "ending" in entry


def _answers(record: TalkRecord) -> Iterator[str]:
    """What was heard piece by piece is what the ending says, and what the model said to that text."""
    shown: dict[str, str] = {}
    does = {turn: newest_text(record.said[text]) for text, (turn, _) in record.accepted().items()}
    for message in record.heard_all():
        match message:
            case {"type": "turn_started", "turn_id": turn_id}:
                shown[turn_id] = ""
            case {"type": "response_chunk", "turn_id": turn_id, "content": content}:
                shown[turn_id] = shown.get(turn_id, "") + content
            case {"type": "history", "messages": messages, "turn": turn}:
                # An answer that is all said, and whose ending comes next, stands among the messages.
                shown = _told(messages) | ({} if turn is None else {turn["turn_id"]: turn["text"]})
                for entry in messages:
                    yield from _told_otherwise(entry, does)
            case {"type": "response_complete", "turn_id": turn_id, "text": text}:
                if text != shown.get(turn_id, ""):
                    yield f"answers: {shown.get(turn_id)!r} was heard, then {message}"
                if turn_id in does:
                    yield from _otherwise(text, *does[turn_id], "heard")
                if message["finish_reason"] != "stop":
                    yield f"answers: {message}"
            case {"type": "error"} if not _may_fail(message, does):
                yield f"answers: {message}"
            case _:
                pass


def _told(messages: Sequence[Message]) -> dict[str, str]:
    """The answers that a history has, by their turns."""
    told: dict[str, list[str]] = {}
    for entry in messages:
        if entry["role"] == "assistant":
            told.setdefault(entry["turn_id"], []).append(entry["content"])
    return {turn_id: ROUND_BREAK.join(pieces) for turn_id, pieces in told.items()}


def _told_otherwise(entry: Message, does: dict[str, tuple[str, str]]) -> Iterator[str]:
    if entry["role"] == "assistant" and entry["turn_id"] in does and not entry["interrupted"]:
        yield from _otherwise(entry["content"], *does[entry["turn_id"]], "told")


def _otherwise(text: str, does: str, tag: str, how: str) -> Iterator[str]:
    if does == "di" and text != answer_to(tag):
        yield f"answers: {how} to {tag}: {text!r}, not {answer_to(tag)!r}"


def _may_fail(message: Message, does: dict[str, tuple[str, str]]) -> bool:
    """A text whose write had begun when its process died is not asked again; else nobody asked for errors."""
    if "turn_id" not in message:
        return message["code"] in ("server_full", "server_busy", "storage_unavailable")
    is_order = does.get(message["turn_id"], ("", ""))[0] == "pide"
    return message["code"] == "server_restarted" and is_order


def _rows(record: TalkRecord) -> Iterator[str]:
    """Positions have no holes; a text has one row, as it was said, and each turn's answer is there once."""
    positions = [row["position"] for row in record.rows]
    holes = set(range(max(positions, default=-1) + 1)) - set(positions)
    if sorted(set(positions)) != positions or not holes <= _left_by_cut_answers(record):
        yield f"rows: positions {positions}"
    texts = [row for row in record.rows if row["role"] == "user"]
    by_id = Counter(row["client_id"] for row in texts)
    accepted = record.accepted()
    for text_id, times in by_id.items():
        if times > 1 or text_id not in record.said:
            yield f"rows: {times} of {text_id}"
    for row in texts:
        turn_id, _ = accepted.get(row["client_id"], ("", False))
        if row["turn_id"] != turn_id or row["content"] != record.said.get(row["client_id"] or ""):
            yield f"rows: {row}, said {record.said.get(row['client_id'] or '')!r} as {turn_id}"
        if row["status"] not in ("ok", "failed"):
            yield f"rows: {row} has not ended"
    for text_id, (_, is_durable) in accepted.items():
        if is_durable and not by_id[text_id]:
            yield f"rows: none of {text_id}, which was acknowledged"
    yield from _answers_kept(record)


def _left_by_cut_answers(record: TalkRecord) -> set[int]:
    """Where a planned stop may have left half an answer, that the whole one has taken the place of."""
    texts = {row["turn_id"]: row["position"] for row in record.rows if row["role"] == "user"}
    answers: dict[str, int] = {}
    for row in record.rows:
        if row["role"] != "user":
            answers.setdefault(row["turn_id"], row["position"])
    between = (range(at + 1, answers.get(turn_id, at)) for turn_id, at in texts.items())
    return {position for places in between for position in places} if record.stops else set()


def _answers_kept(record: TalkRecord) -> Iterator[str]:
    kept: dict[str, list[str]] = {}
    for row in record.rows:
        if row["role"] == "assistant" and row["content"]:
            kept.setdefault(row["turn_id"], []).append(row["content"])
    endings = [message for message in record.heard("response_complete") if message["durable"]]
    heard = {message["turn_id"]: message["text"] for message in endings}
    for turn_id, text in heard.items():
        if ROUND_BREAK.join(kept.get(turn_id, [])) != text:
            yield f"rows: {kept.get(turn_id)} of {turn_id}, heard {text!r}"
    statuses = {row["turn_id"]: row["status"] for row in record.rows if row["role"] == "user"}
    for text_id, (turn_id, _) in record.accepted().items():
        does, tag = newest_text(record.said[text_id])
        if does == "di" and statuses.get(turn_id) == "ok" and kept.get(turn_id) != [answer_to(tag)]:
            yield f"rows: {kept.get(turn_id)} answers {tag}"
        if does == "di" and statuses.get(turn_id) == "failed":
            yield f"rows: {text_id} has failed"


def _writes(record: TalkRecord) -> Iterator[str]:
    """No order is given twice, none without its row, and none is told as done that never arrived."""
    tags = {tag for does, tag in map(newest_text, record.said.values()) if does == "pide"}
    arrived = Counter(tag for tag, _ in record.orders)
    for tag, times in arrived.items():
        if times > 1 or tag not in tags:
            yield f"writes: {tag} was ordered {times} times"
    rows: dict[str, list[dict[str, Any]]] = {}
    for call in record.calls:
        rows.setdefault(_tag_of(call), []).append(call)
    for tag, key in record.orders:
        if sum(_key_of(call) == key for call in rows.get(tag, [])) != 1:
            yield f"writes: {tag} was ordered under {key}, noted are {rows.get(tag)}"
    for tag, calls in rows.items():
        begun = [call for call in calls if call["outcome"] != "none"]
        if len(begun) > 1:
            yield f"writes: {tag} is noted as begun {len(begun)} times: {begun}"
        if any(call["status"] == "done" for call in calls) and not arrived[tag]:
            yield f"writes: {tag} is noted as done, and never arrived"
        if not all(call["has_ended"] for call in calls):
            yield f"writes: {tag} has not ended: {calls}"
    for call_id, times in Counter(call["call_id"] for call in record.calls).items():
        if times > 1:
            yield f"writes: {times} rows of {call_id}"
    yield from _told_twice(record)


def _told_twice(record: TalkRecord) -> Iterator[str]:
    """A call's ending is told once; after a gap one that went with its process may be told as interrupted.

    One that a planned stop has cancelled may come again then, as it was: nobody knows whether it was heard.
    """
    before: dict[str, dict[str, Any]] = {}
    now: dict[str, dict[str, Any]] = {}
    for message in record.heard("tool_finished", "history"):
        if message["type"] == "history":
            before, now = before | now, {}
            continue
        call_id = message["call_id"]
        if call_id in now or (call_id in before and not _may_come_again(before[call_id], message)):
            yield f"writes: {call_id} is told twice: {message}"
        now[call_id] = message


def _may_come_again(before: dict[str, Any], message: dict[str, Any]) -> bool:
    if message["status"] == "interrupted":
        return True
    is_same = all(before.get(name) == message.get(name) for name in ("status", "reason"))
    return is_same and message["status"] == "cancelled" and message.get("reason") in _STOPPED


def _tag_of(call: dict[str, Any]) -> str:
    return str(json.loads(call["arguments"])["url"]).rpartition("/")[2]


def _key_of(call: dict[str, Any]) -> str:
    return str(call["idempotency_key"] or call["call_id"])


_STOPPED = ("shutdown", "outcome_unknown")
_ENDS = ("response_complete", "error")
_CHECKS: tuple[Callable[[TalkRecord], Iterator[str]], ...] = (
    _is_known,
    _numbers,
    _receipts,
    _endings,
    _answers,
    _rows,
    _writes,
)
