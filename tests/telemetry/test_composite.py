"""Two who look see the same."""

from app.errors import LlmCut
from app.protocol.events import ResponseComplete
from app.telemetry.composite import CompositeTelemetry
from tests.support.onlooker import Onlooker
from tests.support.scripted import Fails, Says, ScriptedModel, says
from tests.support.talk import talk
from tests.support.virtual_time import virtual


@virtual
async def test_each_sees_all_events_and_calls():
    one, other = Onlooker(), Onlooker()
    telemetry = CompositeTelemetry(one, other)
    telemetry.resumed("gap")
    telemetry.connection_ended("normal")
    async with talk(ScriptedModel([says("Hola."), [Says("Pu"), Fails(LlmCut())]])) as t:
        t.session.observer = telemetry.observer("s1")
        for text in ("uno", "dos"):
            t.says(text)
            await t.rests()
        t.session.observer.closed()

    assert one == other
    assert one.news == [("resumed", "gap"), ("connection", "normal"), ("opened", "s1"), ("closed", "")]
    assert [(call.finish_reason, call.error) for call in one.calls] == [("stop", ""), ("", "LlmCut")]
    assert len(one.of(ResponseComplete)) == 1
