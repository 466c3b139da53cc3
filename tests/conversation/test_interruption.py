"""The user may interrupt at any moment, and the history holds what was heard."""

import pytest

from app.errors import UnknownCall
from app.llm.base import ChatRequest
from app.protocol.events import (
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    ResponseChunk,
    ResponseComplete,
    StateChanged,
    ToolFinished,
    TurnStarted,
)
from tests.support.scripted import Calls, Pause, Says, ScriptedModel, Step, calls, last_text, says
from tests.support.slow_journal import SlowJournal
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual


def tail(t: Talk) -> list[str]:
    return [type(event).__name__ for event in t.events(object)][-3:]


@virtual
async def test_interruption_before_the_model_begins_leaves_no_assistant_message() -> None:
    async with talk(ScriptedModel([[Pause(10), Says("tarde")], says("Sí.")])) as t:
        turn = t.says("hola")
        await t.passes(1)
        t.conversation.interrupt()
        await t.passes(0.01)
        assert tail(t) == ["Interrupted", "ResponseComplete", "StateChanged"]
        assert t.model.open_streams == 0
        t.says("¿sigues?")
        await t.rests()

    assert t.events(Interrupted) == [Interrupted(turn, "")]
    assert [m["content"] for m in t.session.conversation_history] == ["hola", "¿sigues?", "Sí."]


@virtual
async def test_interruption_in_the_same_tick_as_the_text_ends_its_turn() -> None:
    async with talk(ScriptedModel([])) as t:
        turn = t.says("hola")
        t.conversation.interrupt()
        await t.rests()

    assert t.events(Interrupted) == [Interrupted(turn, "")]
    assert [(e.turn_id, e.finish_reason) for e in t.endings()] == [(turn, "interrupted")]


@virtual
async def test_interruption_mid_stream_keeps_what_was_heard() -> None:
    answer = [Says("uno "), Pause(1), Says("dos "), Pause(1), Says("tres"), Pause(1), Says("cuatro")]
    async with talk(ScriptedModel([answer, says("Sí.")])) as t:
        turn = t.says("cuenta")
        await t.passes(1.5)
        t.drain()
        await t.passes(1)
        t.conversation.interrupt(turn)
        await t.rests()
        t.says("¿sigues?")
        await t.rests()

    (interrupted,) = t.events(Interrupted)
    (complete, _) = t.events(ResponseComplete)
    assert interrupted.heard == complete.text == "uno dos " == t.answer(turn)
    assert complete.finish_reason == "interrupted"
    contents = [m["content"] for m in t.model.requests[1].messages[1:]]
    assert contents == ["cuenta", "uno dos ", "¿sigues?"]


@virtual
async def test_nothing_of_an_interrupted_turn_follows() -> None:
    async with talk(ScriptedModel([[Says("a"), Pause(1), Says("b")]])) as t:
        turn = t.says("hola")
        await t.passes(0.5)
        t.drain()
        t.conversation.interrupt()
        await t.passes(5)

    events = t.events(ResponseChunk, ResponseComplete, Interrupted)
    assert [type(e).__name__ for e in events] == ["ResponseChunk", "Interrupted", "ResponseComplete"]
    assert {e.turn_id for e in events} == {turn}


@virtual
async def test_interruption_between_rounds_cuts_text_and_keeps_calls() -> None:
    shop = Workshop()
    script = [
        [Says("Voy a mirar."), Calls([("work", {"seconds": 0.5})])],
        [Pause(5), Says("tarde")],
        says("Sí."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("work")]) as t:
        t.says("mira")
        await t.passes(2)
        t.drain()
        t.conversation.interrupt()
        await t.rests()
        t.says("¿y?")
        await t.rests()

    roles = [m["role"] for m in t.session.conversation_history]
    assert roles == ["user", "assistant", "tool", "user", "assistant"]
    assert t.events(Interrupted)[0].heard == "Voy a mirar."


