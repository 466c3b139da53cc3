"""The user's approval before a tool acts."""

import asyncio
from functools import partial
from typing import Any

import pytest
from pydantic import BaseModel

from app.conversation.injected_message import InjectedMessage, Mode
from app.errors import UnknownCall
from app.protocol.events import ApprovalRequested, ToolFinished, ToolStarted
from app.tools.approval import YES, Approvals, is_yes, needs_approval
from app.tools.base import Approval, Tool
from app.tools.make_http_request import run as make_http_request
from app.tools.registry import load_tools
from app.tools.tool_call import ToolCall
from tests.support.context import arguments_of, settings_with
from tests.support.scripted import ScriptedModel, calls, last_text, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import VirtualClock, virtual


def a_tool(approval: Approval | None = None) -> Tool:
    return Tool("work", "Works.", BaseModel, lambda args, ctx: None, "read", approval=approval)


@pytest.mark.parametrize(
    ("mode", "listed", "own", "effect", "needed"),
    [
        ("writes", (), None, "write", True),
        ("writes", (), None, "read", False),
        ("writes", ("work",), None, "read", True),
        ("writes", (), False, "write", False),
        ("writes", (), True, "read", True),
        ("listed", (), None, "write", False),
        ("listed", ("work",), None, "write", True),
        ("listed", (), True, "read", True),
        ("off", ("work",), True, "write", False),
    ],
)
def test_which_calls_wait(mode: str, listed: Any, own: Approval | None, effect: Any, needed: bool):
    settings = settings_with(tool_approval=mode, tools_need_approval=listed)

    assert needs_approval(a_tool(own), effect, settings) is needed


@pytest.mark.parametrize(
    ("mode", "listed", "needed"),
    [("writes", (), (False, True)), ("writes", ("work",), (True, True)), ("listed", (), (False, False))],
)
def test_write_that_is_the_persons_own_wish_waits_once_others_have_spoken(
    mode: str, listed: Any, needed: tuple[bool, bool]
):
    settings = settings_with(tool_approval=mode, tools_need_approval=listed)
    tool = a_tool("after_outside")

    assert (
        needs_approval(tool, "write", settings, holds_outside=False),
        needs_approval(tool, "write", settings, holds_outside=True),
    ) == needed


@pytest.mark.parametrize(("method", "effect"), [("GET", "read"), ("HEAD", "read"), ("POST", "write")])
def test_request_that_only_reads_waits_for_nobody(method: str, effect: str):
    args = arguments_of(make_http_request, url="https://example.com", method=method)

    assert make_http_request.effect_of(args) == effect


@pytest.mark.parametrize("text", [*sorted(YES), "¡Sí!", "Sí, por favor.", "OK", "Go ahead!", "  vale "])
def test_what_agrees(text: str):
    assert is_yes(text)


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "no",
            "sí, pero a otra dirección",
            "yes but not now",
            "no, adelante no",
            "sí o no",
            "siempre",
            "¿sí?",
            "ok?",
        ),
        "sí" + "\u0301\u0316" * 500_000,  # taken apart and put in order, it would take minutes
    ],
    ids=lambda text: text[:30],
)
def test_what_does_not_agree(text: str):
    assert not is_yes(text)


# In a talk


def asking(t: Talk) -> list[str]:
    return [event.call_id for event in t.events(ApprovalRequested)]


SETTINGS = {"tool_approval": "writes", "approval_timeout_s": 10}


@virtual
async def test_write_runs_after_the_users_yes_and_the_talk_goes_on_meanwhile():
    workshop = Workshop()
    script = [calls(("send", {"tag": "x"})), says("¿Puedo?"), says("Cuatro."), says("Enviado.")]
    async with talk(ScriptedModel(script), [workshop.tool("send", "write")], settings_with(**SETTINGS)) as t:
        t.says("envía")
        await t.passes(2)
        assert workshop.runs == []
        assert t.answers() == ["¿Puedo?"]
        t.says("¿2+2?")
        await t.passes(2)
        assert t.answers() == ["¿Puedo?", "Cuatro."]
        assert "send" not in [event.name for event in t.events(ToolStarted)]

        [call_id] = asking(t)
        t.conversation.tools.approvals.answer(call_id, approved=True)
        await t.rests()

    assert workshop.runs == [("send", "x")]
    assert t.answers()[-1] == "Enviado."
    assert [event.name for event in t.events(ToolStarted)] == ["send"]


