"""Which recogniser is taken, by name and by machine, and what happens where its files cannot be had."""

import hashlib
import logging
import re
from dataclasses import replace
from pathlib import Path

import pytest

from app.errors import NotAvailable
from app.speech.base import Utterance
from app.speech.engines.stt import catalogue
from app.speech.engines.stt.catalogue import (
    KNOWN,
    PARAKEET,
    PARAKEET_FOLDER,
    PARAKEET_MODEL,
    TURBO,
    WHISPER_TURBO_MODEL,
)
from app.speech.engines.stt.choice import better, picked, required, usable, workers_for
from app.speech.engines.stt.local import LocalRecogniser, worker_of
from app.speech.engines.stt.machine import MachineProfile
from app.speech.engines.stt.parakeet import ParakeetPass
from app.speech.engines.stt.parakeet_worker import language_of, understood
from app.speech.models.catalogue import WHISPER_BASE, Model, ModelFile
from app.speech.models.fetching import FetchError, Progress
from app.speech.models.install import Installation
from app.speech.models.needs import needed_models
from app.speech.models.progress import InstallStep
from tests.support.clips import recording, silence, tone
from tests.support.context import settings_with
from tests.support.parakeet_standin import write_parakeet
from tests.support.sounds import white

GB = 10**9
SMALL = MachineProfile(2, 16 * GB, 0)
LARGE = MachineProfile(8, 16 * GB, 0)
WITH_CARD = MachineProfile(8, 32 * GB, 1)
FILES = [file for known in (PARAKEET_MODEL, WHISPER_TURBO_MODEL) for file in known.files]


def auto(**values: object):
    return settings_with(stt_model="auto", **values)


@pytest.mark.parametrize(
    ("machine", "name"),
    [
        (SMALL, "base"),
        (MachineProfile(3.9, 64 * GB, 0), "base"),
        (MachineProfile(4, 4 * GB, 0), "parakeet"),
        (MachineProfile(64, 3 * GB, 0), "base"),
        (MachineProfile(64, 0, 0), "base"),
        (LARGE, "parakeet"),
        (WITH_CARD, "large-v3-turbo"),
        (MachineProfile(2, 8 * GB, 2), "large-v3-turbo"),
    ],
)
def test_auto_is_decided_by_the_machine(machine: MachineProfile, name: str):
    assert picked(auto(), machine) == name


@pytest.mark.parametrize("name", ["base", "parakeet", "large-v3-turbo", "small", "/models/own"])
def test_name_decides_whatever_the_machine(name: str):
    assert picked(settings_with(stt_model=name), WITH_CARD) == name


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("auto", (WHISPER_BASE,)),
        ("base", (WHISPER_BASE,)),
        ("parakeet", (PARAKEET_MODEL,)),
        ("large-v3-turbo", (WHISPER_TURBO_MODEL,)),
        ("small", ()),
    ],
)
def test_named_model_is_brought_and_auto_cannot_do_without_base(name: str, models: tuple[Model, ...]):
    settings = settings_with(stt_model=name)

    assert required(settings) == models
    assert set(models) <= set(needed_models(settings))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.path)
def test_every_file_is_pinned(file: ModelFile):
    assert re.fullmatch("[0-9a-f]{64}", file.sha256)
    assert re.search(r"^https://huggingface\.co/[^/]+/[^/]+/resolve/[0-9a-f]{40}/[^/]+$", file.url)
    assert file.size > 0


def test_better_one_is_asked_for_only_where_its_host_is_within_reach(tmp_path: Path):
    asked: list[str] = []

    def answers(url: str, *, known: bool = True) -> bool:
        asked.append(url)
        return known

    settings = auto(models_dir=tmp_path)
    assert better(settings, LARGE, answers) == (PARAKEET_MODEL,)
    assert better(settings, WITH_CARD, answers) == (WHISPER_TURBO_MODEL,)
    assert better(settings, LARGE, lambda url: answers(url, known=False)) == ()
    assert len(asked) == 3

    assert better(settings, SMALL, answers) == ()
    assert better(auto(models_dir=tmp_path, models_from="pypi"), LARGE, answers) == ()
    assert better(auto(models_dir=tmp_path, stt_provider="none"), LARGE, answers) == ()
    assert better(settings_with(models_dir=tmp_path, stt_model="parakeet"), LARGE, answers) == ()
    assert len(asked) == 3


