"""`text_analysis`: what a text is made of, in which language, and whether it praises or blames.

Characters are Unicode code points after NFC, so that an accent typed as a second character does not count
twice. How language and sentiment are found, and what they cannot do, stands in
`app/tools/support/language.py` and `app/tools/support/sentiment.py`.
"""

from pydantic import BaseModel, ConfigDict, Field

from app.letters import composed
from app.tools.base import ToolContext, ToolError, tool
from app.tools.support.language import UNKNOWN, detect_language
from app.tools.support.sentiment import Label, sentiment_of
from app.tools.support.text_counts import frequent_words, paragraphs_of, sentences_of, words_of

MAX_CHARS = 2**20

_WORDS_PER_MINUTE = {"es": 228, "en": 238}
"""Silent reading of adults.

English: 238 (Brysbaert 2019, doi:10.1016/j.jml.2019.104047, non-fiction). Spanish: that, times the ratio of
the two languages in the same texts, 218 to 228 (Trauzettel-Klosinski and Dietz 2012,
doi:10.1167/iovs.11-8284).
"""
_WORDS_PER_MINUTE_ELSEWHERE = 238
_FREQUENT_WORDS = 5


class TextAnalysisArguments(BaseModel):
    """What to analyse."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(description="The whole text to analyse, word for word.")


class FrequentWord(BaseModel):
    """A word in lower case, and how often the text has it."""

    word: str
    count: int


class SentimentResult(BaseModel):
    """`score` goes from -1 (blame) to 1 (praise); null with the label `unknown`."""

    label: Label
    score: float | None


class TextAnalysisResult(BaseModel):
    """The counts of a text, and what it seems to be.

    `average_word_length` is in characters, `reading_time_s` in seconds. `language` is an ISO 639 code or
    `unknown`, `language_confidence` goes from 0 to 1.
    """

    characters: int
    characters_without_spaces: int
    words: int
    sentences: int
    paragraphs: int
    average_word_length: float
    reading_time_s: float
    frequent_words: list[FrequentWord]
    language: str
    language_confidence: float
    sentiment: SentimentResult


@tool(ends_soon=True, from_outside=False)
def run(args: TextAnalysisArguments, ctx: ToolContext) -> TextAnalysisResult:
    """Analyse a text.

    Counts characters, words, sentences and paragraphs, estimates the reading time, and finds the most
    frequent words, the language and the sentiment (positive, negative or neutral).
    """
    if len(args.text) > MAX_CHARS:
        raise ToolError(
            f"El texto es demasiado largo: el límite son {MAX_CHARS} caracteres."
            if ctx.locale == "es"
            else f"The text is too long: the limit is {MAX_CHARS} characters."
        )
    # Lone surrogates, which JSON can carry, have no form that the language model could read.
    text = composed(args.text.encode("utf-8", "replace").decode())
    words = words_of(text)
    language = detect_language(text)
    # A word or two may be too little to tell; then it is most likely the user's own language.
    sentiment = sentiment_of(text, ctx.locale if language.code == UNKNOWN else language.code)
    per_minute = _WORDS_PER_MINUTE.get(language.code, _WORDS_PER_MINUTE_ELSEWHERE)
    return TextAnalysisResult(
        characters=len(text),
        characters_without_spaces=len("".join(text.split())),
        words=len(words),
        sentences=len(sentences_of(text)),
        paragraphs=len(paragraphs_of(text)),
        average_word_length=round(sum(map(len, words)) / len(words), 2) if words else 0.0,
        reading_time_s=round(len(words) / per_minute * 60, 1),
        frequent_words=[
            FrequentWord(word=word, count=count) for word, count in frequent_words(words, _FREQUENT_WORDS)
        ],
        language=language.code,
        language_confidence=language.confidence,
        sentiment=SentimentResult(label=sentiment.label, score=sentiment.score),
    )