@virtual
async def test_announcement_that_nobody_heard_leaves_the_calls_alone() -> None:
    shop = Workshop()
    script = [[Says("Voy a mirar."), Calls([("slow", {"seconds": 3})])], says("Ya está.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("mira")
        await t.passes(0.5)
        t.conversation.interrupt()
        await t.rests()

    (assistant,) = [m for m in t.model.requests[1].messages if m.get("tool_calls")][:1]
    assert assistant["content"] is None
    assert t.finished_tools() == [("slow", "done")]
    assert t.answers()[-1] == "Ya está."


@virtual
async def test_running_tools_go_on_after_an_interruption() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 10})), [Says("Estoy en ello"), Pause(60)], says("Hecho.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(3)
        t.drain()
        t.conversation.interrupt()
        await t.rests()

    assert t.finished_tools() == [("slow", "done")]
    assert t.answers() == ["Estoy en ello", "Hecho."]
    assert [e.state for e in t.events(StateChanged)].count("processing_tool") >= 2


@virtual
async def test_text_that_interrupts_withdraws_those_that_wait() -> None:
    answer = {"uno": [Says("a"), Pause(60)]}
    async with talk(ScriptedModel(lambda r: answer.get(last_text(r), says(f"<{last_text(r)}>")))) as t:
        turns = [t.says(text) for text in ("uno", "dos", "tres")]
        await t.passes(1)
        t.drain()
        turns.append(t.conversation.hear("espera", interrupts=True))
        await t.rests()

    ends = [(e.turn_id, e.finish_reason) for e in t.endings()]
    assert ends == list(zip(turns, ["interrupted"] * 3 + ["stop"], strict=True))
    assert [m["content"] for m in t.session.conversation_history if m["role"] == "user"] == [
        "uno",
        "dos",
        "tres",
        "espera",
    ]
    assert t.answers()[-1] == "<espera>"


@virtual
async def test_interruption_with_nothing_running_says_so() -> None:
    async with talk(ScriptedModel([says("Hola")])) as t:
        old = t.says("hola")
        await t.rests()
        t.conversation.interrupt()
        t.conversation.interrupt(old)

    assert t.events(Interrupted) == [Interrupted(None), Interrupted(None)]


@virtual
async def test_an_old_turns_id_cuts_nothing() -> None:
    async with talk(ScriptedModel([says("Hola"), [Says("a"), Pause(1), Says("b")]])) as t:
        old = t.says("hola")
        await t.rests()
        t.says("otra")
        await t.passes(0.5)
        t.conversation.interrupt(old)
        await t.rests()

    assert t.answers() == ["Hola", "ab"]


@virtual
async def test_a_result_whose_telling_was_interrupted_unheard_is_told_again() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 3})), says("Voy."), [Pause(10), Says("tarde")], says("Ya está.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(5)
        t.conversation.interrupt()
        await t.rests()

    assert [a for a in t.answers() if a] == ["Voy.", "Ya está."]


@virtual
async def test_a_result_whose_telling_never_left_stands_once_in_the_history() -> None:
    shop = Workshop()
    telling = [Says("Llegó: r"), Pause(10)]
    model = ScriptedModel([calls(("slow", {"seconds": 2, "result": "r"})), says("Voy."), telling, says("r")])
    async with talk(model, [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(3)
        t.conversation.interrupt()  # the words still wait in the outbox
        await t.rests()

    results = [m for m in model.requests[-1].messages if m["role"] == "tool" and '"done"' in m["content"]]
    assert len(results) == 1
    assert t.answers()[-1] == "r"


@virtual
async def test_a_result_whose_telling_was_heard_in_part_is_not_told_again() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 3})), says("Voy."), [Says("El resultado"), Pause(10)]]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(5)
        t.drain()
        t.conversation.interrupt()
        await t.rests()

    assert t.answers() == ["Voy.", "El resultado"]
    assert t.model.is_finished


