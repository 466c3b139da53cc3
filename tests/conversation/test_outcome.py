"""What a turn's end is called, and what the store and clients are told of it, case by case."""

from typing import Any, get_args

import pytest

from app.conversation.outcome import FOLLOWING, OutcomeKind, TurnOutcome, outcome_of, outcome_of_cut
from app.conversation.turn import Cut, Turn, TurnEnd
from app.errors import AgentError, ContentFiltered, LlmBadResponse, LlmUnavailable, TurnTimeout
from app.protocol.events import ErrorOccurred, Interrupted, ResponseComplete, Timings
from tests.support.scripted import ScriptedModel
from tests.support.stage import stage

ANSWERED = TurnEnd("stop", None)
TIMINGS = Timings(0, 0, 0)


async def a_turn(source: Any, spoken: str = "", **values: Any) -> Turn:
    async with stage(ScriptedModel([])) as s:
        turn = s.turns.begin("turn_1", source)
    turn.spoken = [spoken] if spoken else []
    for name, value in values.items():
        setattr(turn, name, value)
    return turn


@pytest.mark.parametrize("source", ["user", "tool", "agent"])
@pytest.mark.parametrize(
    ("end", "kind"),
    [
        (ANSWERED, "answered"),
        (TurnEnd("length", None), "answered"),
        (LlmUnavailable(), "failed"),
        (TurnTimeout("over 60 s"), "failed"),
        (ContentFiltered("x"), "refused"),
    ],
)
async def test_turn_that_ran_to_its_end(source: Any, end: TurnEnd | AgentError, kind: OutcomeKind) -> None:
    outcome = outcome_of(await a_turn(source, "Pues"), end)

    assert (outcome.kind, outcome.text) == (kind, "Pues")
    assert outcome.error is (end if isinstance(end, AgentError) else None)


@pytest.mark.parametrize(("source", "kind"), [("user", "answered"), ("tool", "failed"), ("agent", "failed")])
async def test_agents_own_turn_that_says_nothing_has_failed(source: Any, kind: OutcomeKind) -> None:
    outcome = outcome_of(await a_turn(source), ANSWERED)

    assert outcome.kind == kind
    assert isinstance(outcome.error, LlmBadResponse) is (kind == "failed")


@pytest.mark.parametrize(
    ("cut", "source", "place", "has_called", "kind"),
    [
        ("interrupted", "user", None, False, "interrupted"),
        ("interrupted", "agent", 3, False, "interrupted"),
        ("replaced", "user", None, False, "replaced"),
        ("cut_off", "user", None, False, "cut_off"),
        ("cut_off", "agent", 3, False, "cut_off"),
        ("stopped", "user", None, False, "left_open"),
        ("stopped", "user", None, True, "left_open"),
        ("stopped", "tool", None, False, "cut_off"),
        ("stopped", "agent", None, False, "cut_off"),
        ("stopped", "agent", 3, False, "put_back"),
        ("stopped", "agent", 3, True, "cut_off"),
    ],
)
async def test_turn_that_was_cut(
    cut: Cut, source: Any, place: int | None, has_called: bool, kind: OutcomeKind
) -> None:
    turn = await a_turn(source, "uno dos", cut=cut, place=place, _has_called=has_called)

    assert outcome_of_cut(turn, "uno") == TurnOutcome(kind, "uno")


def test_every_outcome_is_told_to_the_store_and_to_clients_as_it_is() -> None:
    told = {kind: (following.stored, following.shown) for kind, following in FOLLOWING.items()}

    assert told.keys() == set(get_args(OutcomeKind))
    assert told == {
        "answered": ("ok", "complete"),
        "interrupted": ("interrupted", "interrupted"),
        "replaced": ("interrupted", "interrupted"),
        "cut_off": ("interrupted", None),
        "left_open": (None, None),
        "put_back": (None, None),
        "failed": ("failed", "failed"),
        "refused": ("refused", "failed"),
    }


async def test_last_words_of_each() -> None:
    turn, error = await a_turn("tool", "Pues"), LlmUnavailable()

    def events(outcome: TurnOutcome) -> list[Any]:
        return outcome.events(turn, TIMINGS, durable=True)

    cut = [Interrupted("turn_1", "Pu"), ResponseComplete("turn_1", "interrupted", None, "Pu", TIMINGS, True)]
    assert events(TurnOutcome("answered", "Pues", ANSWERED)) == [
        ResponseComplete("turn_1", "stop", None, "Pues", TIMINGS, True)
    ]
    assert events(TurnOutcome("failed", "Pues", error=error)) == [ErrorOccurred(error, "turn_1")]
    assert events(TurnOutcome("interrupted", "Pu")) == events(TurnOutcome("replaced", "Pu")) == cut
