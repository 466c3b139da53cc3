"""The shapes of what clients may send on v1."""

from typing import get_args

import pytest
from pydantic import ValidationError

from app.protocol.client import AudioMessage, SystemMessage, TextMessage, V1Message
from app.services.handlers import HANDLERS


def test_each_message_of_the_union_has_its_handler_and_no_handler_is_left_over():
    union = get_args(V1Message)[0]

    assert set(get_args(union)) == set(HANDLERS)


@pytest.mark.parametrize("model", [TextMessage, SystemMessage, AudioMessage])
def test_content_is_a_text_and_nothing_is_turned_into_one(model: type):
    kind = model.model_fields["type"].annotation.__args__[0]

    with pytest.raises(ValidationError):
        model.model_validate({"type": kind, "content": 5})


def test_user_id_of_200_characters_is_the_longest():
    assert SystemMessage(type="system", user_id="u" * 200).user_id == "u" * 200
    with pytest.raises(ValidationError):
        SystemMessage(type="system", user_id="u" * 201)


def test_fields_that_v1_does_not_know_are_ignored():
    message = TextMessage.model_validate({"type": "text", "content": "a", "id": "1"})

    assert message.model_dump() == {"type": "text", "content": "a", "user_id": None}
