"""The events of a talk."""

import dataclasses
import inspect
from typing import get_args

from app.protocol import events
from app.protocol.events import (
    AudioFormat,
    AudioTerms,
    EmotionEstimate,
    EndedCall,
    ErrorOccurred,
    Event,
    Interrupted,
    MessageAccepted,
    ResponseChunk,
    ResponseComplete,
    RunningCall,
    SessionTerms,
    Spoken,
    Timings,
    ToolStarted,
    TurnStarted,
)

PARTS = {AudioFormat, AudioTerms, EmotionEstimate, EndedCall, RunningCall, SessionTerms, Spoken, Timings}
"""Values inside of events."""


def test_union_holds_every_event_of_the_module():
    declared = {
        value
        for value in vars(events).values()
        if inspect.isclass(value) and dataclasses.is_dataclass(value) and value.__module__ == events.__name__
    }

    assert set(get_args(Event)) == declared - PARTS


def test_everything_that_a_turn_says_carries_its_id():
    turns_own = (
        MessageAccepted,
        TurnStarted,
        ResponseChunk,
        ResponseComplete,
        ToolStarted,
        Interrupted,
        ErrorOccurred,
    )
    for event in turns_own:
        assert "turn_id" in {field.name for field in dataclasses.fields(event)}
