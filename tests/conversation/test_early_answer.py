"""An answer that begins before it is known whether the user has said all."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

import pytest

from app.chat import TokenUsage
from app.conversation.early_answer import TentativeUtterance
from app.conversation.injected_message import InjectedMessage
from app.errors import AgentError, LlmBusy, LlmRateLimited, LlmStalled, LlmUnavailable
from app.llm.base import ChatRequest, Completion
from app.llm.retry import RetryPolicy
from app.protocol.events import EmotionEstimate, MessageAccepted, ResponseChunk
from app.session.budget import Budget, Budgets
from tests.speech.output.test_tts_output import stand, words
from tests.support.answers import Status, Text
from tests.support.azure_standin import AzureStandin
from tests.support.context import settings_with
from tests.support.onlooker import Onlooker
from tests.support.providers import provider_for
from tests.support.scripted import Answer, Calls, Ends, Fails, Pause, Says, ScriptedModel, Until, calls, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual

WORDS = TentativeUtterance("qué hora es?")


def scripted(*answers: Answer) -> ScriptedModel:
    return ScriptedModel(list(answers))


def commit(t: Talk, text: str = WORDS.text, emotion: EmotionEstimate | None = None) -> str:
    return t.conversation.hear_speech(text, "utt_1", emotion=emotion)


def seen_by_the_model(t: Talk) -> list[str]:
    """The last user's text of each request, with a mark where it may be called unfinished."""
    return [request.messages[-1]["content"] + "…" * request.may_wait for request in t.model.requests]


@virtual
async def test_draft_becomes_the_answer_of_its_words():
    async with talk(scripted([Pause(1), Says("Las "), Pause(1), Says("dos.")])) as t:
        assert t.conversation.draft(WORDS) == "asked"
        await t.passes(1.5)
        assert t.conversation.draft(WORDS) == "answers"
        start = t.loop.time()
        commit(t)
        await t.rests()

        assert t.answers() == ["Las dos."]
        assert t.loop.time() - start < 0.6
        assert seen_by_the_model(t) == ["qué hora es?…"]
        assert [m["content"] for m in t.session.conversation_history] == ["qué hora es?", "Las dos."]


@virtual
async def test_nothing_is_told_or_remembered_before_the_words_are_a_text():
    async with talk(scripted(says("Las dos."))) as t:
        t.conversation.draft(WORDS)
        await t.passes(30)

        assert (t.events(object), list(t.session.conversation_history)) == ([], [])
        assert not t.conversation.is_busy


@virtual
async def test_words_that_go_on_are_answered_anew():
    async with talk(scripted([Says("Las"), Pause(100)], says("En Tokio las diez."))) as t:
        t.conversation.draft(WORDS)
        await t.passes(1)
        t.conversation.drafts.drop()
        await t.passes(0.1)
        assert t.model.open_streams == 0
        commit(t, "qué hora es en tokio?")
        await t.rests()

        assert t.answers() == ["En Tokio las diez."]
        assert seen_by_the_model(t) == ["qué hora es?…", "qué hora es en tokio?"]


@virtual
async def test_other_words_than_those_of_the_draft_are_asked_anew():
    async with talk(scripted([Says("Las"), Pause(100)], says("En Tokio las diez."))) as t:
        t.conversation.draft(WORDS)
        await t.passes(1)
        commit(t, "qué hora es en tokio?")
        await t.rests()

        assert t.answers() == ["En Tokio las diez."]


@virtual
async def test_tool_of_a_draft_runs_when_its_words_are_a_text():
    shop = Workshop()
    async with talk(
        scripted(calls(("send", {"tag": "x"})), says("Hecho.")), [shop.tool("send", "write")]
    ) as t:
        t.conversation.draft(WORDS)
        await t.passes(5)
        assert shop.runs == []
        commit(t)
        await t.rests()

        assert (shop.runs, t.answers()) == ([("send", "x")], ["Hecho."])


# The mark


@pytest.mark.parametrize(
    "pieces",
    [
        ["<wait/>"],
        ["<wa", "it/", ">"],
        [" <wait/>", "\n"],
        ["<wait", " />"],
        ["<wait", ">"],
        ["`", "<wait/>", "`"],
        ['"', "<wait/>", '"'],
        ["<WAIT/>"],
        ["<wait>", "</wait>"],
    ],
)
def test_mark_says_that_more_is_to_come_and_is_never_seen(pieces: list[str]):
    @virtual
    async def run() -> None:
        async with talk(scripted(says(*pieces), says("Las dos."))) as t:
            t.conversation.draft(WORDS)
            states: list[str] = []
            t.conversation.drafts.on_change = lambda: states.append(str(t.conversation.draft(WORDS)))
            await t.passes(1)
            assert states == ["waits"]
            commit(t)
            await t.rests()

            assert t.answers() == ["Las dos."]
            assert seen_by_the_model(t) == ["qué hora es?…", "qué hora es?"]

    run()


