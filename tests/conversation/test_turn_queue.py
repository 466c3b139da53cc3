"""Who goes first of what waits for its turn.

A letter is an item: T a text, F a text that goes first, C a contribution, R a result.
"""

import pytest

from app.conversation.injected_message import InjectedMessage
from app.conversation.intake import UserText
from app.conversation.turn_queue import TurnQueue
from app.tools.tool_call import ToolCall

Item = UserText | InjectedMessage | ToolCall


def item(letter: str) -> Item:
    if letter == "C":
        return InjectedMessage("x", "say")
    if letter == "R":
        return ToolCall("call", "turn", "tool", "{}", 0.0)
    return UserText("turn", "x", 0.0, goes_first=letter == "F")


def letter(one: Item) -> str:
    if isinstance(one, UserText):
        return "F" if one.goes_first else "T"
    return "C" if isinstance(one, InjectedMessage) else "R"


def queue_of(letters: str) -> TurnQueue:
    return TurnQueue(map(item, letters))


@pytest.mark.parametrize(
    ("before", "text", "after"),
    [
        ("", "T", "T"),
        ("RT", "T", "RTT"),
        ("", "F", "F"),
        ("R", "F", "FR"),
        ("RTRC", "F", "TCFRR"),
        ("FR", "F", "FFR"),
    ],
)
def test_text_enters(before: str, text: str, after: str):
    queue = queue_of(before)
    entering = item(text)
    assert isinstance(entering, UserText)

    queue.enter(entering)

    assert "".join(map(letter, queue)) == after


@pytest.mark.parametrize(
    ("before", "after"), [("", "RR"), ("T", "RRT"), ("CT", "RRCT"), ("F", "FRR"), ("TFRT", "TFRRRT")]
)
def test_results_come_back(before: str, after: str):
    queue = queue_of(before)
    runs = [ToolCall(name, "turn", "tool", "{}", 0.0) for name in ("one", "two")]

    queue.put_back(runs)

    assert "".join(map(letter, queue)) == after
    assert [one.call_id for one in queue if one in runs] == ["one", "two"]
