"""What those who measure are told."""

from app.chat import TokenUsage
from app.errors import LlmCut
from app.protocol.events import AudioFrame, Notice, ResponseChunk, ResponseComplete, StateChanged
from app.session.observer import NOBODY
from tests.support.context import settings_with
from tests.support.onlooker import Onlooker
from tests.support.scripted import Ends, Fails, Pause, Says, ScriptedModel, calls, says
from tests.support.server import client_of, running_server
from tests.support.talk import Workshop, talk
from tests.support.v2_client import v2_client
from tests.support.virtual_time import virtual


def test_nobody_looks_where_nothing_is_measured():
    observer = NOBODY.observer("s1")
    observer.saw(Notice("hola"))
    with observer.model_call("t1", []) as call:
        call.completed("stop", None)
    observer.closed()


@virtual
async def test_observer_sees_all_but_tokens_and_sound():
    async with talk(ScriptedModel([says("uno ", "dos")])) as t:
        t.session.observer = onlooker = Onlooker()
        t.says("hola")
        await t.rests()
        t.session.emit(AudioFrame("t1", b"\0\0"))
        seen = t.events(object)

    untold = [event for event in seen if isinstance(event, ResponseChunk | AudioFrame)]
    assert len(untold) >= 2
    assert onlooker.events == [event for event in seen if event not in untold]


@virtual
async def test_each_request_of_a_turn_is_a_call_with_its_ending():
    shop = Workshop()
    usage = TokenUsage(10, 5)
    model = ScriptedModel([calls(("look", {})), [Says("Ya."), Ends("length", usage)]])
    async with talk(model, [shop.tool("look")]) as t:
        t.session.observer = onlooker = Onlooker()
        turn_id = t.says("mira")
        await t.rests()

    first, second = onlooker.calls
    assert [call.turn_id for call in onlooker.calls] == [turn_id, turn_id]
    assert (first.finish_reason, second.finish_reason, second.usage) == ("tool_calls", "length", usage)
    assert second.messages[-1]["role"] == "tool"
    assert first.error == second.error == ""


@virtual
async def test_call_that_fails_or_is_interrupted_has_no_completion():
    async with talk(ScriptedModel([[Says("Pu"), Fails(LlmCut())], [Says("La"), Pause(60)]])) as t:
        t.session.observer = onlooker = Onlooker()
        t.says("uno")
        await t.rests()
        t.says("dos")
        await t.passes(1)
        t.conversation.interrupt()
        await t.rests()

    assert [(call.finish_reason, call.error) for call in onlooker.calls] == [
        ("", "LlmCut"),
        ("", "CancelledError"),
    ]
    assert [e.finish_reason for e in onlooker.of(ResponseComplete)] == ["interrupted"]


async def test_sessions_connections_and_returns_are_told():
    onlooker = Onlooker()
    settings = settings_with(resume_ring_messages=2)
    model = ScriptedModel(lambda request: says("a", "b", "c"))
    async with running_server(settings, provider=model) as server, v2_client(server) as client:
        server.service.session_host.telemetry = onlooker
        await client.starts()
        await client.drops()
        await client.resumes()
        await client.says("hola")
        await client.hears_answer()
        await client.drops()
        client.last_seq = 1
        await client.resumes()
        await client.drops()
        await client.resumes(resume_token="x" * 43)
        await client.drops()

    resumed = [outcome for kind, outcome in onlooker.news if kind == "resumed"]
    assert onlooker.news[0] == ("opened", client.session_id)
    assert resumed == ["ok", "gap", "refused"]
    assert onlooker.news.count(("connection", "client_left")) == 3
    assert ("connection", "turned_away") in onlooker.news
    assert onlooker.news.count(("closed", "")) == 1


async def test_state_changes_of_v1_are_seen_although_they_are_not_sent():
    onlooker = Onlooker()
    async with running_server(provider=ScriptedModel([says("Hola")])) as server:
        server.service.session_host.telemetry = onlooker
        async with client_of(server) as client:
            await client.opens()
            await client.says("hola")
            await client.hears("response_complete")
        await server.is_empty()

    assert [event.state for event in onlooker.of(StateChanged)] == ["thinking", "speaking", "idle"]