@pytest.mark.parametrize("pieces", [["<wait/>", " Las dos."], ["Te escucho.", " <wait/>"], ["Sí. <wait />"]])
def test_answer_with_the_mark_before_or_after_it_is_asked_for_again(pieces: list[str]):
    @virtual
    async def run() -> None:
        async with talk(scripted(says(*pieces), says("Las dos."))) as t:
            t.conversation.draft(WORDS)
            await t.passes(1)
            assert t.conversation.draft(WORDS) == "void"
            commit(t)
            await t.rests()

            assert t.answers() == ["Las dos."]

    run()


@virtual
async def test_mark_that_comes_after_the_words_are_a_text_is_asked_past():
    async with talk(scripted([Pause(1), Says("<wait/>")], says("Las dos."))) as t:
        t.conversation.draft(WORDS)
        commit(t)
        await t.rests()

        assert t.answers() == ["Las dos."]


@pytest.mark.parametrize("answer", ["Escribe <wait/> y ya.", "<waiter/>", "<b>Hola</b>"])
def test_answer_that_only_holds_the_mark_or_begins_like_it_stays_text(answer: str):
    @virtual
    async def run() -> None:
        async with talk(scripted(says(*answer))) as t:
            t.conversation.draft(WORDS)
            await t.passes(1)
            commit(t)
            await t.rests()

            assert t.answers() == [answer]

    run()


@virtual
async def test_user_who_says_the_mark_is_answered_with_it():
    words = TentativeUtterance("di <wait/>")
    async with talk(scripted(says("<wait/>"))) as t:
        t.conversation.draft(words)
        await t.passes(1)
        commit(t, words.text)
        await t.rests()

        assert t.answers() == ["<wait/>"]


@virtual
async def test_typed_text_is_never_told_of_the_mark():
    async with talk(scripted(says("Hola."), says("<wait/>"))) as t:
        t.says("hola")
        await t.rests()
        t.says("di la marca")
        await t.rests()

        assert not any("<wait/>" in str(r.messages) or r.may_wait for r in t.model.requests)
        assert t.answers() == ["Hola.", "<wait/>"]


@virtual
async def test_instruction_stands_beside_the_words_and_leaves_the_beginning_of_the_prompt_alone():
    async with talk(scripted(says("Hola."), says("Las dos."), says("Adiós."))) as t:
        t.says("hola")
        await t.rests()
        t.conversation.draft(WORDS)
        await t.passes(1)
        commit(t)
        await t.rests()
        t.says("adiós")
        await t.rests()

        first, early, last = (request.messages for request in t.model.requests)
        assert early[: len(first)] == first
        *_, aside, words = early
        assert (aside["note"], words["content"]) == ("aside", WORDS.text)
        assert last[: len(early) - 2] == early[:-2]
        assert "<wait/>" not in str(last)


# What makes it useless


async def types(t: Talk) -> None:
    t.says("otra cosa")


async def backend_adds(t: Talk) -> None:
    t.conversation.inject(InjectedMessage("La tienda cierra a las ocho.", "context"))


async def profile_or_history_changes(t: Talk) -> None:
    t.session.conversation_history.tell_of_user("Se llama Ana.")
    t.session.conversation_history.begin_turn("turn_x")
    t.session.conversation_history.add_note("Hoy es fiesta.")


@pytest.mark.parametrize("change", [types, backend_adds, profile_or_history_changes])
def test_draft_is_not_used_once_anything_has_changed(change: Any):
    @virtual
    async def run() -> None:
        def answer(request: Any) -> Answer:
            return says("Temprana." if request.may_wait else f"A: {request.messages[-1]['content']}")

        async with talk(ScriptedModel(answer)) as t:
            t.conversation.draft(WORDS)
            await t.passes(1)
            await change(t)
            commit(t)
            await t.rests()

            assert t.answers()[-1] == "A: qué hora es?"
            assert "Temprana." not in t.answers()

    run()


@virtual
async def test_other_mood_is_another_request():
    words = TentativeUtterance(WORDS.text, EmotionEstimate("neutral", 0.2))
    async with talk(scripted(says("Una."), says("Dos."))) as t:
        t.conversation.draft(words)
        await t.passes(1)
        commit(t, emotion=EmotionEstimate("frustrated", 0.9))
        await t.rests()

        assert t.answers() == ["Dos."]


@virtual
async def test_no_draft_begins_while_a_turn_runs_or_something_waits():
    async with talk(scripted([Pause(2), Says("Hola.")])) as t:
        t.says("hola")
        assert t.conversation.draft(WORDS) is None
        await t.passes(1)
        assert t.conversation.draft(WORDS) is None
        await t.rests()


