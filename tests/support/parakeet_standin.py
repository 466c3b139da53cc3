"""A model of Parakeet's shape in a few kilobytes: it says one sentence, token by token, whatever it hears.

The same files, names of inputs and outputs, and types as the real one; encoder and decoder are a mean over
the features, and a table that leads from each token to the next.
"""

import json
from pathlib import Path

import numpy as np

from tests.support.onnx_maker import FLOAT, INT32, INT64, model, node, tensor, value

_DURATIONS = 5
_SURE = 9.0


def write_parakeet(folder: Path, pieces: list[str], sureness: float = _SURE) -> Path:
    """Writes the files that onnx-asr reads; `▁` begins a word, as in SentencePiece."""
    folder.mkdir(parents=True, exist_ok=True)
    vocabulary = [*pieces, "<blk>"]
    lines = [f"{token} {number}" for number, token in enumerate(vocabulary)]
    (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")
    config = {"model_type": "nemo-conformer-tdt", "features_size": 128, "subsampling_factor": 8}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "encoder-model.int8.onnx").write_bytes(_encoder())
    (folder / "decoder_joint-model.int8.onnx").write_bytes(_decoder(len(vocabulary), sureness))
    return folder


def _encoder() -> bytes:
    """One value for each 80 ms; a length of T frames gives (T - 1) / 8 + 1 of them."""
    return model(
        [
            node("ReduceMean", ["audio_signal"], ["mean"], axes=[1], keepdims=1),
            node("AveragePool", ["mean"], ["outputs"], kernel_shape=[8], strides=[8], ceil_mode=1),
            node("Sub", ["length", "one"], ["less"]),
            node("Div", ["less", "eight"], ["steps"]),
            node("Add", ["steps", "one"], ["encoded_lengths"]),
        ],
        [value("audio_signal", FLOAT, ["batch", 128, "frames"]), value("length", INT64, ["batch"])],
        [value("outputs", FLOAT, ["batch", 1, "steps"]), value("encoded_lengths", INT64, ["batch"])],
        [tensor("one", np.array([1], np.int64)), tensor("eight", np.array([8], np.int64))],
    )


def _decoder(size: int, sureness: float) -> bytes:
    """From the blank to the first token, from each to the next, from the last to the blank; one step each."""
    table = np.zeros((size, size + _DURATIONS), np.float32)
    blank = size - 1
    for token in range(size):
        following = (token + 1) % size
        table[token, following] = sureness
        table[token, size + 1] = sureness
    table[blank - 1, :] = 0
    table[blank - 1, [blank, size + 1]] = sureness
    states = [1, "batch", 1]
    return model(
        [
            node("Gather", ["table", "targets"], ["outputs"], axis=0),
            node("Identity", ["input_states_1"], ["output_states_1"]),
            node("Identity", ["input_states_2"], ["output_states_2"]),
        ],
        [
            value("encoder_outputs", FLOAT, ["batch", 1, "steps"]),
            value("targets", INT32, ["batch", "tokens"]),
            value("target_length", INT32, ["batch"]),
            value("input_states_1", FLOAT, states),
            value("input_states_2", FLOAT, states),
        ],
        [
            value("outputs", FLOAT, ["batch", "tokens", size + _DURATIONS]),
            value("output_states_1", FLOAT, states),
            value("output_states_2", FLOAT, states),
        ],
        [tensor("table", table)],
    )
