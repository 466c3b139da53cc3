"""When words end, where a synthesiser does not say it."""

from app.speech.base import WordEnd
from app.speech.reading import ReadingToken

_PAUSES = {"": 0, ",": 3, ":": 3, ".": 5, "?": 5, "!": 5}
"""A pause's length, in letters."""


def weights_of(tokens: list[ReadingToken]) -> list[float]:
    """Return where each token ends, as a share of the whole: by its letters, and the pauses between."""
    ends: list[float] = []
    place = 0
    for token in tokens:
        place += len(token.words) + 1
        ends.append(place)
        place += _PAUSES[token.pause]
    return [end / max(ends[-1], 1) for end in ends]


def proportional(tokens: list[ReadingToken], length_ms: float) -> tuple[WordEnd, ...]:
    """The tokens' ends in a sound of that length."""
    return tuple(
        WordEnd(token.end, length_ms * weight)
        for token, weight in zip(tokens, weights_of(tokens), strict=True)
    )


def nothing_said(text: str) -> tuple[WordEnd, ...]:
    """Return the words of a text without sound."""
    return (WordEnd(len(text), 0.0),)
