"""What belongs to what on the page: the part of it that needs no DOM, by itself in a real browser."""

from typing import Any

import pytest
from playwright.async_api import Browser

from tests.support.browser import ServerProcess, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TALK = """async (events) => {
    const { Talk } = await import("/static/talk.js");
    const seen = [];
    const view = new Proxy({}, { get: (_, call) => (...values) => seen.push([call, ...values]) });
    const client = Object.assign(new EventTarget(), { isCurrent: false, turnId: null, openTexts: [] });
    new Talk(view, client);
    for (const [type, detail] of events) client.dispatchEvent(new CustomEvent(type, { detail }));
    return seen.filter(([call]) => call !== "beQuiet");
}"""

Events = list[tuple[str, dict[str, Any]]]


async def seen_after(browser: Browser, server: ServerProcess, events: Events) -> list[list[Any]]:
    """What the view was told, but for whose turn a text is: that is for the buttons which revise it."""
    async with visiting(browser, server.url) as visitor:
        told: list[list[Any]] = await visitor.run(TALK, [list(event) for event in events])
        return [call for call in told if call[0] != "bindText"]


def said(text: str, turn: str) -> Events:
    return [
        ("sent", {"id": text, "content": text, "at": 0}),
        ("accepted", {"id": text, "content": text, "turn_id": turn, "at": 0}),
    ]


def completed(turn: str, reason: str = "stop") -> tuple[str, dict[str, Any]]:
    return "complete", {"turn_id": turn, "finish_reason": reason}


async def test_refusal_in_the_middle_of_a_turn_leaves_the_turn_alone(
    chrome: Browser, server: ServerProcess
) -> None:
    seen = await seen_after(
        chrome,
        server,
        [
            *said("a", "turn-1"),
            ("turn", {"turn_id": "turn-1"}),
            ("chunk", {"turn_id": "turn-1", "content": "Ho"}),
            ("sent", {"id": "b", "content": "b", "at": 0}),
            ("error", {"code": "queue_full", "content": "no", "id": "b"}),
            ("chunk", {"turn_id": "turn-1", "content": "la"}),
            completed("turn-1"),
        ],
    )

    assert ["markText", "b", "failed"] in seen
    assert seen[-3:] == [
        ["addChunk", "turn-1", "la"],
        ["closeTurn", "turn-1", "whole"],
        ["markText", "a", "answered"],
    ]


async def test_turns_and_tools_are_told_apart_by_their_ids(chrome: Browser, server: ServerProcess) -> None:
    call = {"name": "slow", "elapsed_s": 1.0}
    seen = await seen_after(
        chrome,
        server,
        [
            *said("a", "turn-1"),
            *said("b", "turn-2"),
            ("tool", {"type": "tool_started", "turn_id": "turn-1", "call_id": "call-1", **call}),
            ("tool", {"type": "tool_started", "turn_id": "turn-2", "call_id": "call-2", **call}),
            ("tool", {"type": "tool_finished", "call_id": "call-2", "status": "done", **call}),
            completed("turn-2"),
            ("tool", {"type": "tool_progress", "call_id": "call-1", "fraction": 0.5, **call}),
        ],
    )

    assert ["startTool", "call-1", "slow", "turn-1"] in seen
    assert seen[-3:] == [
        ["endTool", "call-2", "done", 1],
        ["markText", "b", "answered"],
        ["moveTool", "call-1", 1, "", 0.5],
    ]


async def test_text_that_is_withdrawn_before_its_turn_is_marked(
    chrome: Browser, server: ServerProcess
) -> None:
    seen = await seen_after(chrome, server, [*said("a", "turn-1"), completed("turn-1", "interrupted")])

    assert seen[-1] == ["markText", "a", "interrupted"]
    assert not [call for call, *_ in seen if call in ("openTurn", "closeTurn")]


async def test_receipt_that_comes_again_changes_nothing(chrome: Browser, server: ServerProcess) -> None:
    once = [*said("a", "turn-1"), ("turn", {"turn_id": "turn-1"}), completed("turn-1")]

    seen = await seen_after(chrome, server, [*once, said("a", "turn-1")[1]])

    assert seen[-1] == ["markText", "a", "answered"]


