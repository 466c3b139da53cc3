"""Revising a text: it is asked again, or with other words, and what came of it leaves the talk."""

from typing import Any

import pytest

from app.conversation.conversation import Conversation
from app.conversation.injected_message import InjectedMessage
from app.errors import LlmUnavailable, NotRevisable, UnknownTurn
from app.protocol.events import Interrupted, MessageAccepted, ResponseComplete
from tests.support.context import settings_with
from tests.support.scripted import Calls, Fails, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual


def echo() -> ScriptedModel:
    return ScriptedModel(lambda r: says(f"eco {last_text(r)}"))


def prompt(t: Talk, number: int = -1) -> list[str]:
    """The words of a request, but for the rules."""
    return [m["content"] or "" for m in t.model.requests[number].messages if m["role"] != "system"]


def shown(t: Talk) -> list[str]:
    return [entry.content for entry in t.session.transcript]


async def said(t: Talk, *texts: str) -> list[str]:
    turns: list[str] = []
    for text in texts:
        turns.append(t.says(text))
        await t.rests()
    return turns


@virtual
async def test_a_text_is_answered_anew_and_nothing_after_it_stays() -> None:
    async with talk(echo()) as t:
        turns = await said(t, "uno", "dos", "tres")
        new = t.conversation.revise(turns[1], "r-1")
        await t.rests()

        assert prompt(t) == ["uno", "eco uno", "dos"]
        assert shown(t) == ["uno", "eco uno", "dos", "eco dos"]
    accepted = t.events(MessageAccepted)[-1]
    assert (accepted.turn_id, accepted.client_id, accepted.supersedes) == (new, "r-1", (turns[1], turns[2]))
    assert t.endings()[-1].turn_id == new not in turns


@virtual
async def test_a_text_is_asked_with_other_words() -> None:
    async with talk(echo()) as t:
        turns = await said(t, "uno", "dos")
        t.conversation.revise(turns[0], "r-1", "otro")
        await t.rests()

        assert prompt(t) == ["otro"]
        assert shown(t) == ["otro", "eco otro"]


@virtual
async def test_the_same_revision_is_done_once() -> None:
    async with talk(echo()) as t:
        (turn,) = await said(t, "uno")
        first = t.conversation.revise(turn, "r-1")
        assert t.conversation.revise(turn, "r-1") == first
        await t.rests()
        assert t.conversation.revise(turn, "r-1") == first
        await t.rests()

        assert len(t.model.requests) == 2
    receipts = [e for e in t.events(MessageAccepted) if e.client_id == "r-1"]
    assert len(receipts) == 3
    assert {e.supersedes for e in receipts} == {(turn,)}


@virtual
async def test_a_revision_can_be_revised() -> None:
    async with talk(echo()) as t:
        (turn,) = await said(t, "uno")
        second = t.conversation.revise(turn, "r-1", "dos")
        await t.rests()
        t.conversation.revise(second, "r-2", "tres")
        await t.rests()

        assert prompt(t) == ["tres"]
        with pytest.raises(UnknownTurn):
            t.conversation.revise(turn, "r-3")


@virtual
async def test_the_running_turn_is_interrupted_first() -> None:
    model = ScriptedModel(lambda r: [Says("media "), Pause(5), Says("respuesta")])
    async with talk(model) as t:
        turn = t.says("uno")
        waiting = t.says("dos")
        await t.passes(1)
        new = t.conversation.revise(turn, "r-1")
        await t.rests()

        assert prompt(t) == ["uno"]
        assert shown(t) == ["uno", "media respuesta"]
    assert [(e.turn_id, e.finish_reason) for e in t.events(ResponseComplete)] == [
        (turn, "interrupted"),
        (waiting, "interrupted"),
        (new, "stop"),
    ]
    assert [e.turn_id for e in t.events(Interrupted)] == [turn]


@virtual
async def test_a_text_that_waits_is_revised_without_ending_what_runs_before_it() -> None:
    model = ScriptedModel(lambda r: [Pause(5), Says(f"eco {last_text(r)}")])
    async with talk(model) as t:
        first, waiting = t.says("uno"), t.says("dos")
        await t.passes(1)
        new = t.conversation.revise(waiting, "r-1", "tres")
        await t.rests()

        assert shown(t) == ["uno", "tres", "eco uno", "eco tres"]
        assert prompt(t) == ["uno", "eco uno", "tres"]
    assert [(e.turn_id, e.finish_reason) for e in t.events(ResponseComplete)] == [
        (first, "stop"),
        (waiting, "interrupted"),
        (new, "stop"),
    ]


@virtual
async def test_a_failed_text_is_asked_again() -> None:
    model = ScriptedModel([[Fails(LlmUnavailable())], says("Sí.")])
    async with talk(model) as t:
        (turn,) = await said(t, "uno")
        t.conversation.revise(turn, "r-1")
        await t.rests()

        assert prompt(t) == ["uno"]


