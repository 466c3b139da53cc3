"""The installer, against files that are there or a source that is not."""

import subprocess
import sys
from pathlib import Path

import pytest

from app.speech.models.catalogue import ModelFile, missing_files
from app.speech.models.checksums import NOTES, note_whole
from app.speech.models.fetching import FetchError, Progress
from app.speech.models.install import Installation, install_models, what_is_missing
from app.speech.models.needs import needed_models
from app.speech.models.progress import InstallStep
from app.storage.process_lock import ProcessLock
from tests.support.context import settings_with

ROOT = Path(__file__).parents[3]


class Reporter:
    def __init__(self) -> None:
        self.steps: list[InstallStep] = []

    def show(self, step: InstallStep) -> None:
        self.steps.append(step)


class FakeSource:
    """Makes each file at once, in two pieces."""

    def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
        if file.path == "bad":
            raise FetchError("bad: cannot be had")
        told(file.size // 2)
        told(file.size)
        (folder / file.path).write_bytes(b"x" * file.size)
        note_whole(folder, file.path, file.sha256)


def file_of(path: str, size: int) -> ModelFile:
    return ModelFile(path, size, "", "", ())


def test_progress_counts_the_bytes_of_all_files(tmp_path: Path) -> None:
    told: list[int] = []

    install_models([file_of("a", 10), file_of("b", 30)], tmp_path, FakeSource(), told.append)

    assert told == [5, 10, 10, 25, 40, 40]


def test_files_before_one_that_cannot_be_had_are_kept(tmp_path: Path) -> None:
    with pytest.raises(FetchError):
        install_models([file_of("a", 10), file_of("bad", 1)], tmp_path, FakeSource(), lambda there: None)

    assert (tmp_path / "a").exists()


def with_all_models(folder: Path) -> None:
    for model in needed_models(settings_with()):
        for file in model.files:
            path = folder / file.path
            path.parent.mkdir(exist_ok=True)
            with path.open("wb") as content:
                content.truncate(file.size)
            note_whole(folder, file.path, file.sha256)


def test_what_is_there_already_is_left_alone(tmp_path: Path) -> None:
    with_all_models(tmp_path)
    reporter = Reporter()

    assert Installation(settings_with(models_dir=tmp_path), reporter).run(packages=False)

    assert [step.name for step in reporter.steps] == ["done"]
    suffixes = sorted(path.suffix for path in tmp_path.iterdir() if path.is_file() and path.name != NOTES)
    assert suffixes == [".onnx"] * 3


def test_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    reporter = Reporter()

    settings = settings_with(models_dir=tmp_path / "file" / "models")
    assert not Installation(settings, reporter).run(packages=False)

    [step] = reporter.steps
    assert step.name == "failed"
    assert "Not a directory" in step.detail


def test_two_installations_take_turns(tmp_path: Path) -> None:
    other = ProcessLock(tmp_path / ".installing")
    other.acquire()
    reporter = Reporter()

    def pause(seconds: float) -> None:
        # Meanwhile the other one has brought everything.
        with_all_models(tmp_path)
        other.release()

    settings = settings_with(models_dir=tmp_path, models_from="pypi")
    assert Installation(settings, reporter, pause).run(packages=False)

    assert [step.detail for step in reporter.steps] == [
        "another installation is running",
        "everything is there",
    ]


def test_missing_files_are_named_with_their_folder(tmp_path: Path) -> None:
    missing = what_is_missing(settings_with(models_dir=tmp_path))

    assert str(tmp_path / "silero_vad.onnx") in missing


def run(*options: str, **values: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.voice.install", *options],
        cwd=ROOT,
        env=values,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_check_says_what_is_missing_and_brings_nothing(tmp_path: Path) -> None:
    done = run("--check", MODELS_DIR=str(tmp_path))

    assert done.returncode == 1
    assert f"missing: {tmp_path / 'silero_vad.onnx'}\n" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_wrong_settings_are_said_in_one_line() -> None:
    done = run("--check", MODELS_FROM="elsewhere")

    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "MODELS_FROM" in done.stderr


def test_what_a_killed_run_downloaded_is_removed(tmp_path: Path) -> None:
    left = tmp_path / ".wheels" / "half.whl"
    left.parent.mkdir()
    left.write_text("half", encoding="utf-8")
    reporter = Reporter()

    settings = settings_with(models_dir=tmp_path, tts_provider="none", stt_provider="none")
    assert Installation(settings, reporter, source=FakeSource()).run(packages=False)

    assert not left.parent.exists()
    assert not missing_files(needed_models(settings), tmp_path)
    assert [step.progress for step in reporter.steps] == sorted(step.progress for step in reporter.steps)


def test_file_that_cannot_be_had_is_one_line_and_the_lock_is_free_again(tmp_path: Path) -> None:
    class Nowhere:
        def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
            raise FetchError("silero_vad.onnx: example.com cannot be reached")

    reporter = Reporter()
    installation = Installation(settings_with(models_dir=tmp_path), reporter, source=Nowhere())

    assert not installation.run(packages=False)
    assert not installation.run(packages=False)

    assert [step.detail for step in reporter.steps] == ["silero_vad.onnx: example.com cannot be reached"] * 2
