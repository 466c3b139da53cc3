"""Voice activity by Silero: how likely it is that 32 ms of sound hold a voice.

Imported when speech begins, not before: it needs the packages of speech.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from app.speech.base import BYTES_PER_SAMPLE, EAR_RATE_HZ, NARROW_RATE_HZ
from app.speech.detection.rounds import Rounds
from app.speech.detection.utterances import FRAME_BYTES, STAY
from app.speech.engines.onnx_model import opened
from app.speech.models.catalogue import SILERO

FRAME_SAMPLES: Final = FRAME_BYTES // BYTES_PER_SAMPLE

_CONTEXT_PART: Final = 8
"""The model sees the end of the frame before, one part of so many, in front of the frame."""

_FULL_SCALE: Final = 32768.0

_NOTHING: Final = np.zeros((2, 1, 128), dtype=np.float32)
"""What the model remembers of a stream that begins."""

_FORGET_FRAMES: Final = 31
"""A second of quiet, after which a telephone's stream begins anew: a weak vowel is noticed less, the more
speech the model remembers."""


class VoiceActivity:
    """The model, loaded once for all streams.

    Raises:
        Exception: The file is missing or no model; whatever the library says.
    """

    def __init__(self, models_dir: Path) -> None:
        # A second thread makes so small a model slower.
        self._model = opened(models_dir / SILERO.files[0].path)
        self._wide = Rounds(self._judge)
        self._narrow = Rounds(self._judge)

    def stream(self, *, is_narrow: bool = False) -> "VoiceStream":
        """One session's detector; what it has heard stays its own."""
        return VoiceStream(self._judge, self._narrow if is_narrow else self._wide, is_narrow=is_narrow)

    def _judge(self, frames: Sequence[tuple["VoiceStream", bytes]]) -> list[float]:
        """Judge the next frame of each of some streams of one rate."""
        streams = [stream for stream, _ in frames]
        sounds = [stream.sound_with(frame) for stream, frame in frames]
        memories = [stream.memory for stream in streams]
        is_one = len(frames) == 1
        inputs = {
            "input": sounds[0] if is_one else np.concatenate(sounds),
            "state": memories[0] if is_one else np.concatenate(memories, axis=1),
            "sr": streams[0].rate,
        }
        likelihoods, after = self._model.run(None, inputs)
        found = [float(likelihood) for likelihood in likelihoods[:, 0]]
        for place, (stream, likelihood) in enumerate(zip(streams, found, strict=True)):
            stream.go_on(after[:, place : place + 1], likelihood)
        return found


class VoiceStream:
    """Judges the frames of one stream, in order.

    Args:
        judge: Judges the next frames of some streams.
        rounds: The same, with those of other streams.
        is_narrow: The sound was brought from `NARROW_RATE_HZ` to `EAR_RATE_HZ`. The model knows that rate,
            and misses less there than in sound whose upper half is empty, at three quarters of the cost.

    Attributes:
        state: What the model remembers of the stream.
        rate: As the model is told it.
    """

    def __init__(
        self,
        judge: Callable[[Sequence[tuple["VoiceStream", bytes]]], Sequence[float]],
        rounds: "Rounds[VoiceStream]",
        *,
        is_narrow: bool = False,
    ) -> None:
        self._judge = judge
        self._rounds = rounds
        rate_hz = NARROW_RATE_HZ if is_narrow else EAR_RATE_HZ
        self.rate = np.array(rate_hz, dtype=np.int64)
        self._step = EAR_RATE_HZ // rate_hz
        self._samples = FRAME_SAMPLES // self._step
        self._context = self._samples // _CONTEXT_PART
        self.reset()

    def reset(self) -> None:
        """Forget what was heard."""
        self.memory: npt.NDArray[np.float32] = _NOTHING
        self._quiet = 0
        self._sound = np.zeros((1, self._context + self._samples), dtype=np.float32)
        self._foreseen: list[tuple[bytes, float]] = []

    def __call__(self, frame: bytes) -> float:
        """How likely the frame holds a voice, 0 to 1. Takes `FRAME_BYTES` of PCM16 at `EAR_RATE_HZ`."""
        while self._foreseen:
            foreseen, likelihood = self._foreseen.pop(0)
            if foreseen == frame:  # else something went wrong before it was asked for
                return likelihood
        return self._judge([(self, frame)])[0]

    async def foresee(self, frame: bytes) -> None:
        """Judge a frame together with those of other streams, before it is asked for it."""
        self._foreseen.append((frame, await self._rounds.judged(self, frame)))

    def go_on(self, memory: npt.NDArray[np.float32], likelihood: float) -> None:
        """Take what the model remembers after a frame, and found in it."""
        self.memory = memory
        self._quiet = self._quiet + 1 if likelihood < STAY else 0
        if self._quiet == _FORGET_FRAMES and self._step > 1:
            self.memory = _NOTHING

    def sound_with(self, frame: bytes) -> npt.NDArray[np.float32]:
        """Return what the model gets for a frame."""
        sound, context = self._sound[0], self._context
        sound[:context] = sound[self._samples :]
        sound[context:] = np.frombuffer(frame, dtype="<i2")[:: self._step]
        sound[context:] /= _FULL_SCALE
        return self._sound
