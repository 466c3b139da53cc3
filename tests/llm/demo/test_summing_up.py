"""The demo's summary: the beginnings of what the user said, within its bound."""

import json
from typing import Any

import pytest

from app.conversation.summary_prompt import summary_request
from app.llm.base import ChatRequest, Completion
from app.llm.demo import DemoModel
from app.llm.demo.summing_up import sum_up
from tests.support.context import settings_with


def asked(summary: str = "", *texts: str, max_chars: int = 500) -> str:
    turns = [[("user", text), ("agent", "Vale.")] for text in texts]
    return summary_request(summary, turns, max_chars, "es")[-1]["content"]


def test_each_text_of_the_user_has_its_line_after_the_summary_so_far():
    long = " ".join(f"w{n}" for n in range(30))

    assert sum_up(asked("- me llamo Ana", "el tren <b>", long)).splitlines() == [
        "- me llamo Ana",
        "- el tren <b>",
        "- " + " ".join(f"w{n}" for n in range(14)) + "…",
    ]


def test_oldest_lines_leave_where_there_is_no_room():
    summary = sum_up(asked("- lo primero", *(f"texto número {n}" for n in range(50)), max_chars=100))

    assert len(summary) <= 100
    assert summary.endswith("- texto número 49")
    assert "lo primero" not in summary


@pytest.mark.parametrize("content", ["", "hola", "[]", '{"turns": 4}', '{"turns": [[]]}', "[" * 100_000])
def test_request_of_another_form_has_no_summary(content: str):
    assert sum_up(content) == ""


@pytest.mark.parametrize(("texts", "pieces"), [(["hola"], ["- hola"]), ([], [])])
async def test_demo_answers_a_request_for_a_summary_at_once(texts: list[str], pieces: list[str]):
    demo = DemoModel(settings_with())
    request = ChatRequest(
        [{"role": "user", "content": asked("", *texts)}], [{"not": json.dumps("used")}], purpose="summary"
    )

    heard: list[Any] = [piece async for piece in demo.stream(request)]

    assert heard == [*pieces, Completion("stop")]
