"""The promises of a talk: nobody waits for a tool, every text ends once, results are told once."""

from collections.abc import Callable

import orjson
import pytest

from app.conversation.conversation import Conversation
from app.conversation.injected_message import InjectedMessage
from app.errors import ContentFiltered, LlmCut, LlmUnavailable, NothingHeard, QueueFull
from app.protocol.events import (
    ErrorOccurred,
    ResponseChunk,
    ResponseComplete,
    ToolFinished,
    ToolProgress,
    TurnStarted,
)
from tests.support.context import settings_with
from tests.support.scripted import Calls, Fails, Pause, Says, ScriptedModel, calls, last_text, says
from tests.support.slow_journal import SlowJournal
from tests.support.talk import Workshop, talk
from tests.support.virtual_time import virtual


@virtual
async def test_text_is_answered() -> None:
    async with talk(ScriptedModel([says("Ho", "la")])) as t:
        turn = t.says("hola")
        await t.rests()

    assert t.answer(turn) == "Hola"
    assert [(type(end), end.turn_id) for end in t.endings()] == [(ResponseComplete, turn)]
    assert [m["role"] for m in t.session.conversation_history] == ["user", "assistant"]


@virtual
async def test_accepted_texts_end_in_order_each_once() -> None:
    async with talk(ScriptedModel(lambda r: [Pause(1), Says(last_text(r))])) as t:
        turns = [t.says(f"texto {n}") for n in range(5)]
        await t.rests()

    assert [end.turn_id for end in t.endings()] == turns == t.accepted()
    assert t.answers() == [f"texto {n}" for n in range(5)]


@virtual
async def test_quick_tools_answer_within_the_same_turn() -> None:
    shop = Workshop()
    model = ScriptedModel([calls(("work", {"seconds": 0.5, "result": 4})), says("Son 4.")])
    async with talk(model, [shop.tool("work")]) as t:
        turn = t.says("¿cuánto es 2+2?")
        await t.rests()

    assert t.answers() == ["Son 4."]
    assert [end.turn_id for end in t.endings()] == [turn]
    assert orjson.loads(last_text(model.requests[1])) == {"status": "done", "result": 4}


@virtual
async def test_user_is_answered_while_a_slow_tool_runs() -> None:
    shop = Workshop()
    script = [
        calls(("slow", {"seconds": 10, "result": "listo"})),
        says("Estoy en ello."),
        says("Son las tres."),
        says("Ya está: listo."),
    ]
    model = ScriptedModel(script)
    async with talk(model, [shop.tool("slow")]) as t:
        t.says("haz algo lento")
        await t.passes(3)
        t.says("¿qué hora es?")
        await t.passes(1)
        assert t.answers() == ["Estoy en ello.", "Son las tres."]
        assert t.finished_tools() == []
        await t.rests()

    assert t.answers() == ["Estoy en ello.", "Son las tres.", "Ya está: listo."]
    assert t.finished_tools() == [("slow", "done")]
    assert [e.source for e in t.events(TurnStarted)] == ["user", "user", "tool"]
    running = orjson.loads(last_text(model.requests[1]))
    told = orjson.loads(last_text(model.requests[3]))
    assert running["status"] == "running"
    assert told == {"status": "done", "result": "listo", "call_id": running["call_id"]}


@virtual
async def test_a_running_message_is_never_rewritten() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 5})), says("Voy."), says("Hecho.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.rests()

    tool_messages = [m for m in t.session.conversation_history if m["role"] == "tool"]
    assert [orjson.loads(m["content"])["status"] for m in tool_messages] == ["running", "done"]
    assert tool_messages[0]["tool_call_id"] != tool_messages[1]["tool_call_id"]


@virtual
async def test_three_tools_run_at_once() -> None:
    shop = Workshop()
    three = calls(*(("work", {"seconds": 0.8, "tag": str(n)}) for n in range(3)))
    async with talk(ScriptedModel([three, says("Los tres.")]), [shop.tool("work")]) as t:
        t.says("tres")
        await t.passes(0.9)
        assert t.finished_tools() == [("work", "done")] * 3
        await t.rests()

    assert t.answers() == ["Los tres."]


@virtual
async def test_progress_is_told_while_a_tool_runs() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 12})), says("Voy."), says("Hecho.")]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.rests()

    assert [round(e.elapsed_s) for e in t.events(ToolProgress)] == [5, 10]


