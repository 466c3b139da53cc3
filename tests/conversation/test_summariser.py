"""The summary of what has left the prompts: each turn once, in the background, whatever fails."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from app.conversation.summariser import (
    MAX_BACKLOG_CHARS,
    MAX_SUMMARY_CHARS,
    RETRY_AFTER_S,
    SUMMARY_TIMEOUT_S,
    Summariser,
)
from app.errors import ContentFiltered, ContextTooLong, LlmUnavailable
from app.llm.base import ChatRequest
from app.session.history import History
from app.session.history_turn import CallRecord, PromptTurn, calling
from app.session.journal import NoJournal
from app.session.outbox import Outbox
from app.session.voice_session import VoiceSession
from tests.support.context import settings_with
from tests.support.scripted import Fails, Pause, Says, ScriptedModel, says
from tests.support.talk import NoTransport, talk
from tests.support.virtual_time import EPOCH, virtual


@dataclass
class Notebook(NoJournal):
    """A journal that remembers summaries."""

    summaries: list[tuple[str, int]] = field(default_factory=list)

    def summarised(self, summary: str, upto: int) -> None:
        self.summaries.append((summary, upto))


@dataclass
class Desk:
    """A summariser and what it writes."""

    summariser: Summariser
    session: VoiceSession
    model: ScriptedModel
    journal: Notebook

    @property
    def history(self) -> History:
        return self.session.conversation_history

    def data(self, number: int = -1) -> dict[str, Any]:
        """What the model was given."""
        return orjson.loads(self.model.requests[number].messages[-1]["content"])

    def given(self) -> list[list[str]]:
        """The users' texts of each request."""
        return [
            [turn[0]["text"] for turn in self.data(number)["turns"]]
            for number in range(len(self.model.requests))
        ]


@asynccontextmanager
async def desk(model: ScriptedModel, **settings: Any) -> AsyncIterator[Desk]:
    history, journal = History("s", 10**6), Notebook()
    session = VoiceSession(
        "s1", NoTransport(), "ana", history, Outbox(100, 10**6), EPOCH, EPOCH, journal=journal
    )
    summariser = Summariser(session, model, settings_with(**settings))
    try:
        yield Desk(summariser, session, model, journal)
    finally:
        await summariser.aclose()
    assert model.open_streams == 0
    assert model.invalid == []


def a_turn(number: int, text: str | None = None) -> PromptTurn:
    messages = [
        {"role": "user", "content": text or f"texto {number}"},
        {"role": "assistant", "content": "Vale."},
    ]
    return PromptTurn(f"t{number}", 2 * number, messages)


def turns(*numbers: int) -> list[PromptTurn]:
    return [a_turn(number) for number in numbers]


@virtual
async def test_turns_that_left_are_summarised_once_after_the_summary_so_far() -> None:
    async with desk(ScriptedModel([says("Es ", "Ana."), says("Es Ana, va a Roma.")])) as d:
        d.summariser.take(turns(0, 1))
        await asyncio.sleep(1)
        d.summariser.take([])
        d.summariser.take(turns(2))
        await asyncio.sleep(1)

        assert d.given() == [["texto 0", "texto 1"], ["texto 2"]]
        assert [d.data(n)["summary"] for n in range(2)] == ["", "Es Ana."]
        assert d.data()["turns"] == [
            [{"role": "user", "text": "texto 2"}, {"role": "agent", "text": "Vale."}]
        ]
        assert d.history.summary == "Es Ana, va a Roma."
        assert d.journal.summaries == [("Es Ana.", 3), ("Es Ana, va a Roma.", 5)]
        request = d.model.requests[0]
        assert (request.tools, request.purpose, request.locale) == ([], "summary", "es")


@virtual
async def test_one_summary_at_a_time_and_what_leaves_meanwhile_is_in_the_next() -> None:
    async with desk(ScriptedModel([[Pause(5), Says("uno")], says("dos")])) as d:
        for number in range(4):
            d.summariser.take(turns(number))
            await asyncio.sleep(1)
        await asyncio.sleep(5)

        assert d.given() == [["texto 0"], ["texto 1", "texto 2", "texto 3"]]


