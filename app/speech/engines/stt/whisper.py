"""Whisper by CTranslate2: one window of sound to text, with what tells how far to trust it.

The cost is the window's length, whatever is in it, and the model takes shorter ones than the thirty seconds
that it was trained with; under eight seconds, or with too little silence after the speech, it begins to
repeat itself.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import ctranslate2  # pyright: ignore[reportMissingTypeStubs] - it has none
import numpy as np
from faster_whisper.feature_extractor import FeatureExtractor  # pyright: ignore[reportMissingTypeStubs]
from tokenizers import Tokenizer

from app.errors import Locale
from app.speech.base import EAR_RATE_HZ, SpeechLanguage
from app.speech.engines.stt.forced import Explained, ForcedDecoder, Phrases
from app.speech.pcm import Samples

FULL_WINDOW_S: Final = 30.0
_SHORT_WINDOW_S: Final = 10.0
_SILENCE_AFTER_S: Final = 3.0
_HOP: Final = 160
_BEAMS: Final = 5
"""Thirty milliseconds more than one, and "qué hora es" instead of "que ahora es"."""

_TOKENS_FOR_ANY: Final = 16
_TOKENS_PER_S: Final = 10
_MAX_TOKENS: Final = 200
_MAX_PROMPT_TOKENS: Final = 120
_LANGUAGES: Final[tuple[Locale, ...]] = ("es", "en")


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known before a pass.

    Attributes:
        language: `auto` where it is to be found out.
        prompts: Words that are likely, in each language.
    """

    language: SpeechLanguage
    prompts: dict[Locale, str]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one pass gave.

    Attributes:
        text: As the model wrote it.
        language: The one that was heard or asked for.
        likelihoods: How likely each of our languages is. In noise, and in speech that is turned round, all
            of them are unlikely together.
        confidence: The model's mean probability of its tokens, 0 to 1.
        no_speech: How likely it finds that nobody spoke, 0 to 1.
        is_cut: It had not come to an end.
        rival: How likely the likeliest of all other languages is.
        is_doubtful: Likely other words were said.
    """

    text: str
    language: Locale
    likelihoods: dict[Locale, float]
    confidence: float
    no_speech: float
    is_cut: bool
    rival: float = 0.0
    is_doubtful: bool = False


class Whisper:
    """A model in a folder, as faster-whisper lays them out.

    Args:
        folder: With `model.bin`, `config.json` and `tokenizer.json`.
        threads: How many threads one pass uses.
        device: `cpu`, with weights of 8 bits, or `cuda`, with the 16 bits of a graphics card.
    """

    def __init__(self, folder: Path, threads: int = 1, device: str = "cpu") -> None:
        self._model = cast(
            Any,
            ctranslate2.models.Whisper(  # pyright: ignore[reportUnknownMemberType]
                str(folder),
                device=device,
                compute_type="int8" if device == "cpu" else "float16",
                inter_threads=1,
                intra_threads=threads,
            ),
        )
        self._features = cast(Any, FeatureExtractor(feature_size=self._model.n_mels))
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._is_multilingual = bool(self._model.is_multilingual)
        self._end = self._token("<|endoftext|>")
        self._is_on_processor = device == "cpu"
        self._last: tuple[Samples, int, Any] | None = None
        self._forced: ForcedDecoder | None = None

    def read(self, samples: Samples, asked: Asked, *, full: bool = False) -> Reading:
        """One pass over at most 28 seconds.

        Args:
            samples: At the recogniser's rate.
            asked: What is known before.
            full: With the window that the model was trained with.
        """
        encoded = self._encoded(samples, full=full)
        language, likelihoods, rival = self._language(encoded, asked)
        prompt = self._prompt(language, asked.prompts.get(language, ""))
        most = min(_MAX_TOKENS, int(_TOKENS_FOR_ANY + _TOKENS_PER_S * samples.size / EAR_RATE_HZ))
        result = self._model.generate(
            encoded,
            [prompt],
            beam_size=_BEAMS,
            max_length=len(prompt) + most,
            return_scores=True,
            return_no_speech_prob=True,
        )[0]
        tokens = [token for token in result.sequences_ids[0] if token < self._end]
        # The score is a mean over the tokens; the end's own is not counted among them.
        log_probability = result.scores[0] * len(tokens) / (len(tokens) + 1)
        return Reading(
            text=self._tokenizer.decode(tokens).strip(),
            language=language,
            likelihoods=likelihoods,
            confidence=min(1.0, math.exp(log_probability)),
            no_speech=float(result.no_speech_prob),
            is_cut=len(tokens) >= most,
            rival=rival,
        )

    def explained(self, samples: Samples, phrases: Phrases) -> tuple[Explained, ...]:
        """Return what a short sound says of the likeliest of these phrases, the best one first.

        Empty on a graphics card, where that is not done.

        Args:
            samples: As for `read`; a second of speech at most.
            phrases: Those that it may be.
        """
        if not self._is_on_processor:
            return ()
        if self._forced is None:
            silence = self._encode(np.zeros(0, np.float32), int(_SHORT_WINDOW_S * EAR_RATE_HZ))
            self._forced = ForcedDecoder(self._model, self._tokenizer, np.array(silence))
        encoded = np.array(self._encoded(samples, full=False))
        return self._forced.explained(encoded, self._prompt(phrases.language, ""), phrases)

    def _encoded(self, samples: Samples, *, full: bool) -> Any:
        """What the encoder makes of it; the last one is kept, since doubtful sound is read several times."""
        length = int(window_s(samples.size / EAR_RATE_HZ, full=full) * EAR_RATE_HZ)
        if self._last is None or self._last[0] is not samples or self._last[1] != length:
            self._last = samples, length, self._encode(samples, length)
        return self._last[2]

    def _encode(self, samples: Samples, length: int) -> Any:
        padded = np.pad(samples, (0, length - samples.size))
        features = self._features(padded, padding=0)[None, :, : length // _HOP]
        view = ctranslate2.StorageView.from_array(  # pyright: ignore
            np.ascontiguousarray(features, dtype=np.float32)
        )
        return self._model.encode(view)

    def _language(self, encoded: Any, asked: Asked) -> tuple[Locale, dict[Locale, float], float]:
        if not self._is_multilingual:
            return "en", {"en": 1.0}, 0.0
        heard = dict(self._model.detect_language(encoded)[0])
        likelihoods: dict[Locale, float] = {name: float(heard.pop(f"<|{name}|>")) for name in _LANGUAGES}
        rival = float(max(heard.values()))
        if asked.language != "auto":
            return asked.language, likelihoods, rival
        return max(_LANGUAGES, key=lambda name: likelihoods[name]), likelihoods, rival

    def _prompt(self, language: Locale, words: str) -> list[int]:
        before: list[int] = []
        if words:
            ids = self._tokenizer.encode(" " + words, add_special_tokens=False).ids
            before = [self._token("<|startofprev|>"), *ids[-_MAX_PROMPT_TOKENS:]]
        names = ["<|startoftranscript|>"]
        if self._is_multilingual:
            names += [f"<|{language}|>", "<|transcribe|>"]
        return [*before, *(self._token(name) for name in [*names, "<|notimestamps|>"])]

    def _token(self, name: str) -> int:
        token = self._tokenizer.token_to_id(name)
        if token is None:
            raise ValueError(f"the model has no token {name}")
        return token


def window_s(speech_s: float, *, full: bool = False) -> float:
    """Return how long a window is for so much speech, in seconds."""
    if full:
        return FULL_WINDOW_S
    return min(FULL_WINDOW_S, max(_SHORT_WINDOW_S, speech_s + _SILENCE_AFTER_S))
