import hashlib
import os
import re
from pathlib import Path

import pytest

from app.speech.models.catalogue import (
    KOKORO,
    MODELS,
    SILERO,
    SMART_TURN,
    VOICES_FILE,
    WHISPER_BASE,
    Model,
    ModelFile,
    missing_files,
)
from app.speech.models.checksums import NOTES, note_whole
from app.speech.models.needs import needed_models
from tests.support.context import settings_with

FILES = [file for model in MODELS for file in model.files]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_every_file_is_pinned_and_has_both_ways(file) -> None:
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert file.url.startswith(("https://huggingface.co/", "https://github.com/"))
    assert re.search(r"/resolve/[0-9a-f]{40}/|/raw/v[\d.]+/|/download/model-files-v1\.0/", file.url)
    assert file.parts
    assert all(re.fullmatch(r"[a-z0-9-]+==[\d.]+", part.requirement) for part in file.parts)


def test_no_two_files_have_one_name() -> None:
    assert len({file.path for file in FILES}) == len(FILES)


@pytest.mark.parametrize(
    ("values", "models"),
    [
        ({}, (SILERO, SMART_TURN, WHISPER_BASE, KOKORO)),
        ({"stt_model": "small"}, (SILERO, SMART_TURN, KOKORO)),
        ({"stt_provider": "none"}, (SILERO, SMART_TURN, KOKORO)),
        ({"tts_provider": "espeak"}, (SILERO, SMART_TURN, WHISPER_BASE)),
    ],
)
def test_only_what_the_settings_use_is_needed(values, models) -> None:
    assert needed_models(settings_with(**values)) == models


def test_file_of_another_length_is_missing(tmp_path: Path) -> None:
    (tmp_path / "silero_vad.onnx").write_bytes(b"half of one")

    assert missing_files((SILERO,), tmp_path) == list(SILERO.files)


SMALL = Model("small", "MIT", (ModelFile("a/b.bin", 3, hashlib.sha256(b"abc").hexdigest(), "", ()),))


def placed(folder: Path, content: bytes) -> Path:
    path = folder / "a" / "b.bin"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def test_file_of_the_right_length_and_another_content_is_missing(tmp_path: Path) -> None:
    placed(tmp_path, b"abd")

    assert missing_files((SMALL,), tmp_path)


def test_file_that_is_swapped_after_its_check_is_missing(tmp_path: Path) -> None:
    path = placed(tmp_path, b"abc")
    before = path.stat()
    assert not missing_files((SMALL,), tmp_path)

    path.write_bytes(b"abd")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert missing_files((SMALL,), tmp_path)
    placed(tmp_path, b"abc")
    assert not missing_files((SMALL,), tmp_path)


def test_file_that_has_not_changed_is_not_read_again(tmp_path: Path) -> None:
    placed(tmp_path, b"not what it should be"[:3])
    note_whole(tmp_path, SMALL.files[0].path, SMALL.files[0].sha256)

    assert not missing_files((SMALL,), tmp_path)


@pytest.mark.parametrize(
    "notes", ["", "[]", "{", '{"a/b.bin": 1}', "[" * 100_000, '{"a/b.bin": ["x", 3, 0, 0, 0]}']
)
def test_damaged_notes_only_cost_the_reading(tmp_path: Path, notes: str) -> None:
    placed(tmp_path, b"abc")
    (tmp_path / NOTES).write_text(notes, encoding="utf-8")

    assert not missing_files((SMALL,), tmp_path)
    placed(tmp_path, b"abd")
    assert missing_files((SMALL,), tmp_path)


def test_folder_that_cannot_be_written_is_read_at_each_start(tmp_path: Path) -> None:
    placed(tmp_path, b"abc")
    (tmp_path / NOTES).mkdir()

    assert not missing_files((SMALL,), tmp_path)
    assert not missing_files((SMALL,), tmp_path)


def test_voices_come_with_the_project_and_their_licence() -> None:
    assert VOICES_FILE.stat().st_size == 1_917_181
    assert "Apache License" in (VOICES_FILE.parent / "LICENSE").read_text(encoding="utf-8")