def test_host_that_cannot_be_reached_is_no_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    near = replace(PARAKEET_MODEL.files[0], url="http://127.0.0.1:1/config.json")
    small = replace(KNOWN[PARAKEET], model=Model("stand-in", "MIT", (near,)))
    monkeypatch.setitem(catalogue.KNOWN, PARAKEET, small)

    assert better(auto(models_dir=tmp_path), LARGE) == ()


def test_base_stands_in_for_what_is_not_there_with_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)

    assert usable(auto(models_dir=tmp_path), LARGE) == "base"

    [record] = caplog.records
    assert (record.message, vars(record)["picked"]) == ("stt_model_stands_in", "parakeet")
    assert usable(auto(models_dir=tmp_path), SMALL) == "base"
    assert usable(settings_with(models_dir=tmp_path, stt_model="parakeet"), LARGE) == "parakeet"
    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("name", "memory", "workers"),
    [
        ("base", 2 * GB, 3),
        ("parakeet", 4 * GB, 1),
        ("parakeet", 64 * GB, 3),
        ("own", GB, 3),
        ("parakeet", 0, 3),
    ],
)
def test_no_more_workers_than_half_of_the_memory_holds(name: str, memory: int, workers: int):
    assert workers_for(name, 3, MachineProfile(8, memory, 0)) == workers


def test_each_model_is_opened_by_its_kind_of_worker(tmp_path: Path):
    write_parakeet(tmp_path / PARAKEET_FOLDER, ["▁hola"])
    (tmp_path / "whisper-large-v3-turbo").mkdir()
    (tmp_path / "whisper-large-v3-turbo" / "model.bin").write_bytes(b"x")
    settings = settings_with(models_dir=tmp_path, stt_workers=2)

    kind, options, size = worker_of(PARAKEET, settings, LARGE)
    assert (kind.rpartition(".")[2], options["threads"], size) == ("parakeet_worker", 4, 2)
    kind, options, _ = worker_of(TURBO, settings, WITH_CARD)
    assert (kind.rpartition(".")[2], options["device"]) == ("whisper_worker", "cuda")
    assert worker_of(TURBO, settings, LARGE)[1]["device"] == "cpu"
    with pytest.raises(NotAvailable):
        worker_of(PARAKEET, settings_with(models_dir=tmp_path / "none"), LARGE)


async def test_parakeet_is_asked_in_its_process(tmp_path: Path):
    pytest.importorskip("onnx_asr", reason="the package onnx-asr is not installed")
    pieces = ["▁¿", "Qué", "▁hora", "▁es", "▁en", "▁Madrid", "?"]
    write_parakeet(tmp_path / PARAKEET_FOLDER, pieces)
    recogniser = LocalRecogniser(settings_with(models_dir=tmp_path, stt_model="parakeet", stt_workers=1))
    await recogniser.start()
    try:
        heard = await recogniser.transcribe(Utterance(recording("es_hora").pcm, hint="en"))
        asked = await recogniser.transcribe(Utterance(recording("es_hora").pcm, language="en"))
        long = await recogniser.transcribe(Utterance(tone(40), hint="es"))
        nothing = await recogniser.transcribe(Utterance(silence(2), hint="en"))
    finally:
        await recogniser.aclose()

    assert (heard.text, heard.language) == ("¿Qué hora es en Madrid?", "es")
    assert 0.9 < heard.confidence <= 1
    assert asked.language == "en"
    assert long.text == "¿Qué hora es en Madrid? ¿Qué hora es en Madrid?"
    assert (nothing.text, nothing.language) == ("", "en")


