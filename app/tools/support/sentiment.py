"""Whether a text praises or blames, in Spanish and English.

The rules are VADER's (Hutto and Gilbert, 2014) as nltk-vader-sentiment (Apache 2.0) has them: negation,
words that strengthen or weaken, "but", capitals, exclamation marks, emoji. English uses its lexicon of
7,500 rated words. For Spanish the same rules run on our own, smaller lexicon, after Spanish has been put
into the form that they expect.

It is a lexicon: it does not understand irony, nor comparisons ("better than that rubbish"), nor words that
are not listed; in Spanish it knows everyday praise and blame rather than technical or regional vocabulary.
"""

import re
from functools import cache
from typing import Literal, NamedTuple

from vader import SentimentIntensityAnalyzer
from vader.data.lexicon import LEXICON

from app.letters import unaccented
from app.tools.support import sentiment_words_es
from app.tools.support.text_counts import utterances_of

Label = Literal["positive", "negative", "neutral", "unknown"]

_MAX_CHARS = 20_000
"""What is scored of a long text; VADER walks it word by word."""

_NEUTRAL_BELOW = 0.05
"""The authors' threshold for the compound score."""

_CLAUSE_END = re.compile(r"[,;…]|:(?=\s)")
# VADER looks three words back: as many words of nothing keep a negation inside its clause.
_CLAUSE_WALL = " , , , "
_RULE_WORDS = re.compile(r"\b(?:no|nunca|jamas|nadie|tampoco|pero|sino|un poco)\b", re.IGNORECASE)
_ANSWER_NO = re.compile(r"\bno\b(?=\s*(?:,|$))")
_NO = re.compile(
    r"\bno\b(?:\s+(?:me|te|se|le|lo|la|los|las|les|nos|os)\b)*(?:\s+(?:he|has|ha|hemos|han|habia|habian)\b)?"
)
_NEGATIVE_CONCORD = re.compile(r"\b(no|nunca|jamas|nadie|tampoco)\b([^,]*)")
_SECOND_NEGATION = re.compile(r"\b(?:nada|nadie|nunca|jamas|ningun[ao]?|tampoco|ni)\b")


class Sentiment(NamedTuple):
    """A label, and a score from -1 (blame) to 1 (praise); None where the language is not known."""

    label: Label
    score: float | None


def sentiment_of(text: str, language: str) -> Sentiment:
    """Rates a text: the mean over its sentences that say anything good or bad.

    Args:
        text: Of any length; the first 20,000 characters count.
        language: `es` or `en`; any other gives the label `unknown`.
    """
    if language not in ("es", "en"):
        return Sentiment("unknown", None)
    sentences = utterances_of(text[:_MAX_CHARS])
    if language == "es":
        scores = [_spanish().polarity_scores(_prepared(sentence))["compound"] for sentence in sentences]
    else:
        scores = [_english().polarity_scores(sentence)["compound"] for sentence in sentences]
    telling = [score for score in scores if score]
    mean = round(sum(telling) / len(telling), 2) if telling else 0.0
    if abs(mean) < _NEUTRAL_BELOW:
        return Sentiment("neutral", mean)
    return Sentiment("positive" if mean > 0 else "negative", mean)


@cache
def _english() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


@cache
def _spanish() -> SentimentIntensityAnalyzer:
    emoticons = {sign: value for sign, value in LEXICON.items() if not any(map(str.isalpha, sign))}
    return SentimentIntensityAnalyzer(
        emoticons | sentiment_words_es.strengths(),
        booster=sentiment_words_es.BOOSTERS,
        negations=sentiment_words_es.NEGATIONS,
        special_cases={},
        idioms={},
        multiword=sentiment_words_es.PHRASES,
        emoji=sentiment_words_es.EMOJI,
    )


def _prepared(sentence: str) -> str:
    """Return a Spanish sentence as the rules expect it, without accents and with walls between its clauses.

    "no" becomes "nunca", since the rules treat the English "no" in ways of their own, and takes the small
    words behind it with it ("no me ha gustado"), so that they do not use up the rules' three words. A second
    negation, which in Spanish strengthens the first ("no me gusta nada"), is left out. "pero" becomes "but".
    """
    text = re.sub(r"[¡¿«»“”]", " ", unaccented(sentence))
    text = _RULE_WORDS.sub(lambda match: match[0].lower(), text)
    text = _CLAUSE_END.sub(",", text)
    text = re.sub(r"\bun poco(?: de)?\b", "ligeramente", text)
    text = _ANSWER_NO.sub("", text)
    text = _NEGATIVE_CONCORD.sub(lambda match: match[1] + _SECOND_NEGATION.sub("", match[2]), text)
    text = _NO.sub("nunca", text)
    text = re.sub(r"\b(?:pero|sino)\b", "but", text)
    return text.replace(",", _CLAUSE_WALL)