async def test_history_replaces_what_was_shown(chrome: Browser, server: ServerProcess) -> None:
    entry = {"turn_id": "turn-1", "created_at": "2025-07-20T10:30:00Z", "interrupted": True}
    ended = {"status": "done", "elapsed_s": 0.5}
    seen = await seen_after(
        chrome,
        server,
        [
            *said("a", "turn-0"),
            (
                "history",
                {
                    "messages": [
                        {"role": "user", "content": "b", **entry},
                        {"role": "assistant", "content": "B", **entry, "truncated": True},
                    ],
                    "turn": {"turn_id": "turn-2", "text": "Ya "},
                    "tools": [
                        {"turn_id": "turn-1", "call_id": "call-0", "name": "quick", **ended},
                        {"turn_id": "turn-9", "call_id": "call-9", "name": "unseen", **ended},
                        {"call_id": "call-1", "name": "slow", "status": "running"},
                    ],
                },
            ),
            # A server that was started anew tells it once more.
            ("tool", {"type": "tool_finished", "call_id": "call-0", "name": "quick", **ended}),
            ("chunk", {"turn_id": "turn-2", "content": "voy"}),
        ],
    )

    told = seen[seen.index(["clear"]) :]
    assert [call for call in told if call[0] not in ("markText", "addText", "takeBack")] == [
        ["clear"],
        ["openTurn", "turn-1", "of turn-1", 1753007400000],
        ["addChunk", "turn-1", "B"],
        ["markCut", "turn-1"],
        ["closeTurn", "turn-1", "interrupted"],
        ["openTurn", "turn-2", None, None],
        ["addChunk", "turn-2", "Ya "],
        ["startTool", "call-0", "quick", "turn-1"],
        ["endTool", "call-0", "done", 0.5],
        ["startTool", "call-1", "slow", "turn-2"],
        ["addChunk", "turn-2", "voy"],
    ]
    assert ["markText", "of turn-1", "interrupted"] in told


async def test_lost_session_marks_all_that_waits_as_lost(chrome: Browser, server: ServerProcess) -> None:
    seen = await seen_after(
        chrome,
        server,
        [
            *said("a", "turn-1"),
            ("turn", {"turn_id": "turn-1"}),
            ("tool", {"type": "tool_started", "turn_id": "turn-1", "call_id": "call-1", "name": "slow"}),
            (
                "renewed",
                {"texts": [{"id": "a", "content": "a", "at": 0}, {"id": "b", "content": "b", "at": 0}]},
            ),
        ],
    )

    assert ["closeTurn", "turn-1", "cut"] in seen
    assert ["endTool", "call-1", "lost", None] in seen
    assert [call[1] for call in seen if call[0] == "markText" and call[2] == "lost"] == ["a", "b"]


async def test_what_was_begun_stays_until_it_is_said_again(chrome: Browser, server: ServerProcess) -> None:
    """The server died in the middle of an answer, and says it anew after its history."""
    entry = {"turn_id": "turn-1", "created_at": "2025-07-20T10:30:00Z", "interrupted": False}
    seen = await seen_after(
        chrome,
        server,
        [
            *said("a", "turn-1"),
            ("turn", {"turn_id": "turn-1"}),
            ("chunk", {"turn_id": "turn-1", "content": "Lo que"}),
            (
                "history",
                {
                    "messages": [{"role": "user", "content": "a", **entry}],
                    "turn": None,
                    "tools": [],
                    "waiting": ["turn-1"],
                },
            ),
            ("turn", {"turn_id": "turn-1"}),
        ],
    )

    told = [call for call in seen[seen.index(["clear"]) :] if call[0] not in ("markText", "addText")]
    assert told == [
        ["clear"],
        ["takeBack", "turn-1"],
        ["openTurn", "turn-1", "of turn-1", None],
        ["addChunk", "turn-1", "Lo que"],
        ["closeTurn", "turn-1", "cut"],
        ["takeBack", "turn-1"],
        ["openTurn", "turn-1", "of turn-1", None],
    ]