@virtual
async def test_neighbouring_results_are_told_in_one_turn() -> None:
    shop = Workshop()
    script = [
        calls(*(("slow", {"seconds": 3, "result": n}) for n in range(50 - 34))),
        says("Voy."),
        [Says("Sigo"), Pause(5)],
        says("Todos."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("muchas cosas")
        await t.passes(2)
        t.says("y esto")
        await t.rests()

    assert t.answers() == ["Voy.", "Sigo", "Todos."]
    assert len(t.model.requests) == 4


@virtual
async def test_turns_never_mix_on_the_wire() -> None:
    shop = Workshop()

    def answer(request):
        if request.messages[-1]["role"] == "user" and "lenta" in last_text(request):
            return calls(("slow", {"seconds": 2}))
        return [Says("a"), Pause(1), Says("b"), Pause(1), Says("c")]

    async with talk(ScriptedModel(answer), [shop.tool("slow")]) as t:
        for text in ("lenta", "normal", "lenta", "normal"):
            t.says(text)
        await t.rests()

    spoken = [e.turn_id for e in t.events(ResponseChunk, ResponseComplete)]
    blocks = [turn for i, turn in enumerate(spoken) if i == 0 or spoken[i - 1] != turn]
    assert len(blocks) == len(set(blocks))


@virtual
async def test_a_text_over_the_limit_is_refused_and_the_others_are_answered() -> None:
    settings = settings_with(max_queued_messages=2)
    async with talk(ScriptedModel(lambda r: [Pause(1), Says("sí")]), settings=settings) as t:
        for _ in range(3):
            t.says("hola")
        with pytest.raises(QueueFull):
            t.says("una más")
        await t.rests()

    assert len(t.endings()) == 3


@virtual
async def test_failed_answer_ends_in_one_error_and_the_next_text_is_answered() -> None:
    model = ScriptedModel([[Says("Emp"), Fails(LlmCut())], says("Aquí estoy.")])
    async with talk(model) as t:
        first = t.says("uno")
        second = t.says("dos")
        await t.rests()

    assert [type(end) for end in t.endings()] == [ErrorOccurred, ResponseComplete]
    assert [end.turn_id for end in t.endings()] == [first, second]
    assert [m["content"] for m in t.session.conversation_history] == ["uno", "Emp", "dos", "Aquí estoy."]


@virtual
async def test_silent_model_ends_in_an_error_when_the_turn_is_over_its_time() -> None:
    settings = settings_with(turn_timeout_s=20)
    async with talk(ScriptedModel([[Pause(1000)]]), settings=settings) as t:
        t.says("¿hola?")
        await t.rests()

    (end,) = t.endings()
    assert end.error.code == "turn_timeout"
    assert t.times[t.seen.index(end)] == pytest.approx(20, abs=1)


@virtual
async def test_empty_answer_is_one_sentence_and_no_empty_message() -> None:
    async with talk(ScriptedModel([[]])) as t:
        turn = t.says("¿?")
        await t.rests()

    assert t.answer(turn)
    assert [(type(end), end.turn_id) for end in t.endings()] == [(ResponseComplete, turn)]
    assert [m["role"] for m in t.session.conversation_history] == ["user"]


@pytest.mark.parametrize("result", ["", None, 0, False, [], {}])
def test_an_empty_result_is_told_too(result: object) -> None:
    @virtual
    async def scenario() -> None:
        shop = Workshop()
        script = [calls(("slow", {"seconds": 3, "result": result})), says("Voy."), says("Ya.")]
        async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
            t.says("ve")
            await t.rests()

        assert t.answers() == ["Voy.", "Ya."]
        assert orjson.loads(last_text(t.model.requests[2]))["result"] == result

    scenario()


@virtual
async def test_a_telling_that_fails_is_tried_again_and_told_once() -> None:
    shop = Workshop()
    script = [
        calls(("slow", {"seconds": 3})),
        says("Voy."),
        [Fails(LlmUnavailable())],
        says("Ya está."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.rests()

    assert t.answers() == ["Voy.", "Ya está."]
    tool_messages = [m for m in t.session.conversation_history if m["role"] == "tool"]
    assert len(tool_messages) == 2


@virtual
async def test_a_result_that_the_model_will_not_tell_is_told_by_the_server() -> None:
    shop = Workshop()
    script = [
        calls(("slow", {"seconds": 3, "result": "x" * 500})),
        says("Voy."),
        [Fails(LlmUnavailable())],
        [Fails(LlmUnavailable())],
        [Fails(LlmUnavailable())],
        says("De nada."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.rests()
        t.says("gracias")
        await t.rests()

    plain = t.answers()[1]
    assert "slow" in plain
    assert "x" * 200 in plain
    assert "x" * 201 not in plain
    assert t.answers()[2] == "De nada."
    assert t.model.is_finished


@virtual
async def test_a_refused_result_leaves_the_history_so_that_the_talk_lives_on() -> None:
    shop = Workshop()

    def answer(request):
        if any("prohibido" in str(m["content"]) for m in request.messages):
            return [Fails(ContentFiltered())]
        if last_text(request) == "ve":
            return calls(("slow", {"seconds": 3, "result": "prohibido"}))
        return says("Bien.")

    async with talk(ScriptedModel(answer), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.rests()
        after = t.says("¿sigues ahí?")
        await t.rests()

    assert t.answer(after) == "Bien."
    assert "prohibido" in t.answers()[1]


@virtual
async def test_a_refused_text_leaves_the_history_so_that_the_talk_lives_on() -> None:
    def answer(request):
        is_bad = any("veneno" in str(m["content"]) for m in request.messages)
        return [Fails(ContentFiltered())] if is_bad else says("Bien.")

    async with talk(ScriptedModel(answer)) as t:
        t.says("hola")
        t.says("veneno")
        t.says("¿y ahora?")
        await t.rests()

    assert [type(end) for end in t.endings()] == [ResponseComplete, ErrorOccurred, ResponseComplete]


@virtual
async def test_a_write_runs_once_however_often_the_model_asks() -> None:
    shop = Workshop()
    write = ("send", {"tag": "a", "result": "enviado"})
    script = [calls(write), calls(write), calls(write, write), says("Enviado.")]
    async with talk(ScriptedModel(script), [shop.tool("send", "write")]) as t:
        t.says("envíalo")
        await t.rests()

    assert shop.runs == [("send", "a")]
    repeated = orjson.loads(last_text(t.model.requests[2]))
    assert repeated["result"] == "enviado"


@virtual
async def test_a_write_runs_again_when_the_user_asks_again() -> None:
    shop = Workshop()
    write = ("send", {"tag": "a"})
    script = [calls(write), says("Enviado."), calls(write), says("Otra vez.")]
    async with talk(ScriptedModel(script), [shop.tool("send", "write")]) as t:
        t.says("envíalo")
        t.says("otra vez")
        await t.rests()

    assert shop.runs == [("send", "a")] * 2


@virtual
async def test_a_write_that_failed_may_be_tried_again() -> None:
    shop = Workshop()
    script = [calls(("send", {"fails": True})), calls(("send", {"fails": True})), says("No hay manera.")]
    async with talk(ScriptedModel(script), [shop.tool("send", "write")]) as t:
        t.says("envíalo")
        await t.rests()

    assert len(shop.runs) == 2


@virtual
async def test_a_write_that_timed_out_is_not_run_again() -> None:
    shop = Workshop()
    settings = settings_with(tool_timeout_s=0.5)
    script = [calls(("send", {"seconds": 60})), calls(("send", {"seconds": 60})), says("No lo sé.")]
    async with talk(ScriptedModel(script), [shop.tool("send", "write")], settings) as t:
        t.says("envíalo")
        await t.rests()

    assert len(shop.runs) == 1
    answer = orjson.loads(last_text(t.model.requests[2]))
    assert answer["status"] == "timed_out"
    assert "outcome unknown" in answer["error"]


@virtual
async def test_a_write_that_still_runs_is_not_run_again_by_the_next_text() -> None:
    shop = Workshop()
    write = ("send", {"seconds": 10})
    script = [calls(write), says("Voy."), calls(write), says("Sigue en marcha."), says("Hecho.")]
    async with talk(ScriptedModel(script), [shop.tool("send", "write")]) as t:
        t.says("envíalo")
        await t.passes(3)
        t.says("¿qué tal va?")
        await t.rests()

    assert len(shop.runs) == 1
    assert orjson.loads(last_text(t.model.requests[3]))["status"] == "running"
    assert t.answers() == ["Voy.", "Sigue en marcha.", "Hecho."]


@virtual
async def test_tool_rounds_end_with_a_plain_sentence() -> None:
    shop = Workshop()
    settings = settings_with(max_tool_rounds=3)
    model = ScriptedModel(lambda r: calls(("work", {})))
    async with talk(model, [shop.tool("work")], settings) as t:
        t.says("venga")
        await t.rests()

    assert len(shop.runs) == 3
    assert "demasiadas herramientas" in t.answers()[0]


@virtual
async def test_calls_over_the_limit_of_an_answer_are_refused() -> None:
    shop = Workshop()
    settings = settings_with(max_tool_calls=3)
    script = [calls(*(("work", {"tag": str(n)}) for n in range(200))), says("Listo.")]
    async with talk(ScriptedModel(script), [shop.tool("work")], settings) as t:
        t.says("todo")
        await t.rests()

    assert len(shop.runs) == 3
    statuses = [orjson.loads(m["content"])["status"] for m in t.model.requests[1].messages[-200:]]
    assert statuses == ["done"] * 3 + ["failed"] * 197


@virtual
async def test_agent_turns_without_end_are_stopped_by_taking_the_tools_away() -> None:
    shop = Workshop()
    settings = settings_with(max_agent_turns=2)

    def answer(request):
        started = any("running" in str(m["content"]) for m in request.messages[-1:])
        if request.tools and not started:
            return calls(("slow", {"seconds": 2, "tag": str(len(request.messages))}))
        return says("Ya.")

    async with talk(ScriptedModel(answer), [shop.tool("slow")], settings) as t:
        t.says("sin fin")
        await t.rests()

    assert len(shop.runs) == 3
    assert t.model.requests[-1].tools == []


@virtual
async def test_an_answer_without_end_is_cut_at_its_limit() -> None:
    settings = settings_with(max_response_chars=1000)
    async with talk(ScriptedModel([[Says("palabra ")] * 1000]), settings=settings) as t:
        turn = t.says("cuenta")
        await t.rests()

    assert len(t.answer(turn)) == 1000
    assert [(end.turn_id, end.finish_reason) for end in t.endings()] == [(turn, "length")]


@virtual
async def test_text_before_a_tool_call_is_said_and_kept() -> None:
    shop = Workshop()
    model = ScriptedModel([[Says("Voy a mirar."), Calls([("work", {})])], says("Mirado.")])
    async with talk(model, [shop.tool("work")]) as t:
        t.says("mira")
        await t.rests()

    assert t.answers() == ["Voy a mirar.\n\nMirado."]
    roles = [(m["role"], m["content"]) for m in t.session.conversation_history if m["role"] == "assistant"]
    assert roles == [("assistant", "Voy a mirar."), ("assistant", "Mirado.")]


@virtual
async def test_an_unknown_tool_and_bad_arguments_are_told_to_the_model() -> None:
    shop = Workshop()
    script = [
        calls(("../etc passwd", {}), ("work", "{nope"), ("work", {"seconds": "mucho"}), ("work", "[1]")),
        says("Perdón."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("work")]) as t:
        t.says("prueba")
        await t.rests()

    assert shop.runs == []
    answers = [orjson.loads(m["content"]) for m in t.model.requests[1].messages[-4:]]
    assert all(a["status"] == "failed" for a in answers)
    assert "work" in answers[0]["error"]
    assert "seconds" in answers[2]["error"]
    assert [e.status for e in t.events(ToolFinished)] == ["failed"] * 4


@virtual
async def test_closing_cancels_the_turn_and_the_tools() -> None:
    shop = Workshop()
    script = [calls(("slow", {"seconds": 100})), [Says("Voy"), Pause(1000)]]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("ve")
        await t.passes(5)

    assert t.finished_tools() == [("slow", "cancelled")]
    assert t.endings() == []


@virtual
async def test_a_text_too_long_for_the_budget_is_refused_and_the_history_stays() -> None:
    settings = settings_with(max_history_tokens=500)
    async with talk(ScriptedModel(lambda r: says("Sí.")), settings=settings) as t:
        t.says("hola")
        t.says("x" * 5000)
        t.says("¿te acuerdas?")
        await t.rests()

    ends = t.endings()
    assert ends[1].error.code == "context_too_long"
    assert [m["content"] for m in t.model.requests[-1].messages[1:]] == ["hola", "Sí.", "¿te acuerdas?"]


@virtual
async def test_a_result_beside_a_hopeless_one_is_shown_to_the_model_anew() -> None:
    shop = Workshop()
    script = [
        calls(("slow", {"seconds": 3, "result": "r1"}), ("slow", {"seconds": 3.1, "result": "r2"})),
        says("Voy."),
        [Pause(1), Fails(LlmUnavailable())],
        [Fails(LlmUnavailable())],
        [Fails(LlmUnavailable())],
        says("Y el segundo."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("slow")]) as t:
        t.says("dos cosas")
        await t.rests()

    assert [answer[-2:] for answer in t.answers()] == ["y.", "r1", "o."]
    assert orjson.loads(last_text(t.model.requests[-1]))["result"] == "r2"


@virtual
async def test_a_write_that_ended_unheard_is_not_run_again_by_the_next_text() -> None:
    shop = Workshop()
    write = ("send", {"seconds": 3, "result": "enviado"})
    script = [
        calls(write),
        says("Voy."),
        [Says("Un "), Pause(4), Says("momento.")],
        calls(write),
        says("Ya se envió."),
        says("Enviado."),
    ]
    async with talk(ScriptedModel(script), [shop.tool("send", "write")]) as t:
        t.says("envíalo")
        await t.passes(2)
        t.says("¿y la hora?")
        t.says("¿lo has enviado?")
        await t.rests()

    assert len(shop.runs) == 1
    assert orjson.loads(last_text(t.model.requests[4]))["result"] == "enviado"


@virtual
async def test_an_answer_of_blanks_is_an_empty_one() -> None:
    async with talk(ScriptedModel([says(" ", "\n")])) as t:
        turn = t.says("¿?")
        await t.rests()

    assert t.answer(turn).strip()
    assert [m["role"] for m in t.session.conversation_history] == ["user"]


@virtual
async def test_the_sentence_about_too_many_rounds_is_never_cut() -> None:
    shop = Workshop()
    settings = settings_with(max_tool_rounds=1, max_response_chars=10)
    async with talk(ScriptedModel(lambda r: calls(("work", {}))), [shop.tool("work")], settings) as t:
        turn = t.says("venga")
        await t.rests()

    assert t.answer(turn).endswith("lo dejo aquí.")


@virtual
async def test_text_over_which_something_breaks_outside_of_its_turn_ends_in_an_error() -> None:
    async with talk(ScriptedModel([says("Sí.")])) as t:
        add_user, broken = t.session.conversation_history.add_user, ["turn"]

        def breaks(text: str) -> None:
            if broken:
                broken.pop()
                raise ZeroDivisionError
            add_user(text)

        t.session.conversation_history.add_user = breaks
        turns = [t.says("uno"), t.says("dos")]
        await t.rests()

    assert [(type(end), end.turn_id) for end in t.endings()] == [
        (ErrorOccurred, turns[0]),
        (ResponseComplete, turns[1]),
    ]


@virtual
async def test_bug_after_the_ending_of_a_text_brings_no_second_one() -> None:
    async with talk(ScriptedModel([says("Sí."), says("No.")])) as t:
        drop, broken = t.conversation.drafts.drop, ["turn"]

        def breaks() -> None:
            drop()
            if broken and t.endings():
                broken.pop()
                raise ZeroDivisionError

        t.conversation.drafts.drop = breaks
        turns = [t.says("uno"), t.says("dos")]
        await t.rests()

    assert not broken
    assert [(type(end), end.turn_id) for end in t.endings()] == [(ResponseComplete, turn) for turn in turns]


@pytest.mark.parametrize(
    "say",
    [
        lambda talk: talk.hear("tarde", "c1"),
        lambda talk: talk.hear("tarde", interrupts=True),
        lambda talk: talk.hear_speech("tarde", "u1"),
        lambda talk: talk.hear_clip(NothingHeard, "u1"),
        lambda talk: talk.inject(InjectedMessage("tarde", "say")),
    ],
    ids=["text", "interruption", "speech", "recording", "contribution"],
)
def test_talk_that_has_ended_takes_nothing_in(say: Callable[[Conversation], object]) -> None:
    """Its client has no receipt, and says it again where the talk goes on."""

    @virtual
    async def test() -> None:
        async with talk(ScriptedModel([says("Hola.")])) as t:
            t.says("hola")
            await t.rests()
            t.session.journal = journal = SlowJournal(0)
            await t.conversation.aclose()
            say(t.conversation)
            await t.passes(5)

            assert not t.conversation.is_busy
            assert journal.written == []
        assert len(t.accepted()) == 1

    test()
