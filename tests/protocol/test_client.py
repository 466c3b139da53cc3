"""The shapes of what clients may send on v1."""

import pytest
from pydantic import ValidationError

from app.protocol.v1.client import V1AudioMessage, V1OpeningMessage, V1TextMessage


@pytest.mark.parametrize("model", [V1TextMessage, V1OpeningMessage, V1AudioMessage])
def test_content_is_a_text_and_nothing_is_turned_into_one(model: type):
    kind = model.model_fields["type"].annotation.__args__[0]

    with pytest.raises(ValidationError):
        model.model_validate({"type": kind, "content": 5})


def test_user_id_of_200_characters_is_the_longest():
    assert V1OpeningMessage(type="system", user_id="u" * 200).user_id == "u" * 200
    with pytest.raises(ValidationError):
        V1OpeningMessage(type="system", user_id="u" * 201)


def test_fields_that_v1_does_not_know_are_ignored():
    message = V1TextMessage.model_validate({"type": "text", "content": "a", "id": "1"})

    assert message.model_dump() == {"type": "text", "content": "a", "user_id": None}
