"""What is counted of the talks."""

from app.chat import TokenUsage
from app.errors import LlmCut, ServerRestarted
from app.protocol.events import ErrorOccurred, ResponseComplete, SpeechStopped, Timings, TurnStarted
from app.telemetry.metrics_recorder import BUCKETS_S, Durations, MetricsRecorder
from tests.support.context import settings_with
from tests.support.scripted import Ends, Fails, Pause, Says, ScriptedModel, calls, says
from tests.support.talk import Talk, Workshop, talk
from tests.support.virtual_time import virtual


def counted(t: Talk, *tools: str) -> MetricsRecorder:
    metrics = MetricsRecorder(tools)
    t.session.observer = metrics.observer("s1")
    return metrics


def some(counts: dict[tuple[str, str], int]) -> dict[tuple[str, str], int]:
    return {key: count for key, count in counts.items() if count}


@virtual
async def test_turns_are_counted_by_source_and_ending_and_their_stages_are_timed():
    shop = Workshop()
    script = [
        calls(("slow", {"seconds": 5})),
        says("Voy."),
        says("Ya."),
        [Says("Pu"), Fails(LlmCut())],
        [Says("La"), Pause(60)],
        [Pause(0.3), Says("mu"), Ends("length")],
    ]
    settings = settings_with(tool_inline_wait_s=0.1)
    async with talk(ScriptedModel(script), [shop.tool("slow")], settings) as t:
        metrics = counted(t, "slow")
        for text in ("ve", "otra"):
            t.says(text)
            await t.rests()
        t.says("habla")
        await t.passes(1)
        t.conversation.interrupt()
        t.says("mucho")
        await t.rests()

    assert some(metrics.turns) == {
        ("user", "stop"): 1,
        ("tool", "stop"): 1,
        ("user", "failed"): 1,
        ("user", "interrupted"): 1,
        ("user", "length"): 1,
    }
    assert metrics.errors == {"llm_cut": 1}
    assert some(metrics.tools) == {("slow", "done"): 1}
    assert sum(metrics.stages["total"].counts) == 4, "a turn that failed has no times"
    assert sum(metrics.stages["first_audio"].counts) == 0
    assert metrics.stages["first_token"].sum_s >= 0.3


@virtual
async def test_requests_to_the_model_are_counted_by_outcome_with_their_tokens():
    script = [[Says("a"), Ends("stop", TokenUsage(10, 5))], [Fails(LlmCut())], [Says("b"), Pause(60)]]
    async with talk(ScriptedModel(script)) as t:
        metrics = counted(t)
        for text in ("uno", "dos", "tres"):
            t.says(text)
            await t.passes(1)
        t.conversation.interrupt()
        await t.rests()

    assert metrics.model_calls == {"ok": 1, "llm_cut": 1, "interrupted": 1}
    assert metrics.model_tokens == {"input": 10, "output": 5}


@virtual
async def test_answer_that_grew_over_its_limit_was_cut():
    async with talk(ScriptedModel([says("a" * 20)]), settings=settings_with(max_response_chars=10)) as t:
        metrics = counted(t)
        t.says("uno")
        await t.rests()

    assert metrics.model_calls["cut"] == 1


@virtual
async def test_names_that_a_model_makes_up_are_counted_as_one():
    script = [calls(*((f"made_up_{n}", {}) for n in range(5)), ("look", {})), says("Ya.")]
    async with talk(ScriptedModel(script), [Workshop().tool("look")]) as t:
        metrics = counted(t, "look")
        t.says("ve")
        await t.rests()

    assert some(metrics.tools) == {("other", "failed"): 5, ("look", "done"): 1}


@virtual
async def test_a_persons_words_about_tools_are_counted():
    script = [
        calls(("act", {"tag": "a"}), ("act", {"tag": "b"}), ("act", {"tag": "c"}), ("look", {})),
        says("Voy."),
        says("Ya."),
        says("Ya."),
        says("Ya."),
    ]
    shop = Workshop()
    settings = settings_with(tool_approval="writes", approval_timeout_s=30, tool_inline_wait_s=0)
    async with talk(ScriptedModel(script), [shop.tool("act", "write"), shop.tool("look")], settings) as t:
        metrics = counted(t, "act", "look")
        t.says("ve")
        await t.passes(1)
        first, second, _ = (
            run.call_id for run in t.conversation.tools.running.values() if run.needed_approval
        )
        t.conversation.tools.approvals.answer(first, approved=True)
        t.conversation.tools.approvals.answer(second, approved=False)
        await t.rests()

    assert metrics.approvals == {"approved": 1, "denied": 1, "expired": 1}
    assert some(metrics.tools) == {("act", "done"): 1, ("act", "cancelled"): 2, ("look", "done"): 1}


def test_turn_without_an_end_is_abandoned_when_its_session_closes():
    metrics = MetricsRecorder([])
    observer = metrics.observer("s1")
    observer.saw(TurnStarted("t1", "agent"))
    observer.saw(TurnStarted("t2", "user"))
    observer.saw(ResponseComplete("t2", timings=Timings(0, None, 20)))
    observer.closed()
    observer.closed()

    assert some(metrics.turns) == {("agent", "abandoned"): 1, ("user", "stop"): 1}


def test_turns_of_an_earlier_server_are_told_as_errors_and_are_no_turns():
    metrics = MetricsRecorder([])
    metrics.observer("s1").saw(ErrorOccurred(ServerRestarted(), "t1"))

    assert metrics.errors == {"server_restarted": 1}
    assert some(metrics.turns) == {}


def test_only_speech_that_was_understood_has_a_time():
    metrics = MetricsRecorder([])
    observer = metrics.observer("s1")
    observer.saw(SpeechStopped("u1", empty=True, silence_ms=900))
    observer.saw(SpeechStopped("u2", empty=False, silence_ms=400))

    assert (sum(metrics.transcripts.counts), metrics.transcripts.sum_s) == (1, 0.4)


def test_duration_is_counted_in_the_smallest_bucket_that_holds_it():
    durations = Durations()
    for seconds in (0, 0.01, 0.0101, 120, 121):
        durations.add(seconds)

    assert durations.counts == [2, 1, *[0] * (len(BUCKETS_S) - 3), 1, 1]


def test_connections_and_returns_are_counted():
    metrics = MetricsRecorder([])
    metrics.connection_ended("slow_client")
    metrics.resumed("gap")

    assert metrics.connections["slow_client"] == 1
    assert metrics.resumes == {"ok": 0, "gap": 1, "refused": 0}
