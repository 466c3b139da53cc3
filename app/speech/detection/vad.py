"""Voice activity by Silero: how likely it is that 32 ms of sound hold a voice.

Imported when speech begins, not before: it needs the packages of speech.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ
from app.speech.detection.utterances import FRAME_BYTES
from app.speech.engines.onnx_model import opened
from app.speech.models.catalogue import SILERO

FRAME_SAMPLES: Final = FRAME_BYTES // BYTES_PER_SAMPLE

_CONTEXT_SAMPLES: Final = 64
_FULL_SCALE: Final = 32768.0


class VoiceActivity:
    """The model, loaded once for all streams.

    Raises:
        Exception: The file is missing or no model; whatever the library says.
    """

    def __init__(self, models_dir: Path) -> None:
        # A second thread makes so small a model slower.
        self._session = opened(models_dir / SILERO.files[0].path)

    def stream(self) -> "VoiceStream":
        """One session's detector; what it has heard stays its own."""
        return VoiceStream(self._session)


class VoiceStream:
    """Judges the frames of one stream, in order."""

    def __init__(self, session: Any) -> None:
        self._session = session
        self._rate = np.array(EAR_RATE_HZ, dtype=np.int64)
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        # The model sees the end of the frame before, in front of the frame.
        self._sound = np.zeros((1, _CONTEXT_SAMPLES + FRAME_SAMPLES), dtype=np.float32)

    def __call__(self, frame: bytes) -> float:
        """How likely the frame holds a voice, 0 to 1. Takes `FRAME_BYTES` of PCM16 at `EAR_RATE_HZ`."""
        self._sound[0, :_CONTEXT_SAMPLES] = self._sound[0, FRAME_SAMPLES:]
        self._sound[0, _CONTEXT_SAMPLES:] = np.frombuffer(frame, dtype="<i2")
        self._sound[0, _CONTEXT_SAMPLES:] /= _FULL_SCALE
        inputs = {"input": self._sound, "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(None, inputs)
        return float(probability[0, 0])