@virtual
async def test_cancelled_tool_ends_once_and_the_model_is_told() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 60})), says("Voy."), says("La he parado.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(3)
        (call_id,) = t.conversation.tools.running
        t.conversation.tools.cancel(call_id)
        await t.rests()
        with pytest.raises(UnknownCall):
            t.conversation.tools.cancel(call_id)

    (finished,) = t.events(ToolFinished)
    assert (finished.status, finished.reason) == ("cancelled", "user")
    assert '"cancelled"' in last_text(t.model.requests[2])
    assert t.answers() == ["Voy.", "La he parado."]


@virtual
async def test_text_sent_twice_is_run_once_and_gets_its_receipt_again() -> None:
    async with talk(ScriptedModel([says("Sí.")])) as t:
        first = t.conversation.hear("hola", "c1")
        await t.rests()
        again = t.conversation.hear("hola", "c1")
        await t.rests()

    assert first == again
    assert [e.turn_id for e in t.events(MessageAccepted)] == [first, first]
    assert len(t.endings()) == 1
    assert t.events(ErrorOccurred) == []
    assert len(t.events(TurnStarted)) == 1


@pytest.mark.parametrize("stored_in_s", [None, 0.0, 1.0], ids=["not kept", "at once", "a second"])
@virtual
async def test_text_that_interrupts_is_answered_before_the_result_that_it_interrupted(
    stored_in_s: float | None,
) -> None:
    shop = Workshop()
    telling = [Pause(10), Says("tarde")]
    script = [calls(("slow", {"seconds": 3})), says("Voy."), telling, says("Son las dos."), says("Ya está.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(5)
        if stored_in_s is not None:
            t.session.journal = SlowJournal(stored_in_s)
        turn_id = t.conversation.hear("¿qué hora es?", interrupts=True)
        await t.rests()

    assert t.answer(turn_id) == "Son las dos."
    assert [a for a in t.answers() if a] == ["Voy.", "Son las dos.", "Ya está."]


UNHEARD_TELLINGS: dict[str, list[Step]] = {
    "said": [Says("Llegó: r"), Pause(10)],
    "silent": [Pause(10), Says("tarde")],
    "called": [Calls([("work", {"result": "w"})])],
    "said and called": [Says("Miro."), Calls([("work", {"result": "w", "seconds": 0.2})])],
}


@pytest.mark.parametrize("telling", UNHEARD_TELLINGS)
@pytest.mark.parametrize("ends_by", ["interrupt", "text", "speech"])
def test_a_result_whose_telling_nobody_heard_is_shown_to_the_model_once(telling: str, ends_by: str) -> None:
    answers = ["Llegó r."] if ends_by == "interrupt" else ["¿Sí?", "Llegó r."]
    unheard = UNHEARD_TELLINGS[telling]
    rounds = [unheard, [Pause(10)]] if "called" in telling else [unheard]

    @virtual
    async def test() -> None:
        shop = Workshop()
        first = [calls(("slow", {"seconds": 3, "result": "r"})), says("Voy.")]
        model = ScriptedModel([*first, *rounds, *map(says, answers)])
        async with talk(model, [shop.tool("slow"), shop.tool("work")]) as t:
            t.says("ve")
            await t.passes(5)
            if ends_by == "text":
                t.conversation.hear("oye", interrupts=True)
            else:
                t.conversation.interrupt()
            if ends_by == "speech":
                t.conversation.hear_speech("oye", "utt_1")
            await t.rests()

        assert [a for a in t.answers() if a] == ["Voy.", *answers]
        after = model.requests[-len(answers) :]
        assert [results_with("r", request) for request in after] == [0] * (len(answers) - 1) + [1]
        assert '"r"' in last_text(after[-1])
        assert model.is_finished

    test()


def results_with(word: str, request: ChatRequest) -> int:
    """How many results with this word the model was shown in a request."""
    return sum(m["role"] == "tool" and f'"{word}"' in m["content"] for m in request.messages)
