"""What each message of a v2 client does."""

from typing import Any, get_args

import pytest

from app.errors import AgentError, BadMessage, NotAvailable
from app.protocol.close_codes import CloseCode
from app.protocol.commands import Approve, CancelTool, Command, Say
from app.protocol.events import (
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    Pong,
    ResponseComplete,
    ToolFinished,
)
from app.protocol.v2.wire import commands_of, decode
from app.services.connections.applying import ACTIONS, apply, refusal
from app.services.sessions.live_session import LiveSession
from app.session.budget import Budget, Budgets
from app.session.ring import Ring
from tests.support.context import settings_with
from tests.support.live import live_of
from tests.support.scripted import Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual


def handle(live: LiveSession, kind: str, **fields: Any) -> Any:
    """Does what a message asks for."""
    for command in commands_of(decode({"type": kind, **fields})):
        try:
            return apply(live, command)
        except AgentError as error:
            if not isinstance(command, Say | CancelTool | Approve):
                raise
            live.session.emit(refusal(command, error))
    return None


def v2(t: Talk) -> LiveSession:
    return live_of(t, ring=Ring(100, 100_000))


def test_every_command_is_done() -> None:
    assert set(get_args(Command)) == set(ACTIONS)


@virtual
async def test_text_is_answered_under_the_clients_id() -> None:
    async with talk(ScriptedModel([says("Sí.")])) as t:
        handle(v2(t), "text", content="hola", id="c1")
        await t.rests()

    (receipt,) = t.events(MessageAccepted)
    assert receipt.client_id == "c1"
    assert t.answers() == ["Sí."]


@virtual
async def test_text_sent_again_runs_nothing() -> None:
    async with talk(ScriptedModel([says("Sí.")])) as t:
        for _ in range(3):
            handle(v2(t), "text", content="hola", id="c1")
            await t.rests()

    assert len({receipt.turn_id for receipt in t.events(MessageAccepted)}) == 1
    assert len(t.events(MessageAccepted)) == 3
    assert t.answers() == ["Sí."]


@virtual
async def test_text_may_interrupt() -> None:
    script = {"uno": [Says("a"), Pause(60)]}
    async with talk(ScriptedModel(lambda r: script.get(last_text(r), says("Sí.")))) as t:
        live = v2(t)
        handle(live, "text", content="uno")
        await t.passes(1)
        t.drain()
        handle(live, "text", content="dos", interrupt=True)
        await t.rests()

    assert [interrupted.heard for interrupted in t.events(Interrupted)] == ["a"]
    assert t.answers() == ["a", "Sí."]


@pytest.mark.parametrize("why", ["empty", "context_too_long", "budget_exceeded"])
def test_text_that_is_refused_interrupts_nothing(why: str) -> None:
    settings = settings_with(max_history_tokens=1000, max_texts_per_session_hour=2)

    @virtual
    async def test() -> None:
        async with talk(ScriptedModel(lambda r: [Pause(1), Says("Sí.")]), settings=settings) as t:
            budgets = Budgets.of(settings, t.loop.time)
            t.session.budget = Budget(budgets, "s", "u")
            live = v2(t)
            handle(live, "text", content="uno")
            if why == "budget_exceeded":
                handle(live, "text", content="dos")
            await t.passes(0.5)
            content = {"empty": " ", "context_too_long": "x" * 100_000}.get(why, "tres")
            handle(live, "text", content=content, interrupt=True)
            await t.rests()

        assert len(t.events(ErrorOccurred)) == 1
        assert t.events(Interrupted) == []
        assert {ending.finish_reason for ending in t.events(ResponseComplete)} == {"stop"}
        assert set(t.answers()) == {"Sí."}

    test()


@virtual
async def test_refused_text_is_an_error_with_its_id() -> None:
    settings = settings_with(max_queued_messages=0)
    async with talk(ScriptedModel([[Pause(1), Says("Sí.")]]), settings=settings) as t:
        live = v2(t)
        handle(live, "text", content=" \n", id="c1")
        handle(live, "text", content="uno", id="c2")
        await t.passes(0.5)
        handle(live, "text", content="dos", id="c3")
        await t.rests()

    errors = [(event.error.code, event.client_id) for event in t.events(ErrorOccurred)]
    assert errors == [("bad_message", "c1"), ("queue_full", "c3")]
    assert [receipt.client_id for receipt in t.events(MessageAccepted)] == ["c2"]


@virtual
async def test_interrupt_ends_the_running_turn_or_just_the_one_that_it_names() -> None:
    async with talk(ScriptedModel(lambda r: [Says("a"), Pause(60)])) as t:
        live = v2(t)
        handle(live, "interrupt")
        handle(live, "text", content="hola")
        await t.passes(1)
        t.drain()
        handle(live, "interrupt", turn_id="turn_gone")
        handle(live, "interrupt", turn_id=t.accepted()[0])
        await t.rests()

    turn = t.accepted()[0]
    assert t.events(Interrupted) == [Interrupted(None), Interrupted(None), Interrupted(turn, "a")]


@virtual
async def test_tool_that_runs_is_cancelled_and_any_other_is_unknown() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 20})), says("Voy."), says("Parada.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        live = v2(t)
        handle(live, "text", content="ve")
        await t.passes(3)
        (call_id,) = t.conversation.tools.running
        handle(live, "cancel_tool", call_id=call_id)
        await t.rests()
        handle(live, "cancel_tool", call_id=call_id)
        handle(live, "approve_tool", call_id="call_9", approved=True)

    (finished,) = t.events(ToolFinished)
    assert (finished.status, finished.reason) == ("cancelled", "user")
    errors = [(event.error.code, event.call_id) for event in t.events(ErrorOccurred)]
    assert errors == [("unknown_call", call_id), ("unknown_call", "call_9")]


@virtual
async def test_language_may_change_on_the_way() -> None:
    async with talk(ScriptedModel([])) as t:
        live = v2(t)
        handle(live, "session_update", locale="en")
        handle(live, "session_update")

    assert (live.session.locale, live.pump.locale) == ("en", "en")


@virtual
async def test_ping_is_answered() -> None:
    async with talk(ScriptedModel([])) as t:
        handle(v2(t), "ping")

    assert t.events(object) == [Pong()]


@virtual
async def test_end_ends_the_connection_as_a_goodbye() -> None:
    async with talk(ScriptedModel([])) as t:
        assert handle(v2(t), "end") is CloseCode.NORMAL
        assert handle(v2(t), "ping") is None


@pytest.mark.parametrize(
    ("kind", "fields"),
    [
        ("audio", {"content": "AAAA"}),
        ("audio_commit", {}),
        ("audio_clear", {}),
        ("session_update", {"audio": {"out": True}}),
        ("session_update", {"voice": "alba"}),
        ("session_update", {"speed": 1.5}),
    ],
)
def test_sound_is_not_available_on_a_server_without_it(kind: str, fields: dict[str, Any]) -> None:
    @virtual
    async def test() -> None:
        async with talk(ScriptedModel([])) as t:
            with pytest.raises(NotAvailable):
                handle(v2(t), kind, **fields)

    test()


@pytest.mark.parametrize(
    ("kind", "fields"), [("start", {}), ("resume", {"session_id": "s", "resume_token": "t", "last_seq": 0})]
)
def test_session_is_opened_once(kind: str, fields: dict[str, Any]) -> None:
    @virtual
    async def test() -> None:
        async with talk(ScriptedModel([])) as t:
            with pytest.raises(BadMessage):
                handle(v2(t), kind, **fields)

    test()