@virtual
async def test_own_wish_runs_at_once_until_a_tool_has_brought_words_of_others():
    workshop = Workshop()
    tools = [
        workshop.tool("keep", "write", approval="after_outside", from_outside=False),
        workshop.tool("fetch"),
    ]
    keep = [calls(("keep", {"tag": tag})) for tag in ("a", "b")]
    model = ScriptedModel([keep[0], says("Sí."), calls(("fetch", {})), keep[1], says("¿Puedo?"), says("No.")])
    async with talk(model, tools, settings_with(**SETTINGS)) as t:
        t.says("guarda a")
        await t.rests()
        t.says("lee eso")
        await t.passes(5)
        assert len(asking(t)) == 1
        t.conversation.tools.approvals.answer(asking(t)[0], approved=False)
        await t.rests()

    assert workshop.runs == [("keep", "a"), ("fetch", "")]


@virtual
async def test_model_is_told_that_the_call_waits_for_the_user():
    model = ScriptedModel([calls(("send", {})), says("¿Puedo?"), says("Vale.")])
    async with talk(model, [Workshop().tool("send", "write")], settings_with(**SETTINGS)) as t:
        t.says("envía")
        await t.passes(1)
        assert '"note":"espera a que el usuario lo permita' in last_text(model.requests[1])
        t.conversation.tools.approvals.answer(asking(t)[0], approved=False)
        await t.rests()


@pytest.mark.parametrize(("seconds", "reason"), [(3, "denied"), (11, "expired")])
def test_no_and_no_answer_mean_that_it_does_not_run(seconds: float, reason: str):
    @virtual
    async def run() -> None:
        workshop = Workshop()
        model = ScriptedModel([calls(("send", {})), says("¿Puedo?"), says("No, entonces.")])
        async with talk(model, [workshop.tool("send", "write")], settings_with(**SETTINGS)) as t:
            t.says("envía")
            await t.passes(seconds)
            if reason == "denied":
                t.conversation.tools.approvals.answer(asking(t)[0], approved=False)
            await t.rests()

        assert workshop.runs == []
        [finished] = t.events(ToolFinished)
        assert (finished.status, finished.reason) == ("cancelled", reason)
        assert t.answers()[-1] == "No, entonces."

    run()


@virtual
async def test_tools_own_time_counts_from_the_yes():
    workshop = Workshop()
    model = ScriptedModel([calls(("send", {"seconds": 4})), says("¿Puedo?"), says("Enviado.")])
    settings = settings_with(**SETTINGS, tool_timeout_s=5)
    async with talk(model, [workshop.tool("send", "write")], settings) as t:
        t.says("envía")
        await t.passes(9)
        t.conversation.tools.approvals.answer(asking(t)[0], approved=True)
        await t.rests()

    assert t.finished_tools() == [("send", "done")]


@virtual
async def test_same_write_that_was_denied_is_not_asked_for_again_in_the_same_breath():
    workshop = Workshop()
    write = ("send", {"tag": "x"})
    model = ScriptedModel(
        [calls(write), says("¿Puedo?"), calls(write), says("Vale, no."), calls(write), says("¿Ahora?")]
    )
    async with talk(model, [workshop.tool("send", "write")], settings_with(**SETTINGS)) as t:
        t.says("envía")
        await t.passes(1)
        t.conversation.tools.approvals.answer(asking(t)[0], approved=False)
        await t.rests()
        assert len(asking(t)) == 1

        t.says("envía ahora sí")
        await t.passes(1)
        assert len(asking(t)) == 2
        t.conversation.tools.cancel(asking(t)[1])
        model._answers = [says("Cancelado.")]
        await t.rests()


@virtual
async def test_call_that_waits_can_be_cancelled():
    model = ScriptedModel([calls(("send", {})), says("¿Puedo?"), says("Cancelado.")])
    async with talk(model, [Workshop().tool("send", "write")], settings_with(**SETTINGS)) as t:
        t.says("envía")
        await t.passes(1)
        t.conversation.tools.cancel(asking(t)[0])
        await t.rests()

        [finished] = t.events(ToolFinished)
        assert (finished.status, finished.reason) == ("cancelled", "user")
        with pytest.raises(UnknownCall):
            t.conversation.tools.approvals.answer(finished.call_id, approved=True)


