"""Each sentence stands in both languages with the same fields."""

import string

import pytest

from app.cli.messages import MESSAGES, message_text


@pytest.mark.parametrize("name", MESSAGES)
def test_both_languages_have_the_sentence_and_its_fields(name: str):
    spanish, english = MESSAGES[name]
    fields = [
        {field for _, field, _, _ in string.Formatter().parse(text) if field} for text in MESSAGES[name]
    ]

    assert spanish and english
    assert fields[0] == fields[1]


def test_a_sentence_is_filled_in():
    assert message_text("en", "you", text="Hi {x}") == "You: Hi {x}"
