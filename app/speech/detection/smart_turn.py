"""How finished speech sounds: Smart Turn v3.2, on the last 8 seconds.

Imported when speech begins, not before: it needs the packages of speech.
"""

from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from app.speech.base import EAR_RATE_HZ
from app.speech.engines.onnx_model import opened
from app.speech.models.catalogue import SMART_TURN

WINDOW_SAMPLES: Final = 8 * EAR_RATE_HZ
"""What the model hears; shorter sound stands at its end."""

_FFT_SAMPLES: Final = 400
_HOP_SAMPLES: Final = 160
_MELS: Final = 80
_FULL_SCALE: Final = 32768.0

Sound = npt.NDArray[np.float32]


class SmartTurn:
    """The model. May be asked from several threads at once.

    Raises:
        Exception: The file is missing or no model; whatever the library says.
    """

    def __init__(self, models_dir: Path) -> None:
        self._session = opened(models_dir / SMART_TURN.files[0].path)

    def finished(self, pcm: bytes) -> float:
        """How likely the speaker has finished, 0 to 1. Takes PCM16 at `EAR_RATE_HZ`; costs about 0.1 s."""
        inputs = {"input_features": features_of(pcm)[np.newaxis]}
        answer: Any = self._session.run(None, inputs)[0]
        return float(answer.reshape(-1)[0])


def features_of(pcm: bytes) -> Sound:
    """The picture of the sound that the model was trained on: Whisper's, [80, 800], of evened-out sound."""
    recent = np.frombuffer(pcm[-WINDOW_SAMPLES * 2 :], dtype="<i2").astype(np.float32) / _FULL_SCALE
    sound = np.zeros(WINDOW_SAMPLES, dtype=np.float32)
    sound[WINDOW_SAMPLES - recent.size :] = recent
    sound = (sound - sound.mean()) / np.sqrt(sound.var() + 1e-7)
    edge = _FFT_SAMPLES // 2
    padded = np.pad(sound.astype(np.float64), edge, mode="reflect")
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT_SAMPLES)[::_HOP_SAMPLES]
    power = np.abs(np.fft.rfft(frames[:-1] * _WINDOW, axis=-1)) ** 2
    # Not by `@`: its library (OpenBLAS) stops its threads at each fork, as for espeak-ng, and a product under
    # way in another thread then never ends.
    mels = np.log10(np.maximum(np.einsum("fb,bm->fm", power, _FILTERS), 1e-10))
    mels = np.maximum(mels, mels.max() - 8.0)
    return ((mels + 4.0) / 4.0).T.astype(np.float32)


def _hz_of(mel: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    # Slaney's scale: even up to 1 kHz, which is mel 15, and by ratios above.
    return np.where(mel < 15, mel * 200 / 3, 1000 * np.exp((mel - 15) * np.log(6.4) / 27))


def _mel_filters() -> npt.NDArray[np.float64]:
    """Triangles of equal area over the spectrum's bins, [201, 80]."""
    highest = float(15 + np.log(EAR_RATE_HZ / 2 / 1000) * 27 / np.log(6.4))
    mels = np.linspace(0, highest, _MELS + 2)
    corners = _hz_of(mels)
    bins = np.linspace(0, EAR_RATE_HZ / 2, _FFT_SAMPLES // 2 + 1)[:, np.newaxis]
    rising = (bins - corners[:-2]) / (corners[1:-1] - corners[:-2])
    falling = (corners[2:] - bins) / (corners[2:] - corners[1:-1])
    triangles = np.maximum(0, np.minimum(rising, falling))
    return triangles * 2 / (corners[2:] - corners[:-2])


_WINDOW: Final = np.hanning(_FFT_SAMPLES + 1)[:-1]
_FILTERS: Final = _mel_filters()