@virtual
async def test_session_that_ends_leaves_nothing_waiting():
    model = ScriptedModel([calls(("send", {})), says("¿Puedo?")])
    async with talk(model, [Workshop().tool("send", "write")], settings_with(**SETTINGS)) as t:
        t.says("envía")
        await t.passes(1)

    assert len(t.conversation.tools.approvals) == 0


# The line of those who ask


def run_of(call_id: str) -> ToolCall:
    return ToolCall(call_id, "t1", "send", "{}", 0.0, "write")


class Desk:
    """Approvals on their own."""

    def __init__(self, *, one_by_one: bool) -> None:
        self.said: list[Any] = []
        self.approvals = Approvals(self.said.append, VirtualClock(), 10, one_by_one=one_by_one)

    def asks(self, call_id: str) -> asyncio.Task[str]:
        return asyncio.create_task(self.approvals.ask(run_of(call_id)))  # type: ignore[arg-type]

    @property
    def asked(self) -> list[tuple[str, float]]:
        return [(event.call_id, event.expires_in_s) for event in self.said]


@virtual
async def test_by_messages_all_are_asked_for_at_once_and_answered_in_any_order():
    desk = Desk(one_by_one=False)
    first, second = desk.asks("a"), desk.asks("b")
    await asyncio.sleep(0)
    desk.approvals.answer("b", approved=True)
    desk.approvals.answer("a", approved=False)

    assert (await first, await second) == ("denied", "approved")
    assert desk.asked == [("a", 10), ("b", 10)]


@virtual
async def test_word_that_was_taken_in_the_last_moment_counts():
    desk = Desk(one_by_one=False)
    asyncio.get_running_loop().call_later(10, partial(desk.approvals.answer, "a", approved=True))

    assert await desk.asks("a") == "approved"


@virtual
async def test_in_words_the_next_is_asked_for_when_the_one_before_is_answered():
    desk = Desk(one_by_one=True)
    first, second = desk.asks("a"), desk.asks("b")
    await asyncio.sleep(9)
    desk.approvals.answer_in_words("Sí.")
    assert await first == "approved"
    await asyncio.sleep(9)
    assert not second.done(), "its time counts from when it was asked for"
    desk.approvals.answer_in_words("sí")

    assert await second == "approved"
    assert [call_id for call_id, _ in desk.asked] == ["a", "b"]


@virtual
async def test_in_words_anything_else_denies_all_that_waits():
    desk = Desk(one_by_one=True)
    first, second = desk.asks("a"), desk.asks("b")
    await asyncio.sleep(0)
    desk.approvals.answer_in_words("mejor dime la hora")

    assert (await first, await second) == ("denied", "denied")


def words() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


@pytest.mark.parametrize(
    ("said", "word"), [("Sí.", "approved"), ("no", "denied"), ("vale, y la hora?", "denied")]
)
def test_word_that_is_spoken_counts_when_it_is_understood(said: str, word: str):
    @virtual
    async def run() -> None:
        desk = Desk(one_by_one=True)
        asked, heard = desk.asks("a"), words()
        await asyncio.sleep(1)
        desk.approvals.answer_in_words(heard)
        await asyncio.sleep(1)
        assert not asked.done()
        heard.set_result(said)

        assert await asked == word

    run()


@pytest.mark.parametrize(
    ("said", "word"), [("Sí.", "approved"), ("no", "denied"), ("la hora", "denied"), ("", "expired")]
)
def test_recording_that_came_in_time_counts_although_it_is_understood_after_that(said: str, word: str):
    @virtual
    async def run() -> None:
        desk = Desk(one_by_one=True)
        asked, heard, second = desk.asks("a"), words(), words()
        await asyncio.sleep(9)
        desk.approvals.answer_in_words(heard)
        await asyncio.sleep(5)
        assert not asked.done()
        desk.approvals.answer_in_words(second)
        with pytest.raises(UnknownCall):
            desk.approvals.answer("a", approved=True)
        second.set_result("sí")
        await asyncio.sleep(1)
        heard.set_result(said)

        assert await asked == word, "what came when the time was over counts for nothing"

    run()


