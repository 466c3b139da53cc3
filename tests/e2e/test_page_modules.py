"""The parts of the page that need no DOM, each by itself in a real browser: connection, words, talk."""

import json
from typing import get_args

import pytest
from playwright.async_api import Browser

from app.errors import AgentError, BadMessage, Locale, QueueFull, TooLarge, UnknownType
from app.locales import say
from app.protocol.close_codes import CloseCode
from app.protocol.events import ToolStatus
from tests.support.browser import ServerProcess, Visitor, visiting

pytestmark = [pytest.mark.e2e, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

# The connection

FAKE_SOCKET = """async ({ code }) => {
    class FakeSocket extends EventTarget {
        sent = [];
        constructor() { super(); FakeSocket.last = this; }
        send(text) { this.sent.push(JSON.parse(text)); }
        close() {}
        hears(message) { this.dispatchEvent(new MessageEvent("message", { data: JSON.stringify(message) })); }
    }
    globalThis.WebSocket = FakeSocket;
    const { Connection } = await import("/static/connection.js");
    const protocol = await import("/static/protocol-v1.js");
    const statuses = [];
    const connection = new Connection("ws://test/ws", protocol, "ana", () => true);
    connection.addEventListener("status", ({ detail }) => statuses.push(detail.status));
    connection.say("text-1", "hola");
    connection.connect();
    const socket = FakeSocket.last;
    socket.dispatchEvent(new Event("open"));
    socket.hears({ type: "session_created", session_id: "s", timestamp: "2025-07-20T10:30:00Z" });
    socket.dispatchEvent(new CloseEvent("close", { code }));
    return { statuses, sent: socket.sent };
}"""


RETURNING = {1001, 1005, 1006, 1011, 1012, 1013}
FINAL = {1000, 1008, 4401, 4408, 4409, 4410}


async def test_close_code_decides_whether_the_page_comes_back(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        endings = {code: await close_with(visitor, code) for code in RETURNING | FINAL}

    assert endings == dict.fromkeys(RETURNING, "waiting") | dict.fromkeys(FINAL, "closed")
    assert set(CloseCode) <= endings.keys()


async def close_with(visitor: Visitor, code: int) -> str:
    """What a connection that ends with this code says last."""
    seen = await visitor.run(FAKE_SOCKET, {"code": code})
    assert seen["statuses"][:-1] == ["connecting", "ready"]
    return seen["statuses"][-1]


async def test_first_message_makes_the_session_and_texts_wait_for_it(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        seen = await visitor.run(FAKE_SOCKET, {"code": 1000})

        assert seen["sent"] == [
            {"type": "system", "user_id": "ana", "content": ""},
            {"type": "text", "user_id": "ana", "content": "hola"},
        ]


async def test_back_off_grows_to_a_limit_and_uses_the_whole_range(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        delays = await visitor.run(
            """async () => {
                const { backOff } = await import("/static/connection.js");
                const tries = [0, 1, 2, 3, 30];
                return [0, 1].map((random) => tries.map((failures) => backOff(failures, random)));
            }"""
        )

        assert delays == [[0, 0, 0, 0, 0], [500, 1000, 2000, 4000, 15_000]]


# The words of protocol v1


def wire_sentences(locale: Locale) -> dict[str, tuple[str, str]]:
    """Expected event kind of each sentence that v1 says, by the sentence; with its wire type."""
    error = "no se pudo (404): nada."
    sentences = {
        say(locale, "accepted"): ("system", "accepted"),
        say(locale, "thinking"): ("system", "thinking"),
        say(locale, "tool_started", name="calculate"): ("system", "tool_started"),
        say(locale, "tool_progress", name="calculate", n=5): ("system", "tool_progress"),
        say(locale, "tool_progress_message", name="calculate", n=5, message="2 de 3"): (
            "system",
            "tool_progress",
        ),
        say(locale, "finish_length"): ("system", "notice"),
    }
    for status in get_args(ToolStatus):
        sentence = say(locale, f"tool_{status}", name="calculate", n="1.5", error=error)
        sentences[sentence] = ("system", "tool_ended")
    refusals = [
        QueueFull(),
        TooLarge(limit=1),
        UnknownType(type="x"),
        BadMessage(reason_es="no es JSON", reason_en="no JSON"),
    ]
    for refusal in refusals:
        sentences[refusal.sentence(locale)] = ("error", "refused")
    return sentences


@pytest.mark.parametrize("locale", ["es", "en"])
async def test_page_understands_every_sentence_that_the_server_says(
    chrome: Browser, server: ServerProcess, locale: Locale
) -> None:
    expected = wire_sentences(locale)
    frames = [json.dumps({"type": kind, "content": sentence}) for sentence, (kind, _) in expected.items()]
    async with visiting(chrome, server.url) as visitor:
        events = await visitor.run(
            """async (frames) => {
                const { read } = await import("/static/protocol-v1.js");
                return frames.map(read);
            }""",
            frames,
        )

    assert [event["kind"] for event in events] == [kind for _, kind in expected.values()]
    endings = [event for event in events if event["kind"] == "tool_ended"]
    assert [ending["ending"] for ending in endings] == list(get_args(ToolStatus))
    assert {(event["name"], event["elapsedS"]) for event in endings} == {("calculate", 1.5)}
    assert [event["message"] for event in events if event["kind"] == "tool_progress"] == ["", "2 de 3"]
    assert "no se pudo (404): nada." in {ending["sentence"] for ending in endings}


@pytest.mark.parametrize("locale", ["es", "en"])
async def test_error_that_ends_a_turn_is_never_taken_for_a_refusal(
    chrome: Browser, server: ServerProcess, locale: Locale
) -> None:
    refusing = {QueueFull, TooLarge, UnknownType, BadMessage}
    ending = [error for error in _all_errors() if error not in refusing and error.es and "{" not in error.es]
    frames = [json.dumps({"type": "error", "content": error().sentence(locale)}) for error in ending]
    async with visiting(chrome, server.url) as visitor:
        kinds = await visitor.run(
            """async (frames) => {
                const { read } = await import("/static/protocol-v1.js");
                return frames.map((frame) => read(frame).kind);
            }""",
            frames,
        )

    assert set(kinds) == {"failed"}


def _all_errors(base: type[AgentError] = AgentError) -> list[type[AgentError]]:
    return [error for child in base.__subclasses__() for error in (child, *_all_errors(child))]


# The talk

TALK = """async (events) => {
    const { Talk } = await import("/static/talk.js");
    const seen = [];
    let now = 0;
    const view = new Proxy({}, { get: (_, call) => (...values) => seen.push([call, ...values]) });
    const talk = new Talk(view, () => now);
    for (const [step, value] of events) {
        if (step === "sent") talk.sent(value);
        else if (step === "later") now += value * 1000;
        else if (step === "cut") talk.cut();
        else talk.receive({ kind: step, ...value });
    }
    return { seen, state: talk.activity.state, unanswered: talk.unanswered };
}"""


async def test_refusal_in_the_middle_of_a_turn_leaves_the_turn_alone(
    chrome: Browser, server: ServerProcess
) -> None:
    async with visiting(chrome, server.url) as visitor:
        talk = await visitor.run(
            TALK,
            [
                ["sent", "a"],
                ["accepted", {}],
                ["thinking", {}],
                ["chunk", {"content": "Ho"}],
                ["sent", "b"],
                ["refused", {"sentence": "no"}],
                ["chunk", {"content": "la"}],
                ["completed", {}],
            ],
        )

    assert ["fail", "no", {"text": "b"}] in talk["seen"]
    assert ["markText", "b", "failed"] in talk["seen"]
    assert talk["seen"][-2:] == [["closeTurn", "turn-1", True], ["markText", "a", "answered"]]
    assert talk["unanswered"] == 0


async def test_runs_of_one_tool_are_told_apart_by_their_age_then_by_their_order(
    chrome: Browser,
    server: ServerProcess,
) -> None:
    ended = {"name": "slow", "ending": "done", "sentence": ""}
    async with visiting(chrome, server.url) as visitor:
        talk = await visitor.run(
            TALK,
            [
                ["tool_started", {"name": "slow"}],
                ["tool_started", {"name": "slow"}],
                ["later", 8],
                ["tool_started", {"name": "slow"}],
                ["later", 2],
                ["tool_ended", {**ended, "elapsedS": 2.0}],
                ["tool_ended", {**ended, "elapsedS": 10.0}],
                ["tool_ended", {**ended, "elapsedS": 10.0}],
            ],
        )

    assert [call[1] for call in talk["seen"] if call[0] == "endTool"] == ["run-3", "run-1", "run-2"]


async def test_drop_marks_all_that_waits_as_lost(chrome: Browser, server: ServerProcess) -> None:
    async with visiting(chrome, server.url) as visitor:
        talk = await visitor.run(
            TALK,
            [
                *(["sent", name] for name in "abc"),
                ["accepted", {}],
                ["accepted", {}],
                ["thinking", {}],
                ["tool_started", {"name": "slow"}],
                ["cut", None],
            ],
        )

    assert [call[1] for call in talk["seen"] if call[0] == "markText" and call[2] == "lost"] == [
        "a",
        "b",
        "c",
    ]
    assert ["endTool", "run-1", "lost", None, ""] in talk["seen"]
    assert (talk["state"], talk["unanswered"]) == ("idle", 0)
