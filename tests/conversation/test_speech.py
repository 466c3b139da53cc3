"""A talk that is spoken: texts that go on, recordings, turns that are heard, and who speaks when."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from app.conversation.injected_message import InjectedMessage
from app.errors import NothingHeard, QueueFull, WorkerFailed
from app.llm.base import ChatRequest
from app.protocol.events import (
    AudioComplete,
    ErrorOccurred,
    Interrupted,
    MessageAccepted,
    ResponseComplete,
    StateChanged,
    TranscriptHeard,
    TurnStarted,
)
from app.protocol.v2.history import describe_entry
from app.speech.base import Transcription
from app.speech.output.tts_output import SpeechTarget, TtsOutput, VoiceChoice
from tests.support.context import settings_with
from tests.support.scripted import Pause, Says, ScriptedModel, calls, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual
from tests.support.voices import CommaSplitter, WordySynthesiser


def roles(t: Talk) -> list[tuple[str, Any]]:
    return [(m["role"], m["content"]) for m in t.session.conversation_history if m["role"] != "tool"]


@asynccontextmanager
async def spoken(t: Talk) -> AsyncIterator[TtsOutput]:
    """Gives a talk a voice."""
    speech_output = TtsOutput(
        SpeechTarget("s1", t.session.emit, lambda: "es", t.session.outbox.drop_sound),
        WordySynthesiser(),
        VoiceChoice(),
        CommaSplitter,
    )
    speech_output.on_correction = t.conversation.correct
    t.session.speech_output = speech_output
    try:
        yield speech_output
    finally:
        await t.conversation.aclose()
        await speech_output.aclose()


# Texts that are said aloud


@virtual
async def test_receipt_of_what_was_said_names_its_utterance():
    async with talk(ScriptedModel([says("Sí.")])) as t:
        turn_id = t.conversation.hear_speech("hola", "u1")
        await t.rests()

    assert t.events(MessageAccepted) == [MessageAccepted(turn_id, None, False, "u1")]


@virtual
async def test_text_that_goes_on_takes_the_place_of_the_one_before():
    async with talk(ScriptedModel([[Pause(10)], says("Las tres.")])) as t:
        first = t.conversation.hear_speech("qué hora es", "u1")
        await t.passes(1)
        assert t.conversation.replace(first)
        second = t.conversation.hear_speech("qué hora es en Tokio", "u1", replaces=first)
        await t.rests()

    assert roles(t) == [("user", "qué hora es en Tokio"), ("assistant", "Las tres.")]
    assert t.events(Interrupted) == [Interrupted(first, "")]
    assert [(e.turn_id, e.finish_reason) for e in t.endings()] == [(first, "interrupted"), (second, "stop")]
    assert [entry["content"] for entry in [describe_entry(e) for e in t.session.transcript]] == [
        "qué hora es en Tokio",
        "Las tres.",
    ]


@virtual
async def test_text_that_still_waits_can_be_replaced_too():
    async with talk(ScriptedModel([[Pause(5), Says("a")], says("b")])) as t:
        t.says("uno")
        await t.passes(1)
        waiting = t.conversation.hear_speech("dos", "u1")
        assert t.conversation.replace(waiting)
        t.conversation.hear_speech("dos tres", "u1", replaces=waiting)
        await t.rests()

    assert [content for role, content in roles(t) if role == "user"] == ["uno", "dos tres"]
    assert len(t.endings()) == 3


@virtual
async def test_turn_that_has_ended_cannot_be_replaced():
    async with talk(ScriptedModel([says("Sí.")])) as t:
        turn_id = t.conversation.hear_speech("hola", "u1")
        await t.rests()

        assert not t.conversation.replace(turn_id)


@virtual
async def test_reads_of_a_replaced_turn_end_and_are_not_told():
    workshop = Workshop()
    model = ScriptedModel([calls(("look", {"seconds": 9})), says("Hecho.")])
    async with talk(model, [workshop.tool("look")]) as t:
        first = t.conversation.hear_speech("mira", "u1")
        await t.passes(0.5)
        t.conversation.replace(first)
        t.conversation.hear_speech("mira bien", "u1", replaces=first)
        await t.rests()

    assert t.finished_tools() == [("look", "cancelled")]
    assert t.answers() == ["", "Hecho."]


@virtual
async def test_write_of_a_replaced_turn_happens_once():
    workshop = Workshop()
    write = ("send", {"seconds": 3, "tag": "x"})
    model = ScriptedModel([calls(write), calls(write), says("Hecho."), says("Ya.")])
    async with talk(model, [workshop.tool("send", "write")]) as t:
        first = t.conversation.hear_speech("envía", "u1")
        await t.passes(0.5)
        t.conversation.replace(first)
        t.conversation.hear_speech("envía ya", "u1", replaces=first)
        await t.rests()

    assert workshop.runs == [("send", "x")]


# Recordings


async def heard_after(seconds: float, text: str) -> Transcription:
    await asyncio.sleep(seconds)
    return Transcription(text, "es")


@virtual
async def test_recording_is_received_then_understood_then_answered_in_its_place():
    async with talk(ScriptedModel([says("a"), says("b")])) as t:
        first = t.conversation.hear_clip(lambda: heard_after(3, "hola"), "u1")
        second = t.says("y ahora")
        await t.rests()

    kinds = [type(e) for e in t.events(MessageAccepted, TranscriptHeard, TurnStarted)]
    assert kinds == [MessageAccepted, MessageAccepted, TranscriptHeard, TurnStarted, TurnStarted]
    assert [e.turn_id for e in t.endings()] == [first, second]
    assert [content for role, content in roles(t) if role == "user"] == ["hola", "y ahora"]


@pytest.mark.parametrize(("text", "error"), [("", NothingHeard), ("x", WorkerFailed)])
def test_recording_that_cannot_be_understood_ends_in_one_error_and_the_next_text_is_answered(
    text: str, error: type
):
    async def recognise() -> Transcription:
        if text:
            raise WorkerFailed("gone")
        return Transcription("", "es")

    @virtual
    async def run() -> None:
        async with talk(ScriptedModel([says("b")])) as t:
            first = t.conversation.hear_clip(recognise, "u1")
            t.says("hola")
            await t.rests()

        failed, answered = t.endings()
        assert isinstance(failed, ErrorOccurred) and isinstance(failed.error, error)
        assert failed.turn_id == first
        assert isinstance(answered, ResponseComplete)
        assert [entry["content"] for entry in [describe_entry(e) for e in t.session.transcript]] == [
            "hola",
            "b",
        ]

    run()


@virtual
async def test_recordings_that_wait_are_as_many_as_texts_may():
    async with talk(ScriptedModel([]), settings=settings_with(max_queued_messages=1)) as t:
        for _ in range(2):
            t.conversation.hear_clip(lambda: heard_after(99, "hola"), "u1")
        with pytest.raises(QueueFull):
            t.conversation.hear_clip(lambda: heard_after(99, "hola"), "u1")


# Turns that are heard


@virtual
async def test_spoken_turn_ends_when_its_sound_has_been_heard():
    async with talk(ScriptedModel([says("uno dos tres cuatro cinco")])) as t, spoken(t):
        t.says("cuenta")
        await t.rests()

        assert asyncio.get_running_loop().time() >= 1
        kinds = [type(e) for e in t.events(AudioComplete, ResponseComplete, StateChanged)]
        assert kinds[-3:] == [AudioComplete, ResponseComplete, StateChanged]
        [complete] = t.events(ResponseComplete)
        assert complete.timings.first_audio == 0


@virtual
async def test_history_keeps_of_an_interrupted_turn_what_was_heard_and_not_what_was_written():
    async with talk(ScriptedModel([says("uno dos tres cuatro cinco")])) as t, spoken(t):
        t.says("cuenta")
        await t.passes(0.5)
        t.drain()
        t.conversation.interrupt()
        await t.rests()

        [interrupted] = t.events(Interrupted)
        [complete] = t.events(ResponseComplete)
        assert interrupted.heard == complete.text == "uno dos"
        assert roles(t) == [("user", "cuenta"), ("assistant", "uno dos")]


@virtual
async def test_late_report_corrects_the_history_and_what_a_page_shows():
    async with talk(ScriptedModel([says("uno dos tres cuatro cinco")])) as t, spoken(t) as speech_output:
        turn_id = t.says("cuenta")
        await t.passes(0.5)
        t.conversation.interrupt()
        await t.rests()
        speech_output.report(turn_id, 650)

        assert roles(t)[-1] == ("assistant", "uno dos tres")
        assert [describe_entry(e) for e in t.session.transcript][-1]["content"] == "uno dos tres"


@virtual
async def test_what_a_back_end_has_the_agent_say_can_be_interrupted():
    async with talk(ScriptedModel([])) as t, spoken(t):
        t.conversation.inject(InjectedMessage("uno dos tres cuatro", "say"))
        await t.passes(0.25)
        t.conversation.interrupt()
        await t.rests()

        assert roles(t) == [("assistant", "uno")]


# Who speaks when


@virtual
async def test_result_waits_while_the_user_speaks():
    workshop = Workshop()
    model = ScriptedModel([calls(("look", {"seconds": 3})), says("Voy."), says("Ya está.")])
    async with talk(model, [workshop.tool("look")]) as t:
        t.says("mira")
        await t.passes(2)
        t.conversation.hold(True)
        await t.passes(10)
        assert t.answers() == ["Voy."]

        t.conversation.hold(False)
        await t.rests()

    assert t.answers() == ["Voy.", "Ya está."]


@virtual
async def test_text_is_answered_although_the_user_speaks():
    async with talk(ScriptedModel([says("Sí.")])) as t:
        t.conversation.hold(True)
        t.says("hola")
        await t.rests()

    assert t.answers() == ["Sí."]


@virtual
async def test_turn_that_ends_while_the_user_speaks_leaves_a_session_that_listens():
    async with talk(ScriptedModel([says("Sí.")])) as t:
        t.session.is_heard_speaking = True
        t.says("hola")
        await t.rests()

        assert t.events(StateChanged)[-1] == StateChanged("listening")


# How the user seems to feel


@virtual
async def test_model_is_told_of_the_users_mood_beside_the_text_and_for_its_turn_alone():
    model = ScriptedModel([says("Perdona."), says("Cuatro.")])
    async with talk(model) as t:
        t.says("Otra vez mal, ya te lo he dicho y no funciona nada")
        await t.rests()
        t.says("¿Cuánto es 2+2?")
        await t.rests()

    first, second = model.requests
    assert [m["role"] for m in first.messages] == ["system", "system", "user"]
    assert "frustrado" in first.messages[1]["content"]
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert not any("frustrado" in str(m["content"]) for m in t.session.conversation_history)


@virtual
async def test_mood_is_not_judged_where_it_is_switched_off():
    model = ScriptedModel([says("Vale.")])
    async with talk(model, settings=settings_with(emotion=False)) as t:
        t.says("Otra vez mal, ya te lo he dicho y no funciona nada")
        await t.rests()

    assert [m["role"] for m in model.requests[0].messages] == ["system", "user"]


@virtual
async def test_model_is_told_beside_the_text_that_its_answer_is_heard_for_as_long_as_it_is():
    model = ScriptedModel([says("Las dos."), says("Las tres.")])
    async with talk(model) as t, spoken(t) as speech_output:
        t.says("¿Qué hora es?")
        await t.rests()
        speech_output.set_on(False)
        t.says("¿Y ahora?")
        await t.rests()

    first, second = model.requests
    assert [m["role"] for m in first.messages] == ["system", "system", "user"]
    assert "en voz alta" in first.messages[1]["content"] and first.messages[1].get("note") == "aside"
    assert [m["role"] for m in second.messages] == ["system", "user", "assistant", "user"]
    assert not any("en voz alta" in str(m["content"]) for m in t.session.conversation_history)


@virtual
async def test_turn_in_which_something_breaks_falls_silent_when_its_words_have_been_heard():
    def breaks(request: ChatRequest) -> Any:
        yield Says("Uno dos, tres.")
        raise ZeroDivisionError

    async with talk(ScriptedModel(breaks)) as t, spoken(t) as speech_output:
        t.says("hola")
        await t.rests()

        assert [type(end) for end in t.endings()] == [ErrorOccurred]
        assert speech_output.audible_turn is None
        assert len(t.events(AudioComplete)) == 1


@virtual
async def test_turn_in_which_something_breaks_can_still_be_interrupted():
    def breaks(request: ChatRequest) -> Any:
        yield Says("Uno dos tres cuatro cinco seis siete ocho.")
        raise ZeroDivisionError

    async with talk(ScriptedModel(breaks)) as t, spoken(t):
        turn_id = t.says("hola")
        await t.passes(0.7)
        t.conversation.interrupt()
        await t.passes(0.1)

        assert [e.turn_id for e in t.events(Interrupted)] == [turn_id]
        assert not t.conversation.is_busy


# The server stops

LONG = "uno, dos, tres, cuatro, cinco, seis, siete, ocho, nueve, diez."
"""Two seconds of sound."""


@pytest.mark.parametrize(
    "leaves_s", [0.0, 0.5, 1.8], ids=["before it sounds", "in the middle", "near the end"]
)
@pytest.mark.parametrize("stops_s", [0.0, 3.0], ids=["while it stops", "before it stops"])
def test_nobody_waits_for_sound_that_waits_for_a_client_that_is_away(leaves_s: float, stops_s: float):
    @virtual
    async def test() -> None:
        async with talk(ScriptedModel([says(LONG)])) as t, spoken(t) as speech_output:
            if leaves_s == 0:
                speech_output.client_left()
            t.says("cuenta")
            await t.passes(0.1)
            stopping = None if stops_s else asyncio.create_task(t.conversation.finish_turn())
            await t.passes(leaves_s)
            speech_output.client_left()
            await t.passes(stops_s)
            before = t.loop.time()
            await (stopping or t.conversation.finish_turn())
            waited = t.loop.time() - before
            await t.conversation.cut_off(stays_open=True)

        assert waited < 1
        assert t.events(ResponseComplete) == []
        assert len(roles(t)[-1][1]) < len(LONG)

    test()


@virtual
async def test_stop_waits_for_the_text_that_is_still_made_for_a_client_that_is_away():
    async with (
        talk(ScriptedModel([[Says("uno, "), Pause(5), Says("dos.")]])) as t,
        spoken(t) as speech_output,
    ):
        t.says("cuenta")
        await t.passes(0.1)
        speech_output.client_left()
        before = t.loop.time()
        await t.conversation.finish_turn()

        assert 4 < t.loop.time() - before < 6


@virtual
async def test_stop_waits_for_sound_that_is_heard():
    async with talk(ScriptedModel([says(LONG)])) as t, spoken(t) as speech_output:
        t.says("cuenta")
        await t.passes(0.1)
        speech_output.client_left()
        speech_output.client_came()
        await t.conversation.finish_turn()

        assert t.answers() == [LONG]
