"""A talk as a file: each tool call once, wherever its result was told."""

import json
from datetime import UTC
from typing import Any

import pytest

from app.router.routes.export_forms import FORMS, OnceEach, find_zone
from app.router.routes.stored_talks import StoredCall, StoredMessage
from tests.storage.talks import a_session

AT = "2025-07-20T22:30:00Z"


def message(position: int, role: str, content: str | None = None, **more: Any) -> StoredMessage:
    values = {"position": position, "turn_id": "t", "role": role, "content": content}
    return StoredMessage.model_validate({**values, "created_at": AT, "status": "ok", **more})


def made(call_id: str) -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": "work", "arguments": '{"n":1}'}}


def ended(call_id: str, status: str = "done", **more: Any) -> StoredCall:
    values = {"call_id": call_id, "name": "work", "arguments": {"n": 1}, "status": status}
    unset = {"reason": None, "result": {"is": "well"}, "error": None, "started_at": AT, "ended_at": AT}
    return StoredCall.model_validate({**values, **unset, **more})


TALK = [
    message(0, "user", "haz"),
    message(1, "assistant", tool_calls=[made("call_1")], calls=[ended("call_1")]),
    message(2, "tool", '{"status":"running"}', tool_call_id="call_1"),
    message(3, "assistant", "En ello."),
    message(4, "assistant", tool_calls=[made("call_2")]),
    message(5, "tool", '{"status":"done","call_id":"call_1"}', tool_call_id="call_2"),
    message(6, "assistant", "Hecho."),
    message(7, "assistant", tool_calls=[made("call_3")]),
    message(8, "tool", '{"status":"failed","error":"no such tool"}', tool_call_id="call_3"),
]


@pytest.mark.parametrize("size", range(1, len(TALK) + 1))
def test_what_tells_a_result_again_is_left_out_wherever_a_page_ends(size: int) -> None:
    once, kept = OnceEach(), []
    pages = [TALK[start : start + size] for start in range(0, len(TALK), size)]
    for page in pages:
        kept += once.of(page, page is pages[-1])

    assert [one.position for one in kept] == [0, 1, 2, 3, 6, 7, 8]


def test_a_call_at_the_very_end_is_kept() -> None:
    assert [one.position for one in OnceEach().of(TALK[:5], is_last=True)] == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("content", [None, "no JSON", "[]", '"call_id"'])
def test_what_is_no_result_of_ours_is_kept(content: str | None) -> None:
    pair = [TALK[4], message(5, "tool", content, tool_call_id="call_2")]

    assert OnceEach().of(pair, is_last=True) == pair


@pytest.mark.parametrize(
    ("form", "locale", "expected"),
    [
        (
            "markdown",
            "es",
            "# Mi charla\n\nana · 2025-07-20 12:30:00 (Europe/Madrid)\n"
            "\n**ana**, 2025-07-21 00:30:00:\n\nhaz\n"
            '\n*work* `{"n":1}` → `{"is":"well"}`\n',
        ),
        (
            "text",
            "en-GB",
            "Mi charla\nana · 2025-07-20 12:30:00 (Europe/Madrid)\n"
            "\n[2025-07-21 00:30:00] ana: haz\n"
            '\n  Tool: work {"n":1} -> {"is":"well"}\n',
        ),
    ],
)
def test_forms_for_people(form: str, locale: str, expected: str) -> None:
    zone = find_zone("Europe/Madrid")
    assert zone is not None
    file = FORMS[form](a_session(title=" Mi\n charla", locale=locale), zone)

    assert (file.head() + file.body(TALK[:3], True) + file.tail).decode() == expected


@pytest.mark.parametrize(
    ("call", "shown"),
    [
        (ended("c", "failed", result=None, error="No hay red."), "ha fallado: No hay red."),
        (ended("c", "cancelled", result=None, reason="denied", error="No."), "no permitida: No."),
        (ended("c", "running", result=None), "en marcha"),
        (ended("c", result="x" * 5000), "x" * 2000 + "…"),
        (ended("c", result="a `b` ``c``"), "``` a `b` ``c`` ```"),
    ],
)
def test_how_a_call_ended(call: StoredCall, shown: str) -> None:
    body = FORMS["markdown"](a_session(), UTC).body(
        [message(0, "assistant", tool_calls=[made("c")], calls=[call])], True
    )

    assert shown in body.decode()


def test_json_is_whole_whatever_is_left_out() -> None:
    file, once = FORMS["json"](a_session(title="Mi charla"), UTC), OnceEach()
    written = file.head()
    is_first = True
    for page, is_last in ((TALK[4:6], False), (TALK[6:7], True)):
        kept = once.of(page, is_last)
        written += file.body(kept, is_first)
        is_first = is_first and not kept
    read = json.loads(written + file.tail)

    assert (read["title"], [one["position"] for one in read["messages"]]) == ("Mi charla", [6])


@pytest.mark.parametrize(
    "name", ["", "Europe/Nowhere", "../etc/passwd", "/etc/localtime", "Europe/../../x", "a" * 65, "Europe"]
)
def test_what_is_no_zone(name: str) -> None:
    assert find_zone(name) is None
