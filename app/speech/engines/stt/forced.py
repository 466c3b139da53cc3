"""How well each phrase of a list explains a sound: by forced decoding, beside how it explains silence.

A recogniser that writes freely gives the likeliest words, and for a short sound those are often the ones that
it likes anyhow. Here the words are given, and what is asked is how much the sound speaks for them: the
logarithm of their likelihood with the sound, less that with silence. It is the likelihood ratio of keyword
spotting, with the model's liking of the words taken out as in Ma et al. 2023, "Investigating the Emergent
Audio Classification Ability of ASR Foundation Models".
"""

from dataclasses import dataclass
from typing import Any, Final, cast

import ctranslate2  # pyright: ignore[reportMissingTypeStubs] - it has none
import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from app.errors import Locale

_FRAMES: Final = 150
"""Of the encoder's: three seconds, of which short speech fills a third. The work grows with them, and with
less silence behind the words they are told apart less well."""
_FEATURES_PER_FRAME: Final = 2
_TINY: Final = 1e-9

Encoded = npt.NDArray[np.float32]
"""What the encoder makes of a sound: one window, its frames, and what each is like."""


@dataclass(frozen=True, slots=True)
class Explained:
    """What a sound says of one phrase.

    Attributes:
        phrase: As it was given.
        likelihood: The logarithm of its probability with the sound.
        gain: How much more that is than with silence.
    """

    phrase: str
    likelihood: float
    gain: float


@dataclass(frozen=True, slots=True)
class Phrases:
    """Phrases of a list, and which of them a sound is held against.

    Attributes:
        language: Theirs.
        known: All of them, as the model writes them.
        most: So many are looked at, whose first token is likeliest.
        near: Of them those that are looked at in any case.
    """

    language: Locale
    known: tuple[str, ...]
    most: int
    near: tuple[str, ...] = ()


class ForcedDecoder:
    """Scores phrases with a model of CTranslate2 on the processor; what silence gives is kept.

    Args:
        model: `ctranslate2.models.Whisper`.
        tokenizer: The model's.
        silence: What its encoder makes of a window without sound.
    """

    def __init__(self, model: Any, tokenizer: Tokenizer, silence: Encoded) -> None:
        self._model = model
        self._tokenizer = tokenizer
        self._silence = silence
        self._end = int(cast(int, tokenizer.token_to_id("<|endoftext|>")))
        self._priors: dict[tuple[Locale, str], float] = {}

    def explained(self, encoded: Encoded, start: list[int], asked: Phrases) -> tuple[Explained, ...]:
        """Return what the sound says of the phrases whose first token is likeliest, the best one first.

        Args:
            encoded: The sound.
            start: The tokens before the text.
            asked: The phrases.
        """
        language = asked.language
        tokens = {phrase: self._tokens(phrase) for phrase in asked.known}
        first = self._first(encoded, start)
        likeliest = sorted(tokens, key=lambda phrase: -first[tokens[phrase][0]])[: asked.most]
        chosen = [*dict.fromkeys([*likeliest, *asked.near])]
        new = [phrase for phrase in chosen if (language, phrase) not in self._priors]
        if new:
            priors = self._likelihoods(self._silence, start, [tokens[phrase] for phrase in new])
            self._priors |= {(language, phrase): prior for phrase, prior in zip(new, priors, strict=True)}
        scores = self._likelihoods(encoded, start, [tokens[phrase] for phrase in chosen])
        found = [
            Explained(phrase, score, score - self._priors[language, phrase])
            for phrase, score in zip(chosen, scores, strict=True)
        ]
        return tuple(sorted(found, key=lambda one: -one.gain))

    def _tokens(self, phrase: str) -> list[int]:
        return self._tokenizer.encode(" " + phrase, add_special_tokens=False).ids

    def _first(self, encoded: Encoded, start: list[int]) -> npt.NDArray[np.float32]:
        """What the decoder gives each token of its vocabulary as the first one of the text."""
        result = self._model.generate(
            _view(encoded, 1),
            [start],
            beam_size=1,
            max_length=len(start) + 1,
            suppress_blank=False,
            suppress_tokens=None,
            return_logits_vocab=True,
        )[0]
        return np.array(result.logits[0][0], dtype=np.float32)[: self._end]

    def _likelihoods(self, encoded: Encoded, start: list[int], texts: list[list[int]]) -> list[float]:
        """The logarithm of each text's probability, the end of the text not counted."""
        view = _view(encoded, len(texts))
        results = self._model.align(view, start, texts, _FRAMES * _FEATURES_PER_FRAME)
        return [float(np.log(np.maximum(one.text_token_probs, _TINY)).sum()) for one in results]


def _view(encoded: Encoded, times: int) -> Any:
    """The first frames of it, for so many texts at once."""
    frames = np.repeat(encoded[:, :_FRAMES], times, axis=0)
    return ctranslate2.StorageView.from_array(np.ascontiguousarray(frames))  # pyright: ignore