@virtual
async def test_failure_is_said_once_and_its_turns_wait_for_the_next_try(
    caplog: pytest.LogCaptureFixture,
) -> None:
    down = [Fails(LlmUnavailable("gone"))]
    async with desk(ScriptedModel([down, down, says("por fin")])) as d:
        with caplog.at_level(logging.WARNING):
            for number in range(3):
                d.summariser.take(turns(number))
                await asyncio.sleep(1)
                d.summariser.take([])
                await asyncio.sleep(RETRY_AFTER_S)

        assert d.given() == [["texto 0"], ["texto 0", "texto 1"], ["texto 0", "texto 1", "texto 2"]]
        assert d.history.summary == "por fin"
        assert [record.message for record in caplog.records] == ["summary_failed"]


@pytest.mark.parametrize("answer", [says(" \n"), [Says("nunca"), Pause(SUMMARY_TIMEOUT_S + 1)]])
def test_answer_that_is_empty_or_takes_too_long_is_a_failure(answer: Any) -> None:
    @virtual
    async def test() -> None:
        async with desk(ScriptedModel([answer])) as d:
            d.summariser.take(turns(0))
            await asyncio.sleep(SUMMARY_TIMEOUT_S + 1)

            assert (d.history.summary, d.journal.summaries) == ("", [])

    test()


@virtual
async def test_summary_is_cut_at_a_words_end_and_the_stream_closed() -> None:
    async with desk(ScriptedModel([[Says("palabra " * 1000), Pause(10**6)]])) as d:
        d.summariser.take(turns(0))
        await asyncio.sleep(1)

        assert MAX_SUMMARY_CHARS - 30 < len(d.history.summary) <= MAX_SUMMARY_CHARS
        assert d.history.summary.endswith("palabra…")
        assert d.model.open_streams == 0
        assert d.data()["max_chars"] == MAX_SUMMARY_CHARS


@virtual
async def test_summary_is_an_eighth_of_a_small_prompt() -> None:
    async with desk(ScriptedModel([says("字" * 1000)]), max_history_tokens=800) as d:
        d.summariser.take(turns(0))
        await asyncio.sleep(1)

        assert len(d.history.summary) == 300


@pytest.mark.parametrize("error", [ContentFiltered("x"), ContextTooLong("x")])
def test_turn_that_the_service_refuses_is_found_and_left_out(error: Any) -> None:
    def answer(request: ChatRequest) -> Any:
        return [Fails(error)] if "veneno" in str(request.messages[-1]) else says("bien")

    @virtual
    async def test() -> None:
        async with desk(ScriptedModel(answer)) as d:
            d.summariser.take([*turns(0, 1), a_turn(2, "veneno"), *turns(3, 4)])
            await asyncio.sleep(1)

            good = [texts for texts in d.given() if "veneno" not in texts]
            assert [text for texts in good for text in texts] == [f"texto {n}" for n in (0, 1, 3, 4)]
            assert d.journal.summaries[-1] == ("bien", 9)

    test()


@virtual
async def test_turn_over_which_something_breaks_is_found_and_left_out() -> None:
    def answer(request: ChatRequest) -> Any:
        if "veneno" in str(request.messages[-1]):
            raise ZeroDivisionError
        return says("bien")

    async with desk(ScriptedModel(answer)) as d:
        d.summariser.take([*turns(0, 1), a_turn(2, "veneno"), *turns(3, 4)])
        for _ in range(9):
            await asyncio.sleep(RETRY_AFTER_S + 1)
            d.summariser.take([])

        good = [texts for texts in d.given() if "veneno" not in texts]
        assert [text for texts in good for text in texts] == [f"texto {n}" for n in (0, 1, 3, 4)]
        assert d.journal.summaries[-1] == ("bien", 9)