async def test_model_whose_files_are_broken_does_not_start(tmp_path: Path):
    folder = write_parakeet(tmp_path / PARAKEET_FOLDER, ["▁hola"])
    (folder / "encoder-model.int8.onnx").write_bytes(b"no model")
    recogniser = LocalRecogniser(settings_with(models_dir=tmp_path, stt_model="parakeet", stt_workers=1))
    try:
        with pytest.raises(Exception, match=r"(?i)worker|load|start|parakeet"):
            await recogniser.start()
    finally:
        await recogniser.aclose()


class Says:
    """A model that hears what it was told to."""

    def __init__(self, text: str, confidence: float) -> None:
        self._heard = ParakeetPass(text, confidence)
        self.passes = 0

    def read(self, samples: object) -> ParakeetPass:
        self.passes += 1
        return self._heard


@pytest.mark.parametrize(
    ("text", "confidence", "words"),
    [
        ("Hola, ¿qué tal?", 0.9, "Hola, ¿qué tal?"),
        ("Hola, ¿qué tal?", 0.2, ""),
        ("Gracias.", 0.4, ""),
        ("no no no no no no no no", 0.9, "no"),
        ("(música)", 0.9, ""),
        ("", 0.0, ""),
    ],
)
def test_words_are_believed_where_the_model_is_sure_of_them(text: str, confidence: float, words: str):
    assert understood(Says(text, confidence), white(2)).text == words


def test_silence_is_not_read():
    model = Says("Hola", 0.9)

    assert understood(model, white(2) * 0).text == ""
    assert model.passes == 0


def test_language_is_the_one_asked_for_or_that_of_the_words_or_the_talks():
    assert language_of("what is the time", "auto", "es") == "en"
    assert language_of("qué hora es", "auto", "en") == "es"
    assert language_of("Madrid", "auto", "en") == "en"
    assert language_of("what is the time", "es", "en") == "es"


class Folder:
    """A source that writes what the files are to hold, or cannot."""

    def __init__(self, content: dict[str, bytes]) -> None:
        self._content = content
        self.asked: list[str] = []

    def fetch(self, file: ModelFile, folder: Path, told: Progress) -> None:
        self.asked.append(file.path)
        if file.path not in self._content:
            raise FetchError(f"{file.path}: cannot be had")
        path = folder / file.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self._content[file.path])
        told(file.size)


class Steps:
    """Notes the steps of an installation."""

    def __init__(self) -> None:
        self.steps: list[InstallStep] = []

    def show(self, step: InstallStep) -> None:
        self.steps.append(step)


def made_of(name: str, content: bytes) -> ModelFile:
    return ModelFile(
        name, len(content), hashlib.sha256(content).hexdigest(), f"http://127.0.0.1:1/{name}", ()
    )


@pytest.mark.parametrize("has_better", [True, False])
def test_installation_brings_the_better_model_or_does_with_base(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, *, has_better: bool
):
    base, large = made_of("base.bin", b"base"), made_of("large.bin", b"large")
    monkeypatch.setattr(
        "app.speech.models.install.needed_models", lambda settings: (Model("b", "MIT", (base,)),)
    )
    monkeypatch.setattr("app.speech.models.install.better", lambda settings: (Model("l", "MIT", (large,)),))
    content = {"base.bin": b"base"} | ({"large.bin": b"large"} if has_better else {})
    source, steps = Folder(content), Steps()

    done = Installation(auto(models_dir=tmp_path), steps, source=source).run(packages=False)

    assert done
    assert source.asked == ["base.bin", "large.bin"]
    assert (tmp_path / "large.bin").exists() is has_better
    progress = [step.progress for step in steps.steps]
    assert progress == sorted(progress)
    warned = [record.message for record in caplog.records if record.levelno == logging.WARNING]
    assert warned == ([] if has_better else ["stt_model_not_brought"])
