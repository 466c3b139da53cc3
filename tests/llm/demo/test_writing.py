"""The text to be analysed is quoted, stands behind a colon, or simply follows."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.llm.demo.text import utterance
from app.llm.demo.writing import claim, read
from tests.llm.demo.asking import calls

SENTENCES = st.lists(
    st.sampled_from("sol mar casa hola sun sea house hello muy bien 2+2 Madrid tiempo hora weather".split()),
    min_size=1,
).map(" ".join)


TEMPLATES = [
    'analiza "{}"',
    "analiza el texto «{}»",
    "¿cuántas palabras tiene “{}”?",
    "Analiza este texto: palabra {}",
    'analyze "{}"',
    "How many words are in “{}”?",
    "analyse the text '{}'",
    "Analyze this text: word {}",
]


@given(text=SENTENCES, template=st.sampled_from(TEMPLATES))
@settings(deadline=None)
def test_whatever_the_text_says_it_is_taken_as_it_stands(text: str, template: str):
    expected = text if ":" not in template else f"{template.rpartition(' ')[0].rpartition(' ')[2]} {text}"

    assert calls(template.format(text)) == [("text_analysis", {"text": expected})]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Analiza este texto hola qué tal amigos", "hola qué tal amigos"),
        ("¿cuántas palabras hay en el perro come pan?", "perro come pan"),
        ("¿Qué sentimiento tiene me encanta este sitio?", "me encanta este sitio"),
        ("Analyze this text I really enjoyed the show", "I really enjoyed the show"),
    ],
)
def test_a_text_without_quotes_or_colon_is_what_follows(text: str, expected: str):
    assert [ask.arguments["text"] for ask in read(utterance(text))] == [expected]


def test_a_text_of_several_lines_is_taken_whole():
    claimed = claim(utterance("Analiza este texto:\nuno\n\ndos: tres"))

    assert claimed is not None
    assert claimed[1].arguments == {"text": "uno\n\ndos: tres"}


def test_a_sum_behind_a_colon_is_no_text():
    assert calls("evalúa: 3*(2+5)") == [("calculate", {"expression": "3*(2+5)"})]


@pytest.mark.parametrize(
    "text", ["la película es positiva", "me encanta este texto", "un mensaje para ti: hola"]
)
def test_talk_about_texts_is_no_request(text: str):
    assert calls(text) == []
