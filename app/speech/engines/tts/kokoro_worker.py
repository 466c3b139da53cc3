"""The process that makes Kokoro's sound.

The model is cut in two: the front makes, of a whole clause, what its vocoder needs, in a tenth of the work;
the vocoder then makes the sound piece by piece, so that the first one need not wait for the last. The worker
keeps nothing between two jobs, so any worker can make any piece, and a hurried clause comes in between.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import numpy as np
import numpy.typing as npt
import onnxruntime  # pyright: ignore[reportMissingTypeStubs]

from app.speech.engines.tts.kokoro_symbols import SymbolRun, phrases_of, write
from app.speech.engines.tts.onnx_graph import OnnxModel
from app.speech.engines.worker_wire import Frame, Handler, Header, JobRefused

_SHAPE: Final = "/decoder/decoder/decode.3/Div_4_output_0"
_SOURCE: Final = "/decoder/decoder/generator/Concat_3_output_0"
_STYLE: Final = "/decoder/Slice_output_0"
_DURATIONS: Final = "/encoder/Clip_output_0"

SHAPE_WIDTH: Final = 512
SOURCE_WIDTH: Final = 22
SOURCE_PER_STEP: Final = 60
STYLE_WIDTH: Final = 128
STEPS_PER_DURATION: Final = 2

_runtime = cast(Any, onnxruntime)  # it brings no types

Array = npt.NDArray[np.float32]


class KokoroModel:
    """The model in its two halves, and the voices.

    Args:
        threads: How many a run may use.
    """

    def __init__(self, model: bytes, voices: dict[str, Array], threads: int) -> None:
        self._voices = voices
        whole = OnnxModel(model)
        between = [_SHAPE, _SOURCE, _STYLE]
        front = whole.part(["tokens", "style", "speed"], [*between, _DURATIONS])
        vocoder = whole.part(between, ["audio"])
        options = _runtime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        # Threads that wait for work by looking for it again and again take the cores from all who have some.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        providers = ["CPUExecutionProvider"]
        self._front = _runtime.InferenceSession(front, options, providers=providers)
        self._vocoder = _runtime.InferenceSession(vocoder, options, providers=providers)

    def handle(self, header: Header, body: bytes) -> Iterator[Frame]:
        """Do one job: `front` of a clause, or the sound of some steps of it."""
        start = time.perf_counter()
        reply, out = self._begin(header) if header["do"] == "front" else self._sound(header, body)
        yield {**reply, "s": time.perf_counter() - start}, out

    def _begin(self, header: Header) -> Frame:
        """Return what the vocoder needs, step by step, and when each token ends."""
        written = _written(header)
        if not written.ends:
            raise JobRefused("unspeakable", "a token that is too long")
        numbers = np.array([[0, *written.numbers, 0]], dtype=np.int64)
        voice = self._voices[header["voice"]]
        style = voice[min(len(written.numbers), len(voice)) - 1].reshape(1, -1)
        speed = np.array([header["speed"]], dtype=np.float32)
        results = [_SHAPE, _SOURCE, _STYLE, _DURATIONS]
        feed = {"tokens": numbers, "style": style, "speed": speed}
        shape, source, style, durations = cast(list[Array], self._front.run(results, feed))
        steps = np.cumsum(durations.reshape(-1)).astype(int) * STEPS_PER_DURATION
        reply: Header = {
            "steps": shape.shape[2],
            "silent": [int(steps[0]), int(steps[-1] - steps[-2])],
            "ends": [int(steps[end]) for end in written.ends],
        }
        parts = (np.ascontiguousarray(shape[0].T), np.ascontiguousarray(source[0].T), style)
        return reply, b"".join(part.astype(np.float32).tobytes() for part in parts)

    def _sound(self, header: Header, body: bytes) -> Frame:
        """PCM16 of some steps."""
        steps = cast(int, header["steps"])
        values = np.frombuffer(body, dtype=np.float32)
        shape_end = steps * SHAPE_WIDTH
        source_end = shape_end + (steps * SOURCE_PER_STEP + 1) * SOURCE_WIDTH
        feed = {
            _SHAPE: np.ascontiguousarray(
                values[:shape_end].reshape(1, steps, SHAPE_WIDTH).transpose(0, 2, 1)
            ),
            _SOURCE: np.ascontiguousarray(
                values[shape_end:source_end].reshape(1, -1, SOURCE_WIDTH).transpose(0, 2, 1)
            ),
            _STYLE: values[source_end:].reshape(1, STYLE_WIDTH),
        }
        [audio] = cast(list[Array], self._vocoder.run(["audio"], feed))
        pcm = (np.clip(audio.reshape(-1), -1, 1) * 32767).astype("<i2")
        return {}, pcm.tobytes()


def load(options: Header) -> Handler:
    """Load the model and the voices: `model`, `voices` (paths), `threads`."""
    with np.load(options["voices"]) as archive:
        voices: dict[str, Array] = {name: archive[name] for name in archive.files}
    model = Path(options["model"]).read_bytes()
    return KokoroModel(model, voices, options["threads"]).handle


def _written(header: Header) -> SymbolRun:
    phrases = phrases_of([(words, pause) for words, pause in header["tokens"]])
    return write(phrases, header["sounds"])