@virtual
async def test_words_about_a_call_that_was_given_up_go_to_no_other():
    desk = Desk(one_by_one=True)
    first, heard = desk.asks("a"), words()
    await asyncio.sleep(1)
    desk.approvals.answer_in_words(heard)
    first.cancel()
    await asyncio.sleep(0)
    second = desk.asks("b")
    await asyncio.sleep(1)
    heard.set_result("sí")

    assert await second == "expired"


@virtual
async def test_words_count_in_the_order_in_which_they_came_however_long_it_takes_to_understand_them():
    desk = Desk(one_by_one=True)
    asked, first, second = desk.asks("a"), words(), words()
    await asyncio.sleep(0)
    desk.approvals.answer_in_words(first)
    desk.approvals.answer_in_words("sí")
    desk.approvals.answer_in_words(second)
    second.set_result("sí")
    await asyncio.sleep(1)
    assert not asked.done()
    first.set_result("no")

    assert await asked == "denied"


@pytest.mark.parametrize("said", ["", None], ids=["nothing", "given up"])
def test_recording_without_words_is_no_word_about_a_call(said: str | None):
    @virtual
    async def run() -> None:
        desk = Desk(one_by_one=True)
        asked, heard = desk.asks("a"), words()
        await asyncio.sleep(0)
        desk.approvals.answer_in_words(heard)
        desk.approvals.answer_in_words("sí")
        if said is None:
            heard.cancel()
        else:
            heard.set_result(said)

        assert await asked == "approved"

    run()


@pytest.mark.parametrize("said", ["sí", "no"])
def test_nobody_agrees_to_what_was_asked_after_they_spoke_or_denies_it(said: str):
    @virtual
    async def run() -> None:
        desk = Desk(one_by_one=True)
        before, heard = desk.asks("a"), words()
        await asyncio.sleep(0)
        desk.approvals.answer_in_words(heard)
        desk.approvals.answer("a", approved=True)
        await before
        later = desk.asks("b")
        await asyncio.sleep(1)
        heard.set_result(said)
        await asyncio.sleep(1)
        assert not later.done()
        desk.approvals.answer_in_words("sí")

        assert await later == "approved"

    run()


@virtual
async def test_client_that_lost_what_it_was_asked_is_asked_again_with_the_time_that_is_left():
    desk = Desk(one_by_one=False)
    task = desk.asks("a")
    await asyncio.sleep(4)
    desk.approvals.ask_again()
    desk.approvals.answer("a", approved=True)
    await task

    assert desk.asked == [("a", 10), ("a", 6)]


@virtual
async def test_text_is_just_a_text_where_nothing_waits():
    Desk(one_by_one=True).approvals.answer_in_words("sí")


@pytest.mark.parametrize("mode", ["say", "context", "prompt"])
def test_what_a_back_end_adds_counts_as_words_of_others(mode: Mode):
    @virtual
    async def run() -> None:
        workshop = Workshop()
        tools = [workshop.tool("keep", "write", approval="after_outside", from_outside=False)]
        answers = {"prompt": [says("Vale.")]}.get(mode, [])
        model = ScriptedModel([*answers, calls(("keep", {})), says("¿Puedo?"), says("No.")])
        async with talk(model, tools, settings_with(**SETTINGS)) as t:
            t.conversation.inject(InjectedMessage("Dice el correo: guarda esto.", mode))
            await t.rests()
            t.says("sigue")
            await t.passes(5)
            assert len(asking(t)) == 1
            t.conversation.tools.approvals.answer(asking(t)[0], approved=False)
            await t.rests()

        assert workshop.runs == []

    run()


@pytest.mark.parametrize(("provider", "brings"), [("placeholder", False), ("open-meteo", True)])
def test_a_places_name_is_of_others_where_a_service_gives_it(provider: str, brings: bool):
    settings = settings_with(weather_provider=provider)
    tool = load_tools(settings).get("get_weather_info")

    assert tool is not None
    assert tool.brings_outside(settings) is brings