@virtual
async def test_backlog_is_bounded_and_its_oldest_text_is_cut() -> None:
    async with desk(ScriptedModel(lambda r: [Fails(LlmUnavailable("gone"))])) as d:
        d.summariser.take([a_turn(number, f"{number:03} " + "x" * 1990) for number in range(200)])
        await asyncio.sleep(RETRY_AFTER_S + 1)
        d.summariser.take([])
        await asyncio.sleep(1)

        [_, again] = d.given()
        assert sum(map(len, again)) <= MAX_BACKLOG_CHARS
        assert 140 < int(again[0][:3]) < 160


@virtual
async def test_request_is_bounded_and_the_rest_follows_in_another() -> None:
    async with desk(ScriptedModel(lambda r: says("s")), max_history_tokens=2000) as d:
        d.summariser.take([a_turn(number, f"{number:02} " + "x" * 990) for number in range(6)])
        await asyncio.sleep(1)

        assert [[text[:2] for text in texts] for texts in d.given()] == [
            ["00", "01", "02"],
            ["03", "04", "05"],
        ]


@virtual
async def test_long_messages_are_cut_and_what_tools_brought_is_cut_more() -> None:
    turn = PromptTurn("t", 0, [
        {"role": "user", "content": "u" * 5000},
        calling("Voy.", [CallRecord("c", "work", "{}")]),
        {"role": "tool", "tool_call_id": "c", "content": "r" * 5000},
        {"role": "system", "content": "nota\ud800"},
    ])  # fmt: skip
    async with desk(ScriptedModel([says("s")])) as d:
        d.summariser.take([turn])
        await asyncio.sleep(1)

        [lines] = d.data()["turns"]
        assert [(line["role"], len(line["text"])) for line in lines] == [
            ("user", 2000), ("agent", 11), ("tool", 400), ("note", 5),
        ]  # fmt: skip
        assert lines[1]["text"] == "Voy. (work)"


@virtual
async def test_summary_of_an_earlier_life_is_gone_on_from() -> None:
    own = PromptTurn("tell", 70, [{"role": "assistant", "content": "Ya está."}])
    async with desk(ScriptedModel([says("nuevo"), says("más nuevo")])) as d:
        d.summariser.recall("de antes", 40)
        assert d.history.summary == "de antes"
        d.summariser.take([own])
        await asyncio.sleep(1)
        d.summariser.take(turns(40))
        await asyncio.sleep(1)

        assert d.data(0)["summary"] == "de antes"
        assert d.journal.summaries == [("nuevo", 40), ("más nuevo", 81)], (
            "a turn of the agent's moves nothing"
        )


@virtual
async def test_closing_gives_up_what_is_being_written() -> None:
    async with desk(ScriptedModel([[Pause(10**6)]])) as d:
        d.summariser.take(turns(0))
        await asyncio.sleep(1)
        await d.summariser.aclose()
        d.summariser.take(turns(1))

        assert d.journal.summaries == []


# In a talk


def chatty(request: ChatRequest) -> Any:
    if request.purpose == "summary":
        return [Pause(3), Says(f"resumen de {len(orjson.loads(request.messages[-1]['content'])['turns'])}")]
    return [Pause(0.5), Says("Vale.")]


@virtual
async def test_talk_goes_on_with_the_old_summary_while_a_new_one_is_written() -> None:
    settings = settings_with(max_history_tokens=500)
    model = ScriptedModel(chatty)
    async with talk(model, settings=settings) as t:
        for number in range(40):
            t.says(f"texto {number:02} " + "x" * 100)
            await t.passes(1)
            assert len(t.answers()) == number + 1, "no turn waits for a summary"

    answers = [request for request in model.requests if request.purpose == "answer"]
    given = [
        turn[0]["text"][:8]
        for request in model.requests if request.purpose == "summary"
        for turn in orjson.loads(request.messages[-1]["content"])["turns"]
    ]  # fmt: skip
    assert given == [f"texto {number:02}" for number in range(len(given))]
    assert len(given) > 25
    assert all(sum(len(m["content"].encode()) for m in r.messages) / 3 <= 500 for r in answers)
    assert "resumen de" in answers[-1].messages[1]["content"]
