"""Adding to a talk and answering are two things: a text may join it unanswered, an answer needs no text."""

import asyncio
from typing import Any

import pytest

from app.conversation.conversation import MAX_ADDED
from app.errors import QueueFull
from app.protocol.events import Interrupted, MessageAccepted, ResponseComplete, TurnStarted
from tests.support.scripted import Says, ScriptedModel, Until, says
from tests.support.talk import Talk, talk
from tests.support.virtual_time import virtual


def asked(t: Talk, place: int = -1) -> list[tuple[str, Any]]:
    """What a request of the model held, but for the system's rules."""
    return [(message["role"], message["content"]) for message in t.model.requests[place].messages][1:]


@virtual
async def test_text_that_is_added_is_answered_by_nothing():
    async with talk(ScriptedModel([])) as t:
        turn_id = t.conversation.add("Me llamo Ana.", "c1")
        await t.rests()

    assert [(e.turn_id, e.client_id) for e in t.events(MessageAccepted)] == [(turn_id, "c1")]
    assert t.events(TurnStarted, ResponseComplete) == []
    assert [entry.content for entry in t.session.transcript] == ["Me llamo Ana."]


@virtual
async def test_answer_knows_all_that_was_added_in_order():
    async with talk(ScriptedModel([says("Ana.")])) as t:
        t.conversation.add("Me llamo Ana.")
        t.conversation.add("Encantado.", role="assistant")
        t.conversation.add("¿Cómo me llamo?")
        turn_id = t.conversation.respond("r1")
        await t.rests()

    assert asked(t) == [("user", "Me llamo Ana."), ("assistant", "Encantado."), ("user", "¿Cómo me llamo?")]
    assert t.answer(turn_id) == "Ana."
    assert [e.client_id for e in t.events(MessageAccepted)] == [None, None, None, "r1"]


@virtual
async def test_what_the_agent_is_to_know_is_data_and_is_not_said():
    async with talk(ScriptedModel([says("Sí.")])) as t:
        t.conversation.add("Es de noche.", role="system")
        t.says("hola")
        await t.rests()

    (role, content), said = asked(t)
    assert role == "system" and "Es de noche." in content
    assert said == ("user", "hola")
    assert t.answers() == ["Sí."]


@virtual
async def test_answer_may_be_asked_for_where_nobody_has_spoken_and_told_what_to_be_like():
    async with talk(ScriptedModel([says("¡Hola!"), says("Sigo.")])) as t:
        t.conversation.respond(instructions="Saluda.")
        t.conversation.respond()
        await t.rests()

    assert asked(t, 0) == [("system", "Saluda.")]
    assert t.answers() == ["¡Hola!", "Sigo."]


@virtual
async def test_what_is_added_while_a_turn_runs_waits_for_its_end():
    may_end = asyncio.Event()
    async with talk(ScriptedModel([[Says("Uno"), Until(may_end), Says(".")], says("Dos.")])) as t:
        t.says("uno")
        await t.passes(1)
        t.conversation.add("dos")
        t.conversation.respond()
        may_end.set()
        await t.rests()

    assert t.answers() == ["Uno.", "Dos."]
    assert asked(t)[-2:] == [("assistant", "Uno."), ("user", "dos")]


@virtual
async def test_answer_that_waits_may_be_taken_back():
    may_end = asyncio.Event()
    async with talk(ScriptedModel([[Says("Uno"), Until(may_end), Says(".")]])) as t:
        t.says("uno")
        await t.passes(1)
        turn_id = t.conversation.respond()
        t.conversation.interrupt(turn_id)
        may_end.set()
        await t.rests()

    assert [e.turn_id for e in t.events(Interrupted)] == [turn_id]
    assert [e.finish_reason for e in t.events(ResponseComplete)] == ["interrupted", "stop"]


@virtual
async def test_text_that_is_added_again_is_known():
    async with talk(ScriptedModel([])) as t:
        for _ in range(2):
            t.conversation.add("hola", "c1")
            await t.rests()

    assert len(list(t.session.transcript)) == 1


@virtual
async def test_much_may_be_added_at_once_and_not_without_end():
    async with talk(ScriptedModel([says("Sí.")])) as t:
        for number in range(MAX_ADDED):
            t.conversation.add(f"{number}")
        with pytest.raises(QueueFull):
            t.conversation.add("uno más")
        t.says("hola")  # others have their own room
        await t.rests()

    assert t.answers() == ["Sí."]
