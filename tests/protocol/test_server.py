"""The shapes of what the server sends on v1: the seed's, with exactly these fields."""

from typing import get_args

import pytest
from pydantic import ValidationError

from app.protocol.v1.server import V1ResponseCompleteMessage, V1ServerMessage, V1SystemMessage

FIELDS = {
    "session_created": {"type", "session_id", "timestamp"},
    "system": {"type", "content"},
    "response_chunk": {"type", "content"},
    "response_complete": {"type", "content"},
    "error": {"type", "content"},
}


def test_there_are_five_messages_with_exactly_these_fields():
    models = get_args(V1ServerMessage)

    assert {get_args(m.model_fields["type"].annotation)[0]: set(m.model_fields) for m in models} == FIELDS


def test_field_too_many_is_refused():
    with pytest.raises(ValidationError):
        V1SystemMessage.model_validate({"type": "system", "content": "a", "turn_id": "t"})


def test_end_of_an_answer_says_the_same_in_every_language():
    with pytest.raises(ValidationError):
        V1ResponseCompleteMessage.model_validate(
            {"type": "response_complete", "content": "Response complete"}
        )