@virtual
async def test_no_draft_begins_where_the_prompt_is_full():
    settings = settings_with(max_history_tokens=1000)
    async with talk(scripted(says("Vale.")), settings=settings) as t:
        assert t.conversation.draft(TentativeUtterance("palabra " * 400)) is None


@pytest.mark.parametrize("steps", [[Fails(LlmUnavailable())], [Says("Las"), Fails(LlmUnavailable())], []])
def test_draft_that_fails_or_is_empty_is_asked_again(steps: Any):
    @virtual
    async def run() -> None:
        async with talk(scripted(steps, says("Las dos."))) as t:
            t.conversation.draft(WORDS)
            await t.passes(1)
            assert t.conversation.draft(WORDS) == "void"
            commit(t)
            await t.rests()

            assert t.answers() == ["Las dos."]

    run()


# A service that limits, stalls or is away


@virtual
async def test_draft_is_sent_once_and_the_turn_of_its_words_as_patiently_as_any():
    async with talk(scripted([Fails(LlmRateLimited())], says("Las dos."))) as t:
        t.conversation.draft(WORDS)
        await t.passes(1)
        commit(t)
        await t.rests()

        assert [request.may_retry for request in t.model.requests] == [False, True]


class Passing(ScriptedModel):
    """Hands all on to a real provider."""

    def __init__(self, provider: Any) -> None:
        super().__init__([])
        self._provider = provider

    async def stream(self, request: ChatRequest) -> AsyncGenerator[str | Completion, None]:
        async with aclosing(self._provider.stream(request)) as pieces:
            async for piece in pieces:
                yield piece


async def test_limiting_service_gets_one_request_of_a_draft_and_is_asked_no_more_by_it():
    limit = Status(429, headers={"retry-after-ms": "20"})
    async with (
        AzureStandin() as standin,
        provider_for("azure", standin, retry=RetryPolicy(2)) as provider,
        talk(Passing(provider)) as t,
    ):
        standin.script(limit, limit, Text("Las dos."))
        t.conversation.draft(WORDS)
        commit(t)
        await t.rests()

        assert t.answers() == ["Las dos."]
        assert len(standin.requests) == 3
        assert dict(provider.retries) == {"llm_rate_limited": 1}


@pytest.mark.parametrize("error", [LlmStalled("no answer began in time"), LlmBusy("all in use")])
def test_turn_that_has_waited_for_its_draft_in_vain_does_not_wait_again(error: AgentError):
    @virtual
    async def run() -> None:
        async with talk(scripted([Pause(60), Fails(error)])) as t:
            t.conversation.draft(WORDS)
            await t.passes(1)
            commit(t)
            await t.rests()

            assert [end.error for end in t.endings()] == [error]
            assert t.loop.time() < 61
            assert len(t.model.requests) == 1

    run()


@virtual
async def test_draft_that_stalled_before_its_words_were_a_text_is_asked_again():
    async with talk(scripted([Fails(LlmStalled("slow"))], says("Las dos."))) as t:
        t.conversation.draft(WORDS)
        await t.passes(1)
        commit(t)
        await t.rests()

        assert t.answers() == ["Las dos."]


@pytest.mark.parametrize("is_taken", [True, False])
def test_nothing_is_asked_early_for_a_while_after_a_limit(is_taken: bool):
    @virtual
    async def run() -> None:
        async with talk(scripted([Fails(LlmRateLimited())], *[says("Ya.")] * 2)) as t:
            t.conversation.draft(WORDS)
            await t.passes(1)
            if is_taken:
                commit(t)
                await t.rests()
            t.conversation.drafts.drop()

            assert t.conversation.draft(TentativeUtterance("y mañana?")) is None
            await t.passes(20)
            assert t.conversation.draft(TentativeUtterance("y pasado?")) == "asked"

    run()


@virtual
async def test_draft_that_breaks_off_while_it_is_said_is_an_error_as_any():
    async with talk(scripted([Says("Las "), Pause(1), Fails(LlmUnavailable())])) as t:
        t.conversation.draft(WORDS)
        await t.passes(0.1)
        commit(t)
        await t.rests()

        assert [getattr(end, "error", None) is not None for end in t.endings()] == [True]
        assert t.answers() == ["Las "]


@virtual
async def test_text_that_is_withdrawn_before_its_turn_leaves_no_stream_open():
    async with talk(scripted([Says("Las"), Pause(100)])) as t:
        t.conversation.draft(WORDS)
        await t.passes(0.1)
        turn_id = commit(t)
        t.conversation.replace(turn_id)
        await t.rests()

        assert t.model.open_streams == 0
        assert t.events(ResponseChunk) == []


