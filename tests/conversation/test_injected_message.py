"""A back end in a talk without sockets; over HTTP it is tested with its route."""

from app.conversation.injected_message import InjectedMessage
from app.errors import LlmUnavailable
from app.protocol.events import ErrorOccurred, ResponseComplete, TurnStarted
from tests.support.scripted import Fails, Pause, Says, ScriptedModel, says
from tests.support.talk import talk
from tests.support.virtual_time import virtual


@virtual
async def test_what_the_agent_is_told_to_say_is_a_turn_of_its_own() -> None:
    async with talk(ScriptedModel([])) as t:
        greeting = InjectedMessage("Hola.", "say")
        t.conversation.inject(greeting)
        await t.rests()

    assert t.events(TurnStarted) == [TurnStarted(greeting.turn_id, "agent")]
    assert t.answers() == ["Hola."]
    assert t.session.conversation_history.message_count == 1


@virtual
async def test_context_is_no_message_of_the_talk() -> None:
    async with talk(ScriptedModel([])) as t:
        t.conversation.inject(InjectedMessage("Sabe esto.", "context"))
        await t.rests()

    assert t.seen == []
    assert t.session.conversation_history.message_count == 0


@virtual
async def test_reaction_that_fails_is_an_error_that_v1_does_not_see() -> None:
    async with talk(ScriptedModel([[Fails(LlmUnavailable())], [], []])) as t:
        for _ in range(2):
            t.conversation.inject(InjectedMessage("Reacciona.", "prompt"))
        await t.rests()

    errors = t.events(ErrorOccurred)
    assert [error.error.code for error in errors] == ["llm_unavailable", "llm_bad_response"]
    assert all(error.is_agents for error in errors)


@virtual
async def test_reaction_can_be_interrupted() -> None:
    async with talk(ScriptedModel([[Says("Pues "), Pause(60)], says("Sí.")])) as t:
        wish = InjectedMessage("Reacciona.", "prompt")
        t.conversation.inject(wish)
        await t.passes(1)
        t.drain()
        t.conversation.interrupt(wish.turn_id)
        await t.rests()

    (complete,) = t.events(ResponseComplete)
    assert (complete.finish_reason, complete.text) == ("interrupted", "Pues ")


@virtual
async def test_the_servers_own_wish_is_no_word_of_others() -> None:
    async with talk(ScriptedModel([says("Hola.")])) as t:
        t.conversation.inject(InjectedMessage("Saluda.", "prompt", by="server"))
        await t.rests()

    assert not t.session.holds_outside
    assert t.answers() == ["Hola."]
