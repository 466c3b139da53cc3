"""The recognisers that have a name: their files, and how a worker opens them.

The files of the larger ones are pinned by revision and SHA-256 as those who use them elsewhere have published
them; no package of PyPI carries them, so that they come from their release alone.
"""

from dataclasses import dataclass
from typing import Final, Literal

from app.speech.models.catalogue import WHISPER_BASE, Model, ModelFile

_HUB: Final = "https://huggingface.co"
_TURBO: Final = (
    f"{_HUB}/dropbox-dash/faster-whisper-large-v3-turbo/resolve/0a363e9161cbc7ed1431c9597a8ceaf0c4f78fcf"
)
_PARAKEET: Final = (
    f"{_HUB}/istupakov/parakeet-tdt-0.6b-v3-onnx/resolve/8f23f0c03c8761650bdb5b40aaf3e40d2c15f1ce"
)

AUTO: Final = "auto"
BASE: Final = "base"
TURBO: Final = "large-v3-turbo"
PARAKEET: Final = "parakeet"

WHISPER_TURBO_FOLDER: Final = f"whisper-{TURBO}"
PARAKEET_FOLDER: Final = "parakeet-tdt-0.6b-v3-int8"


@dataclass(frozen=True, slots=True)
class Known:
    """A recogniser of this list.

    Attributes:
        model: Its files.
        folder: Where they are, inside `MODELS_DIR`.
        kind: What opens them.
        worker_bytes: Memory that one worker takes, roughly: the weights, and what a window of 28 s needs.
    """

    model: Model
    folder: str
    kind: Literal["whisper", "parakeet"]
    worker_bytes: int


def _turbo_file(name: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(f"{WHISPER_TURBO_FOLDER}/{name}", size, sha256, f"{_TURBO}/{name}", ())


def _parakeet_file(name: str, size: int, sha256: str) -> ModelFile:
    return ModelFile(f"{PARAKEET_FOLDER}/{name}", size, sha256, f"{_PARAKEET}/{name}", ())


WHISPER_TURBO_MODEL: Final = Model(
    "Whisper large-v3-turbo",
    "MIT",
    (
        _turbo_file("config.json", 2263, "b0253ea6c0d3bea6b1e19e91a02acfd3b53f4467362efcb5a3e6b16c9b3a9b7e"),
        _turbo_file(
            "preprocessor_config.json",
            340,
            "7ccc62c6f2765af1f3b46c00c9b5894426835a05021c8b9c01eecb6dfb542711",
        ),
        _turbo_file(
            "tokenizer.json", 2_710_337, "297b13372ac43916285644fb9687add3cc62ee2a1adb60da3dc25cc94c1871fd"
        ),
        _turbo_file(
            "vocabulary.json", 1_068_114, "c69260f2ab26d659b7c398f9a2b2b48ed0df16c3b47d7326782fd9cba71690c1"
        ),
        _turbo_file(
            "model.bin", 1_617_884_929, "e76620f83d5f5b69efd3d87e3dc180c1bd21df9fbebacfd4335e5e1efcc018da"
        ),
    ),
)

PARAKEET_MODEL: Final = Model(
    "Parakeet-TDT 0.6b v3, int8",
    "CC-BY-4.0",
    (
        _parakeet_file("config.json", 97, "666903c76b9798caf2c210afd4f6cd60b08a8dbf9800ec8d7a3bc0d2148ac466"),
        _parakeet_file(
            "vocab.txt", 93_939, "d58544679ea4bc6ac563d1f545eb7d474bd6cfa467f0a6e2c1dc1c7d37e3c35d"
        ),
        _parakeet_file(
            "decoder_joint-model.int8.onnx",
            18_202_004,
            "eea7483ee3d1a30375daedc8ed83e3960c91b098812127a0d99d1c8977667a70",
        ),
        _parakeet_file(
            "encoder-model.int8.onnx",
            652_183_999,
            "6139d2fa7e1b086097b277c7149725edbab89cc7c7ae64b23c741be4055aff09",
        ),
    ),
)

KNOWN: Final[dict[str, Known]] = {
    BASE: Known(WHISPER_BASE, "whisper-base", "whisper", 400 << 20),
    PARAKEET: Known(PARAKEET_MODEL, PARAKEET_FOLDER, "parakeet", 1536 << 20),
    TURBO: Known(WHISPER_TURBO_MODEL, WHISPER_TURBO_FOLDER, "whisper", 2048 << 20),
}
"""What `STT_MODEL` may name besides a folder, and what `auto` chooses from."""
