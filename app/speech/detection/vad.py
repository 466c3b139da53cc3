"""Voice activity by Silero: how likely it is that 32 ms of sound hold a voice.

Imported when speech begins, not before: it needs the packages of speech.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, NARROW_RATE_HZ
from app.speech.detection.utterances import FRAME_BYTES
from app.speech.engines.onnx_model import opened
from app.speech.models.catalogue import SILERO

FRAME_SAMPLES: Final = FRAME_BYTES // BYTES_PER_SAMPLE

_CONTEXT_PART: Final = 8
"""The model sees the end of the frame before, one part of so many, in front of the frame."""

_FULL_SCALE: Final = 32768.0


class VoiceActivity:
    """The model, loaded once for all streams.

    Raises:
        Exception: The file is missing or no model; whatever the library says.
    """

    def __init__(self, models_dir: Path) -> None:
        # A second thread makes so small a model slower.
        self._session = opened(models_dir / SILERO.files[0].path)

    def stream(self, *, is_narrow: bool = False) -> "VoiceStream":
        """One session's detector; what it has heard stays its own."""
        return VoiceStream(self._session, is_narrow=is_narrow)


class VoiceStream:
    """Judges the frames of one stream, in order.

    Args:
        is_narrow: The sound was brought from `NARROW_RATE_HZ` to `EAR_RATE_HZ`. The model knows that rate,
            and misses less there than in sound whose upper half is empty, at three quarters of the cost.
    """

    def __init__(self, session: Any, *, is_narrow: bool = False) -> None:
        self._session = session
        rate_hz = NARROW_RATE_HZ if is_narrow else EAR_RATE_HZ
        self._rate = np.array(rate_hz, dtype=np.int64)
        self._step = EAR_RATE_HZ // rate_hz
        self._samples = FRAME_SAMPLES // self._step
        self._context = self._samples // _CONTEXT_PART
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self._state = np.zeros((2, 1, 128), dtype=np.float32)
        self._sound = np.zeros((1, self._context + self._samples), dtype=np.float32)

    def __call__(self, frame: bytes) -> float:
        """How likely the frame holds a voice, 0 to 1. Takes `FRAME_BYTES` of PCM16 at `EAR_RATE_HZ`."""
        sound, context = self._sound[0], self._context
        sound[:context] = sound[self._samples :]
        sound[context:] = np.frombuffer(frame, dtype="<i2")[:: self._step]
        sound[context:] /= _FULL_SCALE
        inputs = {"input": self._sound, "state": self._state, "sr": self._rate}
        probability, self._state = self._session.run(None, inputs)
        return float(probability[0, 0])