@virtual
async def test_piece_that_comes_while_a_draft_is_dropped_is_neither_rehearsed_nor_told():
    piece_is_due = asyncio.Event()
    early, later = [Until(piece_is_due), *says("Las dos, y"), Pause(100)], says("Llueve.")
    async with talk(scripted(early, later)) as t, stand() as s:
        t.session.speech_output = s.speech_output
        changes: list[object] = []
        t.conversation.drafts.on_change = lambda: changes.append(t.conversation.drafts.text)
        t.conversation.draft(WORDS)
        await t.passes(1)
        piece_is_due.set()
        t.conversation.drafts.drop()
        await t.passes(1)
        assert (changes, t.model.open_streams) == ([], 0)

        weather = TentativeUtterance("qué tiempo hace?")
        t.conversation.draft(weather)
        await t.passes(1)
        assert [speech.text for speech in s.synthesiser.asked] == ["Llueve."]
        commit(t, weather.text)
        await t.rests()
        assert s.sound == words("Llueve.")
        assert len(s.synthesiser.asked) == 1


@virtual
async def test_talk_that_ends_closes_its_draft():
    async with talk(scripted([Says("Las"), Pause(100)])) as t:
        t.conversation.draft(WORDS)
        await t.passes(0.1)
        await t.conversation.aclose()

        assert t.model.open_streams == 0
        assert t.conversation.draft(WORDS) is None


@virtual
async def test_interrupted_turn_closes_the_draft_that_it_took():
    async with talk(scripted([Says("Las"), Pause(100)])) as t:
        t.conversation.draft(WORDS)
        await t.passes(0.1)
        commit(t)
        await t.passes(0.1)
        t.drain()
        t.conversation.interrupt()
        await t.rests()

        assert t.model.open_streams == 0
        assert t.answers() == ["Las"]


# What it costs


def used_tokens(t: Talk, most: int = 10**6) -> Any:
    budgets = Budgets.of(settings_with(max_tokens_per_user_hour=most), t.loop.time)
    t.session.budget = Budget(budgets, "s", "u")

    def used() -> int:
        return most - budgets.tokens.left("u", most)

    return used


@pytest.mark.parametrize("is_used", [True, False])
def test_tokens_of_a_draft_are_counted_once_whatever_becomes_of_it(is_used: bool):
    @virtual
    async def run() -> None:
        async with talk(scripted([Says("Las dos."), Ends("stop", TokenUsage(100, 7))])) as t:
            used = used_tokens(t)
            t.conversation.draft(WORDS)
            await t.passes(1)
            if is_used:
                commit(t)
                await t.rests()
            t.conversation.drafts.drop()
            await t.passes(1)

            assert used() == 107

    run()


@virtual
async def test_draft_that_is_given_up_costs_what_was_asked_and_said():
    async with talk(scripted([Says("Las dos " * 10), Pause(100)])) as t:
        used = used_tokens(t)
        t.conversation.draft(WORDS)
        await t.passes(1)
        t.conversation.drafts.drop()
        await t.passes(1)

        assert used() >= 80 // 4 + len(WORDS.text) // 4


@pytest.mark.parametrize("passed_s", [0, 1])
@pytest.mark.parametrize("start", [Pause(100), Fails(LlmUnavailable())])
def test_draft_that_nothing_was_answered_to_costs_nothing_and_its_words_are_answered(
    passed_s: float, start: Any
):
    @virtual
    async def run() -> None:
        answers = [[start], says("Las dos.")] if passed_s else [says("Las dos.")]
        async with talk(scripted(*answers)) as t:
            used = used_tokens(t, most=1)
            t.conversation.draft(WORDS)
            if passed_s:
                await t.passes(passed_s)
            t.conversation.drafts.drop()
            await t.passes(1)
            assert used() == 0
            commit(t)
            await t.rests()

            assert t.answers() == ["Las dos."]

    run()


@virtual
async def test_draft_is_one_request_to_those_who_measure():
    async with talk(scripted([Says("Las dos."), Calls([])])) as t:
        onlooker = t.session.observer = Onlooker()
        t.conversation.draft(WORDS)
        await t.passes(1)
        commit(t)
        await t.rests()

        assert [(call.is_draft, call.finish_reason) for call in onlooker.calls] == [(True, "stop")]
        assert len(onlooker.of(MessageAccepted)) == 1


@virtual
async def test_answer_of_any_length_is_read_no_further_than_it_may_be_said():
    settings = settings_with(max_response_chars=1000)
    async with talk(scripted([*says(*["x" * 100] * 50), Pause(100)]), settings=settings) as t:
        t.conversation.draft(WORDS)
        await t.passes(1)
        assert t.model.open_streams == 0
        commit(t)
        await t.rests()

        assert t.answers() == ["x" * 1000]