@virtual
async def test_a_write_is_not_done_twice_by_a_revision() -> None:
    shop = Workshop()
    order = [Calls((("work", {"tag": "correo"}),))]
    script = [order, says("Hecho."), says("De nada."), order, says("Ya lo hice."), order, says("Y ya.")]
    script += [order, says("Otra vez.")]
    async with talk(ScriptedModel(script), [shop.tool("work", "write")]) as t:
        turns = await said(t, "manda el correo", "gracias")
        second = t.conversation.revise(turns[0], "r-1")
        await t.rests()
        t.conversation.revise(second, "r-2")
        await t.rests()
        assert shop.runs == [("work", "correo")]

        await said(t, "manda el correo otra vez")
        assert shop.runs == [("work", "correo")] * 2


@virtual
async def test_a_write_of_an_earlier_order_is_no_part_of_the_revision() -> None:
    shop = Workshop()
    order = [Calls((("work", {"tag": "correo"}),))]
    script = [order, says("Hecho."), says("Hola."), order, says("Otra vez.")]
    async with talk(ScriptedModel(script), [shop.tool("work", "write")]) as t:
        turns = await said(t, "manda el correo", "hola")
        t.conversation.revise(turns[1], "r-1", "mándalo otra vez")
        await t.rests()

        assert shop.runs == [("work", "correo")] * 2


@pytest.mark.parametrize("effect", ["read", "write"])
@virtual
async def test_results_of_superseded_turns_are_not_told(effect: Any) -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 10, "tag": "a"})), says("Voy."), says("Nada.")]
    async with talk(ScriptedModel(script), [shop.tool("slow", effect)]) as t:
        turn = t.says("haz algo lento")
        await t.passes(3)
        t.conversation.revise(turn, "r-1", "déjalo")
        await t.rests()

        assert len(t.model.requests) == 3
        assert shown(t) == ["déjalo", "Nada."]
        assert not t.session.transcript.calls
    assert t.finished_tools() == [("slow", "cancelled" if effect == "read" else "done")]


@virtual
async def test_results_of_earlier_turns_stay_told() -> None:
    shop = Workshop()
    slow = calls(("slow", {"seconds": 3, "result": "listo"}))
    script = [slow, says("Voy."), says("Hola."), says("Ya está: listo."), says("Adiós.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("haz algo lento")
        await t.passes(2)
        second = t.says("hola")
        await t.rests()
        t.conversation.revise(second, "r-1", "adiós")
        await t.rests()

        assert shown(t) == ["haz algo lento", "Voy.", "Ya está: listo.", "adiós", "Adiós."]
        assert "hola" not in prompt(t)
        assert "Ya está: listo." in prompt(t)


@virtual
async def test_what_a_back_end_has_the_model_know_stays() -> None:
    async with talk(echo()) as t:
        (turn,) = await said(t, "uno")
        t.conversation.inject(InjectedMessage("El pedido es el 7.", "context"))
        t.conversation.inject(InjectedMessage("Tengo una noticia.", "say"))
        await t.rests()
        t.conversation.revise(turn, "r-1")
        await t.rests()

        words = " ".join(m["content"] for m in t.model.requests[-1].messages)
        assert "El pedido es el 7." in words
        assert "Tengo una noticia." not in words


@virtual
async def test_what_has_left_the_prompt_cannot_be_revised() -> None:
    async with talk(echo(), settings=settings_with(max_history_tokens=2000)) as t:
        turns = await said(t, *(f"{n} " + "palabra " * 120 for n in range(12)))
        with pytest.raises(NotRevisable):
            t.conversation.revise(turns[0], "r-1")
        assert t.conversation.revise(turns[-1], "r-2")
        await t.rests()


@virtual
async def test_superseded_turns_enter_no_summary() -> None:
    def answer(request: Any) -> Any:
        return says("Resumen." if request.purpose == "summary" else "Sí.")

    async with talk(ScriptedModel(answer), settings=settings_with(max_history_tokens=2000)) as t:
        (turn,) = await said(t, "SECRETO")
        t.conversation.revise(turn, "r-1", "cero")
        await t.rests()
        await said(t, *(f"{n} " + "palabra " * 120 for n in range(12)))

        summaries = [r for r in t.model.requests if r.purpose == "summary"]
        assert summaries
        assert not any("SECRETO" in (m["content"] or "") for r in summaries for m in r.messages)


@virtual
async def test_only_texts_of_the_user_can_be_revised() -> None:
    async with talk(echo()) as t:
        turns = await said(t, "uno")
        news = InjectedMessage("Tengo una noticia.", "say")
        t.conversation.inject(news)
        await t.rests()
        before = shown(t)
        for turn_id, error in ((news.turn_id, NotRevisable), ("turn_none", UnknownTurn)):
            with pytest.raises(error):
                t.conversation.revise(turn_id, "r-1")

        assert shown(t) == before
        assert t.conversation.revise(turns[0], "r-1")
        await t.rests()


@virtual
async def test_a_talk_that_has_ended_revises_nothing() -> None:
    async with talk(echo()) as t:
        (turn,) = await said(t, "uno")
        conversation: Conversation = t.conversation
        await conversation.aclose()
        conversation.revise(turn, "r-1")

    assert len(t.events(MessageAccepted)) == 1
