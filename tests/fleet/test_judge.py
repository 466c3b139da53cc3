"""The judge of talks over several processes: a good record passes, and each fault planted in it is found."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.fleet.judge import answer_to, faults_of, faults_of_all, text_of
from tests.fleet.mix import judged
from tests.fleet.talk_record import TalkRecord
from tests.support.resuming_client import Message

URL = "http://127.0.0.1:9/order/"


def good() -> TalkRecord:
    """A talk of four texts that was cut off twice: once without a gap, and once by its process's death.

    The third text's order was under way then; the fourth is said in the new life.
    """
    record = TalkRecord("s1", {"1.0": text_of("di", "1.0"), "1.1": text_of("pide", "1.1")})
    record.said |= {"1.2": text_of("pide", "1.2"), "1.3": text_of("di", "1.3")}
    heard, sent = _heard(record), _sent(record)
    sent(type="start")
    heard(type="session_created", seq=1)
    sent(type="text", id="1.0", content=record.said["1.0"])
    heard(type="message_accepted", id="1.0", turn_id="t0", durable=True, seq=2)
    heard(type="turn_started", turn_id="t0", seq=3)
    heard(type="response_chunk", turn_id="t0", content=answer_to("1.0")[:9], seq=4)
    record.log.append(("lost", {"type": "ConnectionClosedError"}))
    heard(type="session_resumed", gap=False, next_seq=5)
    heard(type="response_chunk", turn_id="t0", content=answer_to("1.0")[9:], seq=5)
    heard(
        type="response_complete",
        turn_id="t0",
        text=answer_to("1.0"),
        finish_reason="stop",
        durable=True,
        seq=6,
    )
    sent(type="text", id="1.1", content=record.said["1.1"])
    heard(type="message_accepted", id="1.1", turn_id="t1", durable=True, seq=7)
    heard(type="turn_started", turn_id="t1", seq=8)
    heard(type="tool_started", turn_id="t1", call_id="c1", seq=9)
    heard(type="tool_finished", call_id="c1", status="done", seq=10)
    heard(type="response_chunk", turn_id="t1", content="hecho", seq=11)
    heard(type="response_complete", turn_id="t1", text="hecho", finish_reason="stop", durable=True, seq=12)
    sent(type="text", id="1.2", content=record.said["1.2"])
    heard(type="message_accepted", id="1.2", turn_id="t2", durable=True, seq=13)
    heard(type="turn_started", turn_id="t2", seq=14)
    heard(type="tool_started", turn_id="t2", call_id="c2", seq=15)
    record.log.append(("lost", {"type": "ConnectionClosedError"}))
    heard(type="session_resumed", gap=True, next_seq=1)
    heard(type="history", turn=None, messages=_history())
    heard(type="tool_finished", call_id="c2", status="interrupted", seq=1)
    heard(type="error", code="server_restarted", turn_id="t2", seq=2)
    sent(type="text", id="1.3", content=record.said["1.3"])
    heard(type="message_accepted", id="1.3", turn_id="t3", durable=True, seq=3)
    heard(type="turn_started", turn_id="t3", seq=4)
    heard(type="response_chunk", turn_id="t3", content=answer_to("1.3"), seq=5)
    heard(
        type="response_complete",
        turn_id="t3",
        text=answer_to("1.3"),
        finish_reason="stop",
        durable=True,
        seq=6,
    )
    record.rows = [
        _row(0, "t0", "user", text_of("di", "1.0"), "1.0"),
        _row(1, "t0", "assistant", answer_to("1.0")),
        _row(2, "t1", "user", text_of("pide", "1.1"), "1.1"),
        _row(3, "t1", "assistant", None),
        _row(4, "t1", "tool", "{}"),
        _row(5, "t1", "assistant", "hecho"),
        _row(6, "t2", "user", text_of("pide", "1.2"), "1.2") | {"status": "failed"},
        _row(7, "t3", "user", text_of("di", "1.3"), "1.3"),
        _row(8, "t3", "assistant", answer_to("1.3")),
    ]
    record.calls = [_call("c1", "t1", "1.1", "done"), _call("c2", "t2", "1.2", "interrupted", "unknown")]
    record.orders = [("1.1", "c1"), ("1.2", "c2")]
    return record


def _heard(record: TalkRecord) -> Callable[..., None]:
    return lambda **message: record.log.append(("heard", message))


def _sent(record: TalkRecord) -> Callable[..., None]:
    return lambda **message: record.log.append(("sent", message))


def _history() -> list[Message]:
    return [
        {"role": "user", "turn_id": "t0", "content": text_of("di", "1.0"), "ending": "complete"},
        {"role": "assistant", "turn_id": "t0", "content": answer_to("1.0"), "interrupted": False},
        {"role": "user", "turn_id": "t1", "content": text_of("pide", "1.1"), "ending": "complete"},
        {"role": "assistant", "turn_id": "t1", "content": "hecho", "interrupted": False},
        {"role": "user", "turn_id": "t2", "content": text_of("pide", "1.2")},
    ]


def _row(
    position: int, turn_id: str, role: str, content: str | None, client_id: str | None = None
) -> dict[str, Any]:
    facts = {"turn_id": turn_id, "client_id": client_id, "role": role, "content": content}
    return {"position": position, **facts, "status": "ok"}


def _call(call_id: str, turn_id: str, tag: str, status: str, outcome: str | None = None) -> dict[str, Any]:
    facts = {"name": "make_http_request", "arguments": f'{{"url":"{URL}{tag}"}}', "effect": "write"}
    facts |= {"status": status, "reason": None, "outcome": outcome, "idempotency_key": None}
    return {"call_id": call_id, "turn_id": turn_id, **facts, "has_ended": True}


def test_a_good_record_has_no_faults() -> None:
    assert faults_of(good()) == []
    assert faults_of_all([good()]) == []


# What is planted


def _of(record: TalkRecord, **values: Any) -> Message:
    """The message that was heard with these values."""
    return next(m for m in record.heard_all() if values.items() <= m.items())


def _drop(record: TalkRecord, **values: Any) -> None:
    lost = _of(record, **values)
    record.log = [entry for entry in record.log if entry[1] is not lost]


def _again(record: TalkRecord, **values: Any) -> None:
    """A message comes twice, with numbers that go on."""
    at = next(n for n, entry in enumerate(record.log) if entry[1] is _of(record, **values))
    record.log.insert(at, ("heard", copy.deepcopy(record.log[at][1])))
    for direction, message in record.log[at + 1 :]:
        if message["type"] == "session_resumed" and message["gap"]:
            break
        if direction == "heard" and "seq" in message:
            message["seq"] += 1


Plants = Callable[[TalkRecord], Any]


def _swap_rows(record: TalkRecord) -> None:
    record.rows[1]["content"], record.rows[8]["content"] = (
        record.rows[8]["content"],
        record.rows[1]["content"],
    )


FAULTS: dict[str, tuple[str, Plants]] = {
    # Numbers
    "a number comes twice": ("numbers", lambda r: _of(r, seq=9).update(seq=8)),
    "a message is lost": ("numbers", lambda r: _drop(r, type="response_chunk", turn_id="t0")),
    "a resume skips what came meanwhile": (
        "numbers",
        lambda r: _of(r, type="session_resumed").update(next_seq=6),
    ),
    "a resume repeats what was heard": (
        "numbers",
        lambda r: _of(r, type="session_resumed").update(next_seq=4),
    ),
    "a gap is not told": ("numbers", lambda r: _of(r, type="session_resumed", gap=True).update(gap=False)),
    # Receipts
    "a text is never accepted": ("receipts", lambda r: _drop(r, type="message_accepted", id="1.3")),
    "a text has two turns": (
        "receipts",
        lambda r: r.log.append(("heard", {**_of(r, id="1.3"), "turn_id": "t9", "seq": 7})),
    ),
    "two texts have one turn": ("receipts", lambda r: _of(r, id="1.1").update(turn_id="t0")),
    "what nobody sent is accepted": (
        "receipts",
        lambda r: r.log.append(("heard", {**_of(r, id="1.3"), "id": "1.7", "turn_id": "t7", "seq": 7})),
    ),
    # Endings and answers
    "an answer has no ending": (
        "endings",
        lambda r: _drop(r, type="response_complete", turn_id="t3"),
    ),
    "an answer ends twice": ("endings", lambda r: _again(r, type="response_complete", turn_id="t3")),
    "an answered text is asked again": (
        "endings",
        lambda r: r.log.append(("heard", {"type": "turn_started", "turn_id": "t0", "seq": 7})),
    ),
    "words come after the end": (
        "endings",
        lambda r: r.log.append(
            ("heard", {"type": "response_chunk", "turn_id": "t3", "content": "más", "seq": 7})
        ),
    ),
    "a word comes twice": ("answers", lambda r: _again(r, type="response_chunk", turn_id="t3")),
    "the ending says other words": (
        "answers",
        lambda r: _of(r, type="response_complete", turn_id="t0").update(text="otra cosa"),
    ),
    "a text has the answer to another one": (
        "answers",
        lambda r: [_of(r, type=kind, turn_id="t3").update(values) for kind, values in _OTHER_ANSWER.items()],
    ),
    "a text without an order is given up": (
        "answers",
        lambda r: (
            _drop(r, type="response_complete", turn_id="t3"),
            r.log.append(("heard", {"type": "error", "code": "server_restarted", "turn_id": "t3", "seq": 6})),
        ),
    ),
    "a history has other words": (
        "answers",
        lambda r: _of(r, type="history")["messages"][1].update(content="otra cosa"),
    ),
    "an answer is cut": (
        "answers",
        lambda r: _of(r, type="response_complete", turn_id="t0").update(finish_reason="length"),
    ),
    # Rows
    "positions have a hole": ("rows", lambda r: r.rows[8].update(position=9)),
    "a position is there twice": ("rows", lambda r: r.rows[8].update(position=7)),
    "an acknowledged text is not stored": ("rows", lambda r: r.rows.pop(7)),
    "a text is stored twice": ("rows", lambda r: r.rows.append({**r.rows[7], "position": 9})),
    "a text is stored with other words": ("rows", lambda r: r.rows[0].update(content="di [9.9]")),
    "a text is stored under another turn": ("rows", lambda r: r.rows[0].update(turn_id="t9")),
    "a text waits for ever": ("rows", lambda r: r.rows[7].update(status="accepted")),
    "an answer is not stored": ("rows", lambda r: r.rows.pop(8)),
    "an answer is stored twice": ("rows", lambda r: r.rows.append({**r.rows[8], "position": 9})),
    "answers are mixed up": ("rows", _swap_rows),
    # Writes
    "an order is given twice": ("writes", lambda r: r.orders.append(("1.1", "c1"))),
    "an order is given again under another key": ("writes", lambda r: r.orders.append(("1.2", "c9"))),
    "an order has no row": ("writes", lambda r: r.calls.pop(1)),
    "an order has two rows": ("writes", lambda r: r.calls.append(copy.deepcopy(r.calls[0]))),
    "an order is noted as begun twice": (
        "writes",
        lambda r: r.calls.append(_call("c3", "t2", "1.2", "interrupted", "unknown")),
    ),
    "an order is told as done that never arrived": ("writes", lambda r: r.orders.pop(0)),
    "nobody asked for an order": ("writes", lambda r: r.orders.append(("1.0", "c8"))),
    "a call never ends": ("writes", lambda r: r.calls[1].update(has_ended=False)),
    "a call is told twice": ("writes", lambda r: _again(r, type="tool_finished", call_id="c2")),
    # Nothing
    "the log is empty": ("empty", lambda r: r.log.clear()),
    "nothing is stored": ("empty", lambda r: r.rows.clear()),
    "nothing was said": ("empty", lambda r: r.said.clear()),
    "a text was never sent": ("empty", lambda r: r.said.update({"1.4": text_of("di", "1.4")})),
    "the client found something": ("client", lambda r: r.wrong.append("resume_refused")),
}

_OTHER_ANSWER: dict[str, Message] = {
    "response_chunk": {"content": answer_to("1.0")},
    "response_complete": {"text": answer_to("1.0")},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault: str) -> None:
    kind, plant = FAULTS[fault]
    record = good()
    plant(record)

    assert kind in {found.partition(":")[0] for found in faults_of(record)}


def test_no_talks_are_no_proof() -> None:
    assert faults_of_all([]) == ["empty: there are no talks"]


def test_a_session_that_two_clients_have_is_found() -> None:
    assert any("2 clients" in fault for fault in faults_of_all([good(), good()]))


def test_a_receipt_that_promised_nothing_need_not_be_kept() -> None:
    """The store was away: the text went with its process."""
    record = good()
    _of(record, id="1.3").update(durable=False)
    record.log = record.log[: record.log.index(("heard", _of(record, type="turn_started", turn_id="t3")))]
    record.rows = record.rows[:7]

    assert faults_of(record) == []


def test_an_ending_that_was_not_safe_may_come_again_after_a_gap() -> None:
    record = good()
    heard = _of(record, type="response_complete", turn_id="t1")
    heard.update(durable=False)
    _of(record, type="history")["messages"][2].pop("ending")
    asked_again = [
        {"type": "turn_started", "turn_id": "t1", "seq": 7},
        {"type": "response_chunk", "turn_id": "t1", "content": "hecho", "seq": 8},
        {**heard, "durable": True, "seq": 9},
    ]
    record.log += [("heard", message) for message in asked_again]

    assert faults_of(record) == []

    heard.update(durable=True)
    assert {fault.partition(":")[0] for fault in faults_of(record)} == {"endings"}


@pytest.mark.parametrize(
    ("reason", "faults"),
    [("shutdown", set[str]()), ("outcome_unknown", set[str]()), ("user", {"writes"})],
)
def test_what_a_planned_stop_has_cancelled_may_be_told_again_as_it_was(reason: str, faults: set[str]) -> None:
    record = good()
    ending = {**_of(record, type="tool_finished", call_id="c2"), "status": "cancelled", "reason": reason}
    at = record.log.index(("heard", _of(record, type="tool_started", call_id="c2")))
    record.log.insert(at + 1, ("heard", {**ending, "seq": 16}))
    _of(record, type="tool_finished", call_id="c2", seq=1).update(status="cancelled", reason=reason)

    assert {fault.partition(":")[0] for fault in faults_of(record)} == faults


@pytest.mark.parametrize("stops", [0, 1])
def test_half_an_answer_that_a_planned_stop_has_left_may_leave_its_place(stops: int) -> None:
    record = good()
    record.stops = stops
    for row in record.rows[8:]:
        row["position"] += 1

    assert [fault.partition(":")[0] for fault in faults_of(record)] == ([] if stops else ["rows"])


def test_what_was_written_down_is_judged_the_same(tmp_path: Path) -> None:
    spoilt = good()
    FAULTS["an order is given twice"][1](spoilt)
    file = tmp_path / "talks.jsonl"
    file.write_text(f"{good().written()}\n{spoilt.written()}\n", encoding="utf-8")

    outcome = judged(file)

    assert outcome.records == [good(), spoilt]
    assert outcome.faults == [f"s1: {fault}" for fault in faults_of(spoilt)]
