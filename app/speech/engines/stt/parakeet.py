"""Parakeet-TDT by onnx-asr: a transducer that hears 25 languages, and which one it heard it does not say."""

import math
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final, cast

import onnxruntime  # pyright: ignore[reportMissingTypeStubs] - it has none

from app.speech.base import EAR_RATE_HZ
from app.speech.pcm import Samples

_TYPE: Final = "nemo-conformer-tdt"
_ERRORS_ONLY: Final = 3


@dataclass(frozen=True, slots=True)
class ParakeetPass:
    """What one pass gave.

    Attributes:
        text: As the model wrote it.
        confidence: Its mean probability of its tokens, 0 to 1; 0 for no token.
    """

    text: str
    confidence: float


class Parakeet:
    """A model in a folder, as onnx-asr lays them out: int8, on the processor.

    Args:
        folder: With `encoder-model.int8.onnx`, `decoder_joint-model.int8.onnx`, `vocab.txt`, `config.json`.
        threads: How many threads one pass uses.

    Raises:
        Exception: A file is missing or no model; whatever the library says.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        options = cast(Any, onnxruntime.SessionOptions())  # pyright: ignore[reportUnknownMemberType]
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _ERRORS_ONLY
        # Threads that spin while they wait take the cores from the voice.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # A folder that is there is read and nothing else: the library asks no hub.
        model: Any = import_module("onnx_asr").load_model(
            _TYPE,
            folder,
            quantization="int8",
            sess_options=options,
            providers=["CPUExecutionProvider"],
        )
        self._model = model.with_timestamps()

    def read(self, samples: Samples) -> ParakeetPass:
        """One pass.

        Args:
            samples: At the recogniser's rate.
        """
        result = self._model.recognize(samples, sample_rate=EAR_RATE_HZ)
        likelihoods: list[float] = result.logprobs or []
        if not likelihoods:
            return ParakeetPass("", 0.0)
        return ParakeetPass(str(result.text).strip(), min(1.0, math.exp(sum(likelihoods) / len(likelihoods))))
