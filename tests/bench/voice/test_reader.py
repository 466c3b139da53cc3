"""The model that reads, which the measurements of pauses are answered by."""

import json
from pathlib import Path

import pytest

from app.llm.base import WAIT, ChatRequest, Completion
from bench.voice.reader import JUDGED, Reader, ReadingModel


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    path = tmp_path / "judged.json"
    judged = {
        "unfinished": ["please enter the number of the"],
        "finished": ["please enter the number of the room"],
    }
    path.write_text(json.dumps(judged))
    return Reader(path)


@pytest.mark.parametrize(
    ("text", "is_unfinished"),
    [
        ("Please enter the number of the", True),
        ("please, enter the number of the...", True),
        ("Please entered the number of the", True),
        ("Please enter the number of the room.", False),
        ("Please call me.", False),
    ],
)
def test_judged_texts_are_known_as_they_are_heard(reader: Reader, text: str, is_unfinished: bool) -> None:
    assert reader.is_unfinished(text) is is_unfinished


def test_what_nobody_judged_is_said(reader: Reader) -> None:
    reader.is_unfinished("Please call me.")

    assert reader.unknown == {"please call me"}


@pytest.mark.parametrize(("may_wait", "text"), [(True, WAIT), (False, "All right.")])
async def test_it_waits_only_where_it_may(reader: Reader, may_wait: bool, text: str) -> None:
    messages = [{"role": "user", "content": "Please enter the number of the"}]
    request = ChatRequest(messages, locale="en", may_wait=may_wait)  # type: ignore[arg-type]

    pieces = [piece async for piece in ReadingModel(reader).stream(request)]

    assert pieces == [text, Completion("stop")]


def test_no_text_is_judged_both_ways() -> None:
    judged = json.loads(JUDGED.read_text(encoding="utf-8"))

    assert not set(judged["unfinished"]) & set(judged["finished"])
