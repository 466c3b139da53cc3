"""The text analysis tool."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from app.errors import Locale
from app.tools.base import ToolError
from app.tools.text_analysis import MAX_CHARS, TextAnalysisResult
from app.tools.text_analysis import run as text_analysis
from tests.support.context import arguments_of, tool_context

REVIEW = (
    "El hotel es maravilloso. El personal del hotel fue muy amable, y el desayuno, excelente.\n"
    "\n"
    "Volveremos al hotel en verano: el desayuno merece la pena."
)


async def analysis_of(text: str, locale: Locale = "es") -> TextAnalysisResult:
    async with tool_context(locale=locale) as ctx:
        return text_analysis.run(arguments_of(text_analysis, text=text), ctx)


async def test_review_is_analysed_whole():
    result = await analysis_of(REVIEW)

    assert result.model_dump() == {
        "characters": len(REVIEW),
        "characters_without_spaces": len(REVIEW.replace(" ", "").replace("\n", "")),
        "words": 25,
        "sentences": 3,
        "paragraphs": 2,
        "average_word_length": 4.68,
        "reading_time_s": 6.6,
        "frequent_words": [
            {"word": "hotel", "count": 3},
            {"word": "desayuno", "count": 2},
            {"word": "maravilloso", "count": 1},
            {"word": "personal", "count": 1},
            {"word": "amable", "count": 1},
        ],
        "language": "es",
        "language_confidence": result.language_confidence,
        "sentiment": {"label": "positive", "score": result.sentiment.score},
    }
    assert result.language_confidence > 0.8
    assert (result.sentiment.score or 0) > 0.3


async def test_english_is_read_at_its_own_pace():
    result = await analysis_of("This is the worst film that I have ever seen. " * 24)

    assert (result.language, result.sentiment.label) == ("en", "negative")
    assert result.reading_time_s == pytest.approx(24 * 10 / 238 * 60, abs=0.1)


async def test_empty_text_is_all_zeros():
    result = await analysis_of("")

    assert result.model_dump() == {
        "characters": 0,
        "characters_without_spaces": 0,
        "words": 0,
        "sentences": 0,
        "paragraphs": 0,
        "average_word_length": 0,
        "reading_time_s": 0,
        "frequent_words": [],
        "language": "unknown",
        "language_confidence": 0,
        "sentiment": {"label": "neutral", "score": 0},
    }


async def test_accent_typed_as_a_second_character_is_no_character_more():
    assert (await analysis_of("cafe\u0301")).characters == 4


async def test_emoji_are_characters_with_a_sentiment():
    result = await analysis_of("😀😀")

    assert (result.characters, result.words, result.sentiment.label) == (2, 0, "positive")


async def test_right_to_left_text_is_counted_like_any_other():
    result = await analysis_of("שלום מה שלומך. הכול טוב.")

    assert (result.words, result.sentences, result.language) == (5, 2, "he")
    assert result.sentiment.label == "unknown"


async def test_word_too_short_to_tell_is_taken_as_the_users_language():
    assert (await analysis_of("Good", "en")).sentiment.label == "positive"
    assert (await analysis_of("genial", "es")).sentiment.label == "positive"


@pytest.mark.parametrize(
    "piece", ["El día fue bueno, pero no me gustó nada. ", "no ", "a.", "😀", "x", "\n", "ñ́ ", "「今天」。"]
)
async def test_mebibyte_of_anything_takes_less_than_two_seconds(piece: str):
    text = (piece * MAX_CHARS)[:MAX_CHARS]
    await analysis_of("la primera vez se carga el modelo")
    started = time.process_time()

    result = await analysis_of(text)

    assert time.process_time() - started < 2
    assert result.characters <= len(text)


@pytest.mark.parametrize(("locale", "part"), [("es", "demasiado largo"), ("en", "too long")])
async def test_longer_text_is_refused_in_the_users_language(locale: Locale, part: str):
    with pytest.raises(ToolError, match=part):
        await analysis_of("x" * (MAX_CHARS + 1), locale)


def test_unknown_argument_is_refused_by_name():
    with pytest.raises(ValidationError, match="language"):
        arguments_of(text_analysis, text="hola", language="es")


@settings(max_examples=50, deadline=None)
@given(st.text())
async def test_any_text_is_analysed(text: str):
    result = await analysis_of(text)

    assert result.characters_without_spaces <= result.characters
    assert (result.words > 0) >= (result.sentences > 0)
